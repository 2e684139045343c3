"""A server that is slow, dead or out of its mind: the screen stays alive and says what is wrong."""

from __future__ import annotations

import time

import pytest

from tests.tui.fake_server import URL, FakeServer
from tests.tui.pilot import Pilot
from ticketbot.api import client


def failing(office: FakeServer, fault: int | str) -> Pilot:
    office.fault = fault
    return Pilot(office).start()


@pytest.mark.parametrize(
    ("fault", "popup", "header"),
    [
        ("down", f"Cannot reach {URL}.", "no response"),
        (500, "Something went wrong (HTTP 500", "failing"),
        (401, "Set TBOT_API_KEY to a valid key", "not allowed"),
    ],
)
def test_a_failing_server_is_told_in_words(office: FakeServer, fault: int | str, popup: str, header: str) -> None:
    pilot = failing(office, fault)
    assert popup in " ".join(line.strip(" │") for line in pilot.lines)
    assert header in pilot.lines[0]
    assert "Loading" not in pilot.screen
    end = next(number for number, line in enumerate(pilot.lines) if line.startswith(" └"))
    assert not any(pilot.lines[end + 1 : -4]), "what stands behind the popup sticks out"
    assert "Forwards" in pilot.press("esc", "ctrl f").lines[1]
    assert "From" in pilot.lines[3]


@pytest.mark.parametrize("fault", ["down", 500, 401])
def test_it_is_said_once_and_then_only_in_the_bars(office: FakeServer, fault: int | str) -> None:
    pilot = failing(office, fault).press("esc").pass_time(6).pass_time(6)
    assert "─ Error ─" not in pilot.screen


def test_rows_stay_while_the_server_is_away_and_the_popup_goes_when_it_is_back(pilot: Pilot) -> None:
    pilot.office.fault = "down"
    pilot.pass_time(6)
    assert f"Cannot reach {URL}." in pilot.screen
    assert pilot.window.tab.table.total == 2
    pilot.office.fault = None
    pilot.pass_time(6)
    assert "Cannot reach" not in pilot.screen
    assert "ready" in pilot.lines[0]


def test_a_server_that_goes_away_again_is_told_again(pilot: Pilot) -> None:
    for _ in range(2):
        pilot.office.fault = "down"
        assert "─ Error ─" in pilot.pass_time(6).screen
        pilot.office.fault = None
        assert "─ Error ─" not in pilot.pass_time(6).screen


def test_a_failing_deed_is_a_popup(pilot: Pilot) -> None:
    pilot.office.fault = 500
    pilot.press("e")
    assert "─ Error ─" in pilot.screen
    assert "Help Desk" in pilot.press("enter").screen


def test_nothing_that_was_typed_is_lost_when_saving_fails(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n").type("Cora Chen").press("enter").type("cora@msp.example").press("enter")
    pilot.office.fault = "down"
    assert "Cannot reach" in pilot.press("enter").screen
    pilot.office.fault = None
    assert "Cora Chen" in pilot.press("esc").screen
    assert "Added: Cora Chen" in pilot.press("enter").screen


def test_keys_work_while_the_server_takes_its_time(pilot: Pilot) -> None:
    pilot.office.gate.clear()
    pilot.window.tick(6)
    pilot.press_only("down").press_only("/")
    for letter in "help":
        pilot.press_only(letter)
    assert "Night Shift" not in pilot.screen
    pilot.press_only("esc").press_only("ctrl f")
    assert "Loading…" in pilot.screen
    pilot.office.gate.set()
    assert "Zoë Żak" in pilot.settle().screen


def test_a_slow_server_is_told_by_a_spinner_and_then_in_words(pilot: Pilot, monkeypatch: pytest.MonkeyPatch) -> None:
    pilot.office.gate.clear()
    pilot.window.tick(6)
    began = time.monotonic()
    for passed_s, is_slow in ((1.5, False), (6.0, True)):
        monkeypatch.setattr("ticketbot.tui.background_calls.time.monotonic", lambda at=began + passed_s: at)
        assert any(mark in pilot.lines[0] for mark in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
        assert ("Waiting for the server (" in pilot.screen) is is_slow
    monkeypatch.undo()
    pilot.office.gate.set()
    pilot.settle()
    assert not any(mark in pilot.lines[0] for mark in "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")


def test_an_answer_that_is_out_of_date_is_not_shown(pilot: Pilot) -> None:
    pilot.office.gate.clear()
    pilot.window.tick(6)
    tab = pilot.window.tab
    tab.read()
    reading = tab._reading
    pilot.office.gate.set()
    pilot.settle()
    tab._on_rows(reading - 1, None, tab.table.content([]))
    assert tab.table.total == 2


def test_saving_twice_asks_once(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n").type("Cora").press("enter").type("c@d").press("enter")
    pilot.office.gate.clear()
    pilot.press_only("enter").press_only("enter")
    assert "Saving…" in pilot.screen
    pilot.office.gate.set()
    pilot.settle()
    assert len(pilot.office.users) == 3


def test_a_bug_in_a_background_thread_is_said_and_the_screen_goes_on(office: FakeServer) -> None:
    def connect() -> client.Client:
        raise ZeroDivisionError("boom")

    pilot = Pilot(office, connect=connect).start()
    assert "Internal error: ZeroDivisionError: boom" in pilot.screen
    assert "From" in pilot.press("esc", "ctrl f").screen


def test_a_change_is_shown_as_the_server_answered_it_before_the_rows_are_read_anew(pilot: Pilot) -> None:
    """Otherwise a second E, typed at once, would set what the first has set."""
    pilot.press_only("e")
    while not any(line.startswith(" Disabled") for line in pilot.lines):
        assert pilot._bell.wait(10)
        pilot._bell.clear()
        pilot.window.deliver()
    pilot.office.gate.clear()
    assert not pilot.window.tab.table.selected.enabled
    pilot.office.gate.set()
    pilot.settle()
    assert "Enabled:" in pilot.press("e").screen
