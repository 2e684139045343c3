"""A form cannot be saved while something is wrong, and loses nothing when saving fails."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.pilot import Pilot
from ticketbot.present import forms, name_filter
from ticketbot.tui import form_dialog

SIZE = (80, 24)
IDS = {"boards": 2, "recipients": 3, "users": 2}
KEYS = (
    "enter",
    "tab",
    "shift tab",
    "up",
    "down",
    "backspace",
    "left",
    "right",
    "ctrl u",
    "ctrl a",
    "ctrl w",
    " ",
    "f5",
)
FORMS = (
    forms.NEW_RULE,
    forms.CHANGE_RULE,
    forms.TRY_RULE,
    forms.NEW_FORWARD,
    forms.CHANGE_FORWARD,
    forms.NEW_USER,
    forms.NEW_KEY,
    forms.NEW_SYNC,
    forms.GO_TO_TICKET,
)


def test_required_fields_are_said_when_the_form_is_saved_without_them(pilot: Pilot) -> None:
    pilot.press("n", "tab", "tab", "enter")
    assert pilot.screen.count("Required. Type part of the name.") == 2


def test_nothing_that_was_typed_is_lost_when_saving_fails(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n").type("Cora Chen").press("enter").type("cora@msp.example").press("enter")
    pilot.server.is_down = True
    assert "Cannot reach" in pilot.press("enter").screen
    pilot.server.is_down = False
    assert "Cora Chen" in pilot.press("esc").screen
    assert "Added: user 3" in pilot.press("enter").screen


def test_saving_twice_asks_once(pilot: Pilot) -> None:
    pilot.press("ctrl u", "n").type("Cora").press("enter").type("c@msp.example").press("enter")
    with pilot.server.slow():
        pilot.press_only("enter", "enter")
        assert "Saving…" in pilot.screen
    pilot.settle()
    assert len([each for each in pilot.server.requests if each.startswith("POST /users")]) == 1


def test_esc_leaves_without_saving(pilot: Pilot) -> None:
    assert "New rule" not in pilot.press("n", *"serv", "esc").screen


def test_names_that_cannot_be_loaded_are_said(pilot: Pilot) -> None:
    pilot.server.status = 500
    assert "Press Esc, then N to retry." in pilot.press("n").text


def test_the_footer_shows_what_works_in_the_field(pilot: Pilot) -> None:
    assert "Up/Down choose" in pilot.press("ctrl s", "n", "tab", "tab", "tab").footer
    assert "Space check" in pilot.press("tab").footer


@given(st.sampled_from(FORMS), st.lists(st.one_of(st.sampled_from(KEYS), st.characters()), max_size=40))
def test_nothing_typed_crashes_a_form_or_saves_what_was_not_chosen(form: forms.Form, keys: list[str]) -> None:
    saved: list[Mapping[str, Any]] = []
    dialog = form_dialog.FormDialog(form, saved.append, {})
    for plural, count in IDS.items():
        options = name_filter.Options((number, f"{plural} {number}") for number in range(1, count + 1))
        dialog.fill(plural, options, "None.")
    for key in keys:
        dialog.keypress(SIZE, key)
        dialog.render(SIZE, focus=True)
    for values in saved:
        for field in form.fields:
            value = values[field.name]
            ids = value if isinstance(value, list) else [value]
            assert not field.choose_from or set(ids) <= set(range(1, IDS[field.choose_from] + 1))
