"""The table of keys says everything once, and it is what the keys do."""

from __future__ import annotations

import pytest

from tests.tui.pilot import Pilot
from ticketbot.tui import keymap


def test_no_key_means_two_things_in_one_place() -> None:
    assert keymap.duplicates() == []


def test_a_key_that_means_two_things_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = keymap.Key("list", "nonsense", ("n", "ctrl c"), "N", "", "Nonsense")
    monkeypatch.setattr(keymap, "TABLE", (*keymap.TABLE, twice))
    assert keymap.duplicates() == [("list", "n"), ("list", "ctrl c")]


@pytest.mark.parametrize("key", ["n", "N"])
def test_letters_work_in_either_case(pilot: Pilot, key: str) -> None:
    assert "New rule" in pilot.press(key).screen


@pytest.mark.parametrize(
    ("key", "heading"),
    [
        ("ctrl r", "Board ▲"),
        ("ctrl f", "From ▲"),
        ("ctrl u", "Name ▲"),
        ("ctrl a", "Key ends in"),
        ("ctrl s", "Took"),
        ("ctrl n", "Recipient"),
    ],
)
def test_a_control_key_leads_to_its_tab(pilot: Pilot, key: str, heading: str) -> None:
    pilot.press("tab" if key == "ctrl r" else "ctrl r", key)
    assert heading in pilot.lines[3]


def test_tab_goes_around(pilot: Pilot) -> None:
    seen = []
    for _ in range(7):
        seen.append(pilot.window.tab.title)
        pilot.press("tab")
    assert seen == ["Rules", "Forwards", "Users", "Keys", "Sync", "Notifications", "Rules"]
    assert pilot.press("shift tab").window.tab.title == "Rules"
    assert pilot.press("left").window.tab.title == "Notifications"


@pytest.mark.parametrize("before", [[], ["n"], ["x"], ["/", "a"], ["?"], ["enter"]])
def test_control_c_quits_from_everywhere(pilot: Pilot, before: list[str]) -> None:
    assert pilot.press(*before, "ctrl c").has_quit


def test_help_shows_every_key(pilot: Pilot) -> None:
    pilot.press("?")
    seen = pilot.screen
    for _ in range(4):
        seen += pilot.press("page down").screen
    for row in keymap.TABLE:
        assert f"  {row.label} " in seen
        assert row.does.split(" and ")[0] in seen


def test_the_footer_shows_what_works_now(pilot: Pilot) -> None:
    assert "X delete  E on/off  Enter details" in pilot.footer
    pilot.office.rules.clear()
    pilot.pass_time(6)
    assert "N new" in pilot.footer
    assert "delete" not in pilot.footer
    assert "Enter details" not in pilot.footer
    assert "Y yes, do it" not in pilot.footer


@pytest.mark.parametrize(
    ("keys_before", "shown", "not_shown"),
    [
        (["n"], "Up/Down choose", "Space check"),
        (["ctrl s", "n"], "Space check", "Up/Down choose"),
        (["ctrl u", "n"], "Enter accept", "Space check"),
        (["n", "tab", "tab"], "Enter accept", "Up/Down choose"),
        (["?"], "Up/Down scroll", "N new"),
        (["enter"], "E on/off", "Up/Down scroll"),
    ],
)
def test_the_footer_of_a_dialog_shows_what_works_in_it_now(
    pilot: Pilot, keys_before: list[str], shown: str, not_shown: str
) -> None:
    pilot.press(*keys_before)
    assert shown in pilot.footer
    assert not_shown not in pilot.footer


@pytest.mark.parametrize("before", [["enter"], ["?"], ["/", "d"]])
def test_a_control_key_leads_to_its_tab_from_a_text_and_a_filter(pilot: Pilot, before: list[str]) -> None:
    pilot.press(*before, "ctrl u")
    assert "ana@msp.example" in pilot.screen
    assert "N new" in pilot.footer


@pytest.mark.parametrize("before", [["n"], ["x"]])
def test_a_control_key_does_not_lead_away_from_a_form_or_a_question(pilot: Pilot, before: list[str]) -> None:
    screen = pilot.press(*before).screen
    assert pilot.press("ctrl u").screen == screen


def test_a_key_that_does_not_work_now_does_nothing(pilot: Pilot) -> None:
    pilot.office.rules.clear()
    before = pilot.pass_time(6).screen
    assert pilot.press("x", "e", "enter", "r", "c", "f9", "q").screen == before


def test_what_is_pasted_into_a_list_is_no_command(pilot: Pilot) -> None:
    before = pilot.screen
    pilot.press("begin paste", "x", "y", "enter", "end paste")
    assert pilot.screen == before
    assert len(pilot.office.rules) == 2


def test_what_is_pasted_into_a_field_is_typed_but_does_not_leave_it(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n", "begin paste", *"Cora", "enter", *" Chen", "end paste")
    assert "Cora Chen" in pilot.screen


def test_j_and_k_move_the_selection_in_either_case() -> None:
    assert [keymap.action("list", key) for key in "jJkK"] == ["down", "down", "up", "up"]
