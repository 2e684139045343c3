"""Silences and quiet hours in the terminal UI: forms, previews, ending (N3, N4)."""

from __future__ import annotations

from tests.tui.pilot import Pilot
from ticketbot.database import db
from ticketbot.models import quiet_hours, silences


def _add_silence(pilot: Pilot) -> Pilot:
    pilot.press("ctrl e", "n", "tab", "tab").type("Contoso").press("tab", "tab", "tab", "tab")
    return pilot.type("2030-03-01").press("tab").type("Server move").press("tab", "enter")


def test_a_silence_is_added_changed_and_ended(pilot: Pilot) -> None:
    _add_silence(pilot)
    assert "Added: silence 1 (company Contoso)." in pilot.screen
    pilot.press("c", *["tab"] * 7).type(", again").press("tab", "enter")
    assert "Changed: silence 1 (company Contoso)." in pilot.screen
    assert "End silence 1 (company Contoso)?" in pilot.press("x").text
    assert "Ended: silence 1 (company Contoso)." in pilot.press("y").screen
    with db.session():
        (row,) = silences.Silence.select()
    assert (row.company, row.comment) == ("Contoso", "Server move, again")
    assert row.until == row.start
    assert "End silence" not in pilot.press("x").text  # it has ended


def test_a_silence_is_previewed_in_its_form_and_as_a_row(pilot: Pilot) -> None:
    _add_silence(pilot)
    said = "In the last 7 days, it would have skipped 0 notifications of those sent"
    assert said in pilot.press("p").text
    assert said in pilot.press("esc", "c", "f6").text


def test_a_new_silence_says_what_is_missing_only_when_it_is_saved(pilot: Pilot) -> None:
    pilot.press("ctrl e", "n")
    assert "Required." not in pilot.screen
    pilot.press(*["tab"] * 8, "enter")
    assert "Name at least one of these five." not in pilot.screen  # mistakes of single fields first
    pilot.type("Why").press("tab", "enter")
    assert "Name at least one of these five." in pilot.screen
    assert "Required." in pilot.screen


def test_a_silence_cannot_end_before_it_starts(pilot: Pilot) -> None:
    pilot.press("ctrl e", "n", *["tab"] * 5).type("2030-03-02").press("tab").type("2030-03-01").press("tab")
    pilot.type("Why").press("tab", "enter")
    assert "The end is before the start." in pilot.screen


def test_quiet_hours_are_added_and_changed(pilot: Pilot) -> None:
    pilot.press("ctrl o", "n").type("all people").press("enter").type("mon").press("enter", "tab")
    pilot.type("18:00").press("tab").type("08:00").press("tab", "tab", "tab", "enter")
    assert "Added: quiet hours 1 (all people, mon 18:00-08:00 Europe/Berlin)." in pilot.text
    pilot.press("c", *["tab"] * 5).type("priority_sort <= 1").press("tab", "enter")
    assert "Changed: quiet hours 1" in pilot.screen
    assert "Disabled: all people" in pilot.press("e").screen
    with db.session():
        (row,) = quiet_hours.QuietHours.select()
    assert (row.days, row.start, row.end, row.urgent) == (["mon"], "18:00", "08:00", "priority_sort <= 1")
    assert not row.enabled
