"""A tab refreshes itself, filters, sorts, and keeps its selection."""

from __future__ import annotations

import pytest

from tests.tui import seed
from tests.tui.pilot import Pilot, Server
from ticketbot.database import db
from ticketbot.models import rules, syncs
from ticketbot.tui import tab


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("ctrl r", "No rules. A rule notifies a room or a person of new tickets on a board. Press N to add one."),
        ("ctrl f", "No forwards. A forward sends notifications to someone else"),
        ("ctrl s", "No syncs."),
        ("ctrl n", "No notifications. They appear as soon as tickets change"),
        ("ctrl t", "No tickets."),
    ],
)
def test_an_empty_tab_says_what_to_do(empty_server: Server, key: str, said: str) -> None:
    assert said in Pilot(empty_server).start().press(key).text


def test_a_filter_narrows_the_rows_as_one_types(pilot: Pilot) -> None:
    pilot.press("/").type("night")
    assert "Night Shift" in pilot.screen
    assert "Help Desk" not in pilot.screen
    assert '1 of 3 match "night"' in pilot.screen
    assert "Help Desk" not in pilot.press("enter", "E").screen
    assert not rule(2).enabled
    assert "Help Desk" in pilot.press("esc").screen


def rule(number: int) -> rules.Rule:
    with db.session():
        found: rules.Rule = rules.Rule.get_by_id(number)
        return found


def test_a_filter_that_nothing_matches_says_so_and_esc_drops_it(pilot: Pilot) -> None:
    assert "No row matches 'zzz'. Esc shows all." in pilot.press("/").type("zzz").screen
    assert "Help Desk" in pilot.press("esc").screen


def test_in_the_filter_the_editing_keys_belong_to_the_line(pilot: Pilot) -> None:
    pilot.press("/").type("night").press("ctrl a", *"x", "ctrl e", *"y")
    assert "/ xnighty" in pilot.screen
    assert "Help Desk" in pilot.press("ctrl u").screen
    assert pilot.view.tab.about.title == "Rules"


@pytest.mark.parametrize(("key", "wanted"), [("ctrl n", "cora"), ("ctrl t", "4790")])
def test_the_filter_finds_rows_on_the_server_that_are_not_loaded(
    server: Server, key: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Defect 61: the filter knew only the newest 500."""
    with db.transaction("test"):
        seed.notify(server.api.clock.now(), 6, "Cora Chen", rule=1, ticket_id=4790)
        seed.ticket(server.api.clock.now(), 4790, "Screen is dark", "Contoso")
        for number in range(6):
            seed.ticket(server.api.clock.now(), 4800 + number, "Nothing works", "Contoso")
            seed.notify(server.api.clock.now(), 1, "Help Desk", rule=1, number=1 + number, ticket_id=4800 + number)
    monkeypatch.setattr(tab, "NEWEST", 5)
    pilot = Pilot(server).start().press(key)
    assert wanted not in pilot.screen.lower()
    pilot.press("/").type(wanted)
    assert "No row matches" in pilot.screen
    assert "4790" in pilot.pass_time(tab.SEARCH_AFTER_S).screen
    searches = [each for each in server.requests if "q=" in each]
    assert len(searches) == 1, "one search, not one for each letter"
    assert "4805" in pilot.press("esc").pass_time(1).screen


def test_rows_are_sorted_by_the_next_column_and_reversed(pilot: Pilot) -> None:
    pilot.press("s", "s", "o")
    assert "recipient ▼" in pilot.lines[3]
    assert "Old War Room" in pilot.lines[4]
    assert "sorted by recipient" in pilot.screen


def test_lists_are_reloaded_every_five_seconds_without_moving_the_selection(pilot: Pilot) -> None:
    pilot.press("j")
    with db.transaction("test"):
        rules.Rule.delete().where(rules.Rule.id == 1).execute()
    assert "Help Desk" in pilot.pass_time(1).screen
    assert "Help Desk" not in pilot.pass_time(5).screen
    assert pilot.view.tab.table.selected.id == 2


def test_nothing_is_reloaded_behind_a_form(pilot: Pilot) -> None:
    pilot.press("n")
    pilot.server.requests.clear()
    pilot.pass_time(6)
    assert not [each for each in pilot.server.requests if "/notifiers/rules" in each]


def test_an_answer_that_is_out_of_date_is_ignored(pilot: Pilot) -> None:
    with pilot.server.slow():
        pilot.view.tab.load()
        pilot.press_only("ctrl r")  # loads again
        pilot.view.tab.table.put(pilot.view.tab.table.selected)
    pilot.settle()
    pilot.view.tab._on_rows(1, None, pilot.view.tab.table.new_content([]))
    assert "Help Desk" in pilot.screen


def test_a_running_sync_is_followed_twice_a_second_to_its_end(server: Server) -> None:
    with db.transaction("test"):
        seed.sync_run(server.api.clock.now(), "running", boards=(3, 3), tickets=(312, 780), nothing=(0, 0))
    pilot = Pilot(server).start().press("ctrl s")
    assert "Sync 2 is running, requested by ana@msp.example" in pilot.screen
    assert "312 of 780" in pilot.screen
    assert "40 %" in pilot.screen
    assert "C cancel" in pilot.footer
    assert "N new" not in pilot.footer
    with db.transaction("test"):
        syncs.SyncRun.update(state="done", error_count=3, errors=["ticket 7: no"]).where(
            syncs.SyncRun.id == 2
        ).execute()
    pilot.pass_time(tab.FOLLOW_S)
    assert "Sync 2 is done with 3 errors: Enter shows them." in pilot.screen
    assert "is running" not in pilot.screen
    assert "ticket 7: no" in pilot.press("enter").screen
