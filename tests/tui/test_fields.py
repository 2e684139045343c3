"""Fields check what is typed as it is typed."""

from __future__ import annotations

import pytest

from ticketbot.tui import fields


def typed(field: fields.Field, *keys: str) -> fields.Field:
    for key in keys:
        field.press(key)
    return field


def text_of(field: fields.Field, columns: int = 40) -> list[str]:
    return ["".join(text for _, text in line).rstrip() for line in field.lines(columns, is_focused=True)]


@pytest.mark.parametrize(
    "text", ["", "2", "2026", "2026-0", "2026-12", "2026-03-0", "2026-03-01", "2026-03-01T09:00", "2026-02-28"]
)
def test_what_is_or_may_become_a_date_is_no_complaint(text: str) -> None:
    assert typed(fields.DateField("start", "Start", ""), *text).check() == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tomorrow", "Give a date such as"),
        ("03/01", "Give a date such as"),
        ("2026-2", "Give a date such as"),
        ("2026-13", "Give a date such as"),
        ("2026-00", "Give a date such as"),
        ("2026-02-30", "There is no such date: 2026-02-30."),
        ("2026-03-01T25:00", "There is no such date"),
        ("2026-03-01 and on", "Give a date such as"),
    ],
)
def test_what_cannot_be_a_date_is_said_at_once(text: str, said: str) -> None:
    assert said in typed(fields.DateField("start", "Start", ""), *text).check()


def test_half_a_date_is_not_taken() -> None:
    half = typed(fields.DateField("start", "Start", ""), *"2026-0")
    assert half.check() == ""
    assert "Give a date" in half.required_error()


@pytest.mark.parametrize(
    ("start", "end", "is_wrong"),
    [
        ("2026-03-02", "2026-03-01", True),
        ("2026-03-01", "2026-03-01", False),
        ("2026-03-01T09:00", "2026-02-28", True),
        (None, "2026-03-01", False),
        ("nonsense", "2026-03-01", False),
    ],
)
def test_an_end_before_the_start_is_said(start: str | None, end: str, is_wrong: bool) -> None:
    field = typed(fields.DateField("end", "End", "", after="start"), *end)
    assert bool(field.cross_check({"start": start, "end": end})) is is_wrong


def choice(*names: str, is_many: bool = False) -> fields.PickerField:
    field = fields.PickerField("board_id", "Board", none="None yet.", is_many=is_many)
    field.fill(fields.Options(fields.Option(number, name) for number, name in enumerate(names, 1)))
    return field


def test_a_choice_waits_for_what_there_is_to_choose() -> None:
    field = fields.PickerField("board_id", "Board", none="None yet. Press Ctrl+S.")
    assert text_of(field) == ["", "Loading…"]
    typed(field, *"pro", "enter").on_blur()
    assert field.required_error() == "Still loading names …"
    field.fill(fields.Options([]))
    assert text_of(field) == ["pro", "None yet. Press Ctrl+S."]
    assert "No match for 'pro'" in field.required_error()
    field.set_error("Cannot reach the server.")
    assert text_of(field) == ["pro", "Cannot reach the server."]


def test_a_name_is_taken_with_enter_after_a_part_of_it() -> None:
    field = choice("Projects", "Service Desk")
    typed(field, *"desk", "enter")
    assert (field.value, text_of(field)) == (2, ["Service Desk"])
    typed(field, "backspace")
    assert field.value is None


def test_the_arrows_mark_another_match_and_stop_at_the_ends() -> None:
    field = choice("a1", "a2")
    assert [field.press(key) for key in ("a", "up", "down", "down")] == [True, False, True, False]
    field.on_blur()
    assert field.value == 2


def test_leaving_takes_the_marked_name_only_if_something_was_typed() -> None:
    field = choice("Projects")
    field.on_blur()
    assert field.value is None
    assert field.required_error() == "Required. Type part of the name."
    typed(field, "p").on_blur()
    assert field.value == 1


def test_enter_takes_nothing_while_nothing_is_typed_or_marked() -> None:
    field = choice("Projects", "Service Desk")
    assert not field.press("enter")
    assert (field.value, field.required_error()) == (None, "Required. Type part of the name.")


@pytest.mark.parametrize(("is_many", "chosen"), [(False, 2), (True, [2])])
def test_enter_takes_the_name_marked_with_down(is_many: bool, chosen: object) -> None:
    field = typed(choice("Projects", "Service Desk", is_many=is_many), "down", "down", "enter")
    assert field.value == chosen


def test_leaving_does_not_take_a_name_that_was_only_marked_on_the_way_down() -> None:
    field = typed(choice("Projects", "Service Desk", is_many=True), "down", "down")
    field.on_blur()
    assert field.value == []
    assert not field.press("enter")


def test_up_from_the_first_name_unmarks_it_and_then_leaves() -> None:
    field = choice("Projects", "Service Desk")
    assert [field.press(key) for key in ("down", "up", "up")] == [True, True, False]
    assert not field.press("enter")
    assert field.value is None


def test_an_empty_field_says_what_it_means() -> None:
    field = fields.PickerField("board_ids", "Boards", none="None yet.", is_many=True, empty="all boards")
    field.fill(fields.Options([fields.Option(1, "Projects")]))
    assert text_of(field)[0] == "(all boards)"
    typed(field, "p")
    assert text_of(field)[0] == "p"
    typed(field, "enter")
    assert text_of(field)[:2] == ["", "+ Projects"]


def test_a_name_that_does_not_exist_is_said_once_and_still_after_leaving() -> None:
    field = typed(choice("Projects"), *"pr")
    assert field.check() == ""
    typed(field, "x")
    field.error = field.check()
    assert text_of(field) == ["prx", "No match for 'prx'."]
    field.on_blur()
    assert field.check() == "No match for 'prx'."


def test_only_the_best_of_many_are_shown() -> None:
    assert text_of(choice(*(f"board {number}" for number in range(20))))[-1] == " … type to narrow it down"


def test_several_are_chosen_one_after_the_other_and_taken_back() -> None:
    field = choice("Projects", "Service Desk", is_many=True)
    typed(field, "p", "enter", "s", "e", "enter", "s", "e", "r", "enter")
    assert field.value == [1, 2]
    assert "+ Projects" in text_of(field)
    assert not field.press("enter")
    typed(field, "backspace")
    assert field.value == [1]
    assert field.required_error() == ""


def test_a_long_line_follows_the_cursor() -> None:
    field = typed(fields.TextField("name", "Name"), *"Maria de los Angeles")
    assert text_of(field, 10) == ["s Angeles"]
    assert field.cursor == 9
    typed(field, "home")
    assert text_of(field, 10) == ["Maria de …"]
    assert field.cursor == 0


@pytest.mark.parametrize("key", ["up", "down", "tab", "enter", "esc", "f5"])
def test_keys_that_lead_to_other_fields_are_not_the_fields_own(key: str) -> None:
    assert not fields.TextField("name", "Name").press(key)
    assert not fields.Checkbox("boards", "Boards").press(key)


def test_space_ticks() -> None:
    field = fields.Checkbox("boards", "Boards", "all of them")
    assert [typed(field, " ").value, typed(field, " ").value] == [True, False]
    assert text_of(field) == ["[ ] all of them"]
