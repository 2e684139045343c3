"""Fields take what is typed, choose only what is in their list, and say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from ticketbot.present import forms, name_filter
from ticketbot.tui import fields

WIDTH = 40
CHOICE = forms.Field("board_id", "Board", "choice")
CHOICES = forms.Field("board_ids", "Boards", "choices", empty="all boards")


def press(field: Any, *keys: str) -> list[str | None]:
    """Type keys; returns those that the field left to the form."""
    left = [field.keypress((WIDTH,), key) for key in keys]
    field.refresh(is_focused=True)
    return [key for key in left if key is not None]


def text_of(field: fields.Input) -> list[str]:
    field.refresh(is_focused=True)
    return [line.strip() for line in field.render((WIDTH,), focus=True).decoded_text]


def choice(*names: str, field: forms.Field = CHOICE) -> fields.ChoiceInput:
    made = fields.ChoiceInput(field, 8, None)
    made.fill(name_filter.Options(enumerate(names, 1)), "None yet.")
    return made


def test_a_choice_waits_for_what_there_is_to_choose() -> None:
    field = fields.ChoiceInput(CHOICE, 8, None)
    assert text_of(field) == ["Board", "Loading…"]
    assert press(field, *"pro", "enter") == []
    field.leave()
    assert field.unknown == "Still loading names …"
    field.fill(name_filter.Options([]), "None yet.")
    assert text_of(field) == ["Board   pro", "None yet."]
    assert field.unknown == "No match for 'pro'."


def test_a_name_is_taken_with_enter_after_a_part_of_it() -> None:
    field = choice("Projects", "Service Desk")
    assert press(field, *"desk", "enter") == ["enter"]
    assert (field.value, text_of(field)) == (2, ["Board   Service Desk"])
    press(field, "backspace")
    assert field.value is None


def test_a_condition_is_completed_with_the_arrow_keys() -> None:
    """R4"""
    field = fields.ConditionInput(forms.Field("condition", "When", "condition"), 8, "")
    field.values = {"company": ["Contoso", "Fabrikam"]}
    assert press(field, "enter", "up", "down") == ["enter", "up", "down"]
    press(field, *"compa")
    assert text_of(field) == ["When    compa", "company", "company_id"]
    assert press(field, "down", "down", "down", "up") == ["down", "up"]
    assert press(field, "down", "down", "up", "enter") == []
    assert field.value == "company"
    press(field, *' == "f')
    field.leave()
    assert press(field, "enter", "down", "up", "down", "enter") == ["enter"]
    assert (field.value, text_of(field)) == ('company == "Fabrikam"', ['When    company == "Fabrikam"'])


def test_the_arrows_mark_another_match_and_leave_at_the_ends() -> None:
    field = choice("a1", "a2")
    assert press(field, "a", "up", "down", "down") == ["up", "down"]
    field.leave()
    assert field.value == 2


@pytest.mark.parametrize(("typed", "value"), [("", None), ("p", 1)])
def test_leaving_takes_the_marked_name_only_if_something_was_typed(typed: str, value: int | None) -> None:
    field = choice("Projects")
    press(field, *typed)
    field.leave()
    assert field.value == value


def test_enter_takes_nothing_while_nothing_is_typed_or_marked() -> None:
    """Defect 5: `N Enter Enter Enter` created a live rule for the first board and person."""
    field = choice("Projects", "Service Desk")
    assert press(field, "enter") == ["enter"]
    assert field.value is None


@pytest.mark.parametrize(("field", "chosen"), [(CHOICE, 2), (CHOICES, [2])])
def test_enter_takes_the_name_marked_with_down(field: forms.Field, chosen: object) -> None:
    made = choice("Projects", "Service Desk", field=field)
    press(made, "down", "down", "enter")
    assert made.value == chosen


def test_leaving_does_not_take_a_name_that_was_only_marked_on_the_way_down() -> None:
    field = choice("Projects", "Service Desk", field=CHOICES)
    press(field, "down", "down")
    field.leave()
    assert (field.value, press(field, "enter")) == ([], ["enter"])


def test_up_from_the_first_name_unmarks_it_and_then_leaves() -> None:
    field = choice("Projects", "Service Desk")
    assert press(field, "down", "up", "up", "enter") == ["up", "enter"]
    assert field.value is None


def test_an_empty_choice_says_what_it_means() -> None:
    field = choice("Projects", field=CHOICES)
    assert text_of(field)[0] == "Boards  (all boards)"
    press(field, "p", "enter")
    assert text_of(field)[:2] == ["Boards", "+ Projects"]


def test_several_are_chosen_one_after_the_other_and_taken_back() -> None:
    field = choice("Projects", "Service Desk", field=CHOICES)
    assert press(field, "p", "enter", "s", "e", "enter", "s", "enter") == []
    assert field.value == [1, 2]
    press(field, "backspace")
    assert field.value == [1]


def test_a_name_that_does_not_exist_is_said_at_once() -> None:
    field = choice("Projects")
    press(field, *"pr")
    assert field.unknown == ""
    press(field, "x")
    assert field.unknown == "No match for 'prx'."


def test_only_the_best_of_many_are_shown() -> None:
    assert text_of(choice(*(f"board {number}" for number in range(20))))[-1] == "… type to narrow it down"


def test_a_long_line_follows_the_cursor() -> None:
    field = fields.TextInput(forms.Field("name", "Name"), 8, "")
    press(field, *"Maria de los Angeles y de la Cruz Hernandez")
    assert text_of(field)[0].endswith("de la Cruz Hernandez")
    press(field, "home")
    assert text_of(field)[0].startswith("Name    Maria de los")


@pytest.mark.parametrize("key", ["up", "down", "tab", "enter", "esc", "f5"])
def test_keys_that_lead_to_other_fields_are_left_to_the_form(key: str) -> None:
    assert press(fields.TextInput(forms.Field("name", "Name"), 8, ""), key) == [key]
    assert press(fields.CheckInput(forms.Field("boards", "Boards", "check"), 8, False), key) == [key]


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (["ctrl a", "x"], "xab"),
        (["ctrl a", "ctrl e", "x"], "abx"),
        (["ctrl u"], ""),
        (["ctrl a", "ctrl f", "x"], "axb"),
        (["ctrl a", "ctrl k"], ""),
        (["ctrl w"], ""),
    ],
)
def test_editing_keys_belong_to_the_field(keys: list[str], text: str) -> None:
    field = fields.TextInput(forms.Field("name", "Name"), 8, "ab")
    assert press(field, *keys) == []
    assert field.value == text


def test_characters_that_are_not_safe_to_show_are_not_taken() -> None:
    field = fields.TextInput(forms.Field("name", "Name"), 8, "")
    press(field, "a", "\x9b", "\u202e", "\u200d", "客", "b")
    assert field.value == "a客b"


def test_space_checks_a_box() -> None:
    field = fields.CheckInput(forms.Field("boards", "Boards", "check", "all of them"), 8, False)
    press(field, " ")
    assert field.value
    press(field, " ")
    assert (field.value, text_of(field)) == (False, ["Boards  [ ] all of them"])
