"""The whole screen: dispatch of keys, a server that is slow, dead or out of its mind, any size, hostile texts."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
import urwid

from tests.tui import seed
from tests.tui.pilot import URL, Pilot, Server
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import notifications, recipients, rules, tickets

HOSTILE = "\x1b[2J\x9b31mevil\x07\r\n\u202egnp.exe\u200d👩\u200d💻 e\u0301客户 " + "x" * 150


def test_help_shows_every_key(pilot: Pilot) -> None:
    pilot.size = (80, 100)
    screen = pilot.press("?").screen
    for said in ("Everywhere", "In a list", "Ctrl+N", "In Forwards", "Turn all notifications off"):
        assert said in screen


def test_tab_goes_around(pilot: Pilot) -> None:
    seen = []
    for _ in range(13):
        seen.append(pilot.view.tab.about.title)
        pilot.press("tab")
    assert seen[:7] == ["Rules", "Forwards", "Silences", "Quiet hours", "Users", "Keys", "Sync"]
    assert seen[7:8] == ["Notifications"]
    assert seen[8:] == ["Tickets", "Recipients", "Events", "Audit", "Rules"]
    assert pilot.press("left").view.tab.about.title == "Rules"


@pytest.mark.parametrize(
    ("key", "title"),
    [
        ("ctrl r", "Rules"),
        ("ctrl f", "Forwards"),
        ("ctrl e", "Silences"),
        ("ctrl o", "Quiet hours"),
        ("ctrl u", "Users"),
        ("ctrl a", "Keys"),
        ("ctrl s", "Sync"),
        ("ctrl n", "Notifications"),
        ("ctrl t", "Tickets"),
    ],
)
def test_a_control_key_leads_to_its_tab_also_from_a_text(pilot: Pilot, key: str, title: str) -> None:
    assert pilot.press("tab", "enter", key).view.tab.about.title == title
    assert "Esc close" not in pilot.footer


@pytest.mark.parametrize("before", [["n"], ["x"], ["/"]])
def test_a_control_key_does_not_lead_away_from_a_form_a_question_or_a_filter(pilot: Pilot, before: list[str]) -> None:
    pilot.press(*before, "ctrl u", "ctrl s")
    assert pilot.view.tab.about.title == "Rules"


@pytest.mark.parametrize("before", [[], ["n"], ["x"], ["/", "a"], ["?"], ["enter"]])
def test_control_c_quits_from_everywhere(pilot: Pilot, before: list[str]) -> None:
    assert pilot.press(*before, "ctrl c").has_quit


def test_a_key_that_does_not_work_now_does_nothing(pilot: Pilot) -> None:
    before = pilot.screen
    assert pilot.press("r", "p", "d", "a", "f9", "q").screen == before


def test_what_is_pasted_into_a_list_is_no_command(pilot: Pilot) -> None:
    before = pilot.screen
    assert pilot.press("begin paste", "x", "y", "enter", "end paste").screen == before


def test_what_is_pasted_into_a_field_is_typed_but_does_not_leave_it(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n", "begin paste", *"Cora", "enter", *" Chen\x1b\u202e", "end paste")
    assert "Cora Chen" in pilot.screen


def test_notifications_are_turned_off_and_on_after_a_question_that_names_the_consequence(pilot: Pilot) -> None:
    pilot.press("!")
    assert "Turn notifications off, for everyone?" in pilot.screen
    assert "No one is notified of anything until they are on again" in pilot.text
    assert "notifications OFF" in pilot.press("y").lines[0]
    assert "Rooms and people are notified again" in pilot.press("!").text
    assert "notifications on" in pilot.press("y").lines[0]


def test_a_notice_goes_away_with_time_and_with_the_tab(pilot: Pilot) -> None:
    assert "Disabled:" in pilot.press("e").screen
    assert "Disabled:" not in pilot.pass_time(7).screen
    assert "Enabled:" not in pilot.press("e", "tab").screen


# A server that fails.


@pytest.mark.parametrize(
    ("fault", "popup", "header"),
    [
        ("down", f"Cannot reach {URL}. Is `tbot serve` running there?", "no response"),
        ("error", "See the server log (HTTP 500", "failing"),
        ("key", "Ask a colleague for a new key", "not allowed"),
    ],
)
def test_a_failing_server_is_told_in_words_once(server: Server, fault: str, popup: str, header: str) -> None:
    server.is_down, server.status = fault == "down", 500 if fault == "error" else 0
    server.key = "wrong" if fault == "key" else server.key
    pilot = Pilot(server).start()
    assert popup in pilot.text
    assert header in pilot.lines[0]
    assert "Loading" not in pilot.screen
    assert "┌ Error" not in pilot.press("esc").pass_time(6).pass_time(6).screen
    assert pilot.press("ctrl f").view.tab.about.title == "Forwards"


def test_rows_stay_while_the_server_is_away_and_the_popup_goes_when_it_is_back(pilot: Pilot) -> None:
    for _ in range(2):  # and it is told again
        pilot.server.is_down = True
        assert f"Cannot reach {URL}." in pilot.pass_time(6).screen
        assert "Help Desk" in pilot.press("esc").screen
        pilot.server.is_down = False
        pilot.pass_time(6)
        assert "Cannot reach" not in pilot.screen
        assert "ready" in pilot.lines[0]


def test_a_failing_action_is_a_popup(pilot: Pilot) -> None:
    pilot.server.status = 500
    assert "┌ Error" in pilot.press("e").screen
    assert "┌ Error" not in pilot.press("enter").screen


def test_keys_work_while_the_server_takes_its_time(pilot: Pilot) -> None:
    with pilot.server.slow():
        pilot.view.tick(6)
        pilot.press_only("down", "/", *"help")
        assert "Night Shift" not in pilot.screen
        pilot.press_only("esc", "ctrl f")
        assert "Loading…" in pilot.screen
    assert "Cora Chen" in pilot.settle().screen


def test_a_slow_server_is_told_by_a_spinner_and_then_in_words(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    with pilot.server.slow():
        pilot.view.tick(6)
        began = time.monotonic()
        for passed_s, is_slow in ((1.5, False), (6.0, True)):
            monkeypatch.setattr("ticketbot.tui.background_calls.time.monotonic", lambda at=began + passed_s: at)
            assert any(mark in pilot.lines[0] for mark in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
            assert ("Waiting for the server (" in pilot.screen) is is_slow
        monkeypatch.undo()
    assert not any(mark in pilot.settle().lines[0] for mark in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")


def test_a_bug_in_a_background_thread_is_said_and_the_screen_goes_on(server: Server) -> None:
    def connect() -> client.Client:
        raise ZeroDivisionError("boom")

    pilot = Pilot(server, connect=connect).start()
    assert "Internal error: ZeroDivisionError: boom" in pilot.screen
    assert pilot.press("esc", "ctrl f").view.tab.about.title == "Forwards"


# What is drawn.


def test_of_5000_notifications_only_the_newest_are_asked_for(server: Server) -> None:
    """That the first screen is there within a second is measured by the benchmark `tui`, not here."""
    with db.transaction("test"):
        row = notifications.Notification.select().where(notifications.Notification.id == 4).dicts().get()
        rows = [{**row, "id": 100 + number, "target": f"many:{number}"} for number in range(5000)]
        for start in range(0, len(rows), 100):
            notifications.Notification.insert_many(rows[start : start + 100]).execute()
    pilot = Pilot(server)
    assert "Help Desk" in pilot.start().screen
    assert "500 newest rows" in pilot.press("ctrl n").screen
    asked = [each for each in server.requests if each.startswith("GET /notifications?")]
    assert any("limit=500" in each for each in asked)
    assert not any("after=" in each for each in asked), asked  # one page each


@pytest.mark.parametrize("size", [(80, 24), (81, 25), (120, 40), (200, 50), (40, 12), (20, 6), (1, 1)])
@pytest.mark.parametrize("keys", [["enter"], ["n"], ["?"], ["x"], ["/", "a"], ["ctrl s"], ["ctrl n", "w"]])
def test_every_size_can_be_drawn(server: Server, size: tuple[int, int], keys: list[str]) -> None:
    with db.transaction("test"):
        seed.sync_run(server.api.clock.now(), "running", boards=(3, 3), tickets=(3, 10))
    pilot = Pilot(server, size).start().press(*keys).pass_time(0.2)
    canvas = pilot.view.render(size, focus=True)
    assert (canvas.cols(), canvas.rows()) == size


def test_a_resize_is_followed(pilot: Pilot) -> None:
    pilot.press("n")
    pilot.size = (130, 30)
    assert len(pilot.lines) == 30
    assert "Add rule" in pilot.screen
    assert "The recipient is notified" in pilot.press("esc").text


@pytest.mark.parametrize(("columns", "is_beside"), [(119, False), (120, True), (200, True)])
def test_details_are_beside_the_table_from_120_columns_on(server: Server, columns: int, is_beside: bool) -> None:
    pilot = Pilot(server, (columns, 40)).start()
    assert ("Service Desk (1)" in pilot.screen) is is_beside
    pilot.press("down")
    assert ("客户支持 Asia (3)" in pilot.screen) is is_beside


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
def test_hostile_texts_never_break_the_screen(server: Server, size: tuple[int, int]) -> None:
    with db.transaction("test"):
        for table, column in ((tickets.Board, "name"), (recipients.Recipient, "name"), (tickets.Ticket, "summary")):
            table.update({column: HOSTILE}).execute()
        notifications.Notification.update(recipient_name=HOSTILE, error=HOSTILE).execute()
        rules.Rule.update(enabled=True).execute()
    pilot = Pilot(server, size).start()
    for keys in ([], ["enter"], ["esc", "n", "down"], ["esc", "x"], ["n", "ctrl n"], ["w"], ["ctrl t"], ["enter"]):
        for line in pilot.press(*keys).lines:
            assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u200d" for char in line)
            assert urwid.calc_width(line, 0, len(line)) <= size[0]


def test_times_are_relative_in_tables_and_exact_in_details(pilot: Pilot) -> None:
    pilot.press("ctrl n")
    assert "30 min ago" in pilot.screen
    pilot.server.api.clock.advance(timedelta(days=1).total_seconds())
    assert "yesterday" in pilot.pass_time(6).screen
    assert "2026-03-02 09:30:00 CET" in pilot.press("enter").screen
