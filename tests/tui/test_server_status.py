"""The header and the tab bar say how the server is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.tui import seed
from tests.tui.pilot import URL, Pilot, Server
from ticketbot.database import db
from ticketbot.models import events, holds, notifications


def test_the_header_says_where_who_and_how_things_are(pilot: Pilot) -> None:
    for said in (URL, "Ana Alvarez", "notifications on", "ready"):
        assert said in pilot.lines[0]


def test_what_is_dead_or_running_is_counted_in_the_tab_bar(server: Server) -> None:
    """Defect 62: dead events appeared nowhere."""
    with db.transaction("test"):
        seed.sync_run(server.api.clock.now(), "running", boards=(1, 3))
    bar = Pilot(server).start().lines[1]
    assert "Notif 1" in bar
    assert "Evt 1" in bar
    assert "Sync 1" in bar


def test_counts_are_shown_only_where_they_are_not_zero(server: Server) -> None:
    with db.transaction("test"):
        notifications.Notification.update(state="sent").execute()
        events.Event.delete().execute()
    pilot = Pilot(server).start()
    assert pilot.lines[1] == " Rules Fwds Silen Quiet Users Keys Sync Notif Tkts Rcpt Evt Audit"
    pilot.size = (120, 30)
    assert "^E Silen ^O Quiet" in pilot.lines[1]
    pilot.size = (140, 30)
    assert "^N Notifications  ^T Tickets  Recipients  Events  Audit" in pilot.lines[1]


def test_a_line_says_what_waits_what_is_dead_and_the_last_of_everything(server: Server) -> None:
    """O14."""
    assert Pilot(server).start().lines[2] == " 2 dead, last message 29 min ago, last sync 3 h ago"
    with db.transaction("test"):
        notifications.Notification.update(state="sent").execute()
        events.Event.delete().execute()
        events.new_message_ids(["m1"], server.api.clock.now() - timedelta(minutes=5))
    assert Pilot(server).start().lines[2].startswith(" nothing waits, last webhook 5 min ago")


@pytest.mark.parametrize("columns", [30, 60, 80, 100, 120, 200])
def test_the_tab_bar_is_one_line(server: Server, columns: int) -> None:
    pilot = Pilot(server, (columns, 24)).start()
    assert "Rules" in pilot.lines[1]
    assert pilot.lines[2].startswith(" 2 dead")


def test_a_problem_of_the_server_is_named(server: Server) -> None:
    now = server.api.clock.now()
    with db.transaction("test"):
        holds.begin("webex", until=now + timedelta(hours=1), now=now, reason="429")
    assert "degraded: webex" in Pilot(server).start().lines[0]
