"""Forms turn what was typed into a request, or name every field that is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketbot import errors
from ticketbot.api import responses
from ticketbot.present import entities, forms

START = next(field for field in forms.NEW_FORWARD.fields if field.name == "start")
ALL = [value for value in vars(forms).values() if isinstance(value, forms.Form)]


def problem_of_date(text: str, *, is_complete: bool = False) -> str:
    return forms.problem(forms.NEW_FORWARD, START, text, is_complete=is_complete)


@pytest.mark.parametrize(
    "text", ["", "2", "2026", "2026-0", "2026-12", "2026-03-0", "2026-03-01", "2026-03-01T09:00", "2026-02-28"]
)
def test_what_is_or_may_become_a_date_is_no_problem(text: str) -> None:
    assert problem_of_date(text) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tomorrow", "Give a date such as"),
        ("2026-2", "Give a date such as"),
        ("2026-13", "Give a date such as"),
        ("2026-00", "Give a date such as"),
        ("2026-02-30", "There is no 30 February."),
        ("2026-03-01T25:00", "There is no time 25:00."),
        ("2026-03-01 and on", "Give a date such as"),
    ],
)
def test_what_cannot_be_a_date_is_said_at_once(text: str, said: str) -> None:
    assert problem_of_date(text).startswith(said)


def test_half_a_date_is_a_problem_once_it_is_complete() -> None:
    assert problem_of_date("2026-0", is_complete=True).startswith("Give a date")


def forward(**more: Any) -> dict[str, Any]:
    limits = {"public_only": False, "only_if_sole": False}
    return {"source_id": 1, "destination_id": 2, "start": "", "end": "", "keep_copy": False, **limits, **more}


def rule(**more: Any) -> dict[str, Any]:
    empty = {"events": ["new"], "condition": "", "name": "", "dry_run": False}
    return {"board_id": 1, "recipient_id": 2, **empty, **more}


@pytest.mark.parametrize(
    ("start", "end", "is_wrong"),
    [
        ("2026-03-02", "2026-03-01", True),
        ("2026-03-01", "2026-03-01", False),
        ("2026-03-01T09:00", "2026-02-28", True),
        ("", "2026-03-01", False),
        ("2026-0", "2026-03-01", False),
    ],
)
def test_an_end_before_the_start_is_said_at_the_end(start: str, end: str, is_wrong: bool) -> None:
    found = list(forms.problems(forms.NEW_FORWARD, forward(start=start, end=end), complete=()))
    assert found == ([errors.FieldError("end", "The end is before the start.")] if is_wrong else [])


def test_values_become_a_request() -> None:
    values = forward(start=" 2026-03-01 ", keep_copy=True)
    assert forms.read(forms.NEW_FORWARD, values) == {**values, "start": "2026-03-01", "end": None}
    assert forms.read(forms.GO_TO_TICKET, {"ticket_id": " #4711 "}) == {"ticket_id": 4711}


def test_a_choice_may_stand_for_null_and_a_text_may_be_empty() -> None:
    read = forms.read(forms.NEW_RULE, rule(board_id=forms.NULL, recipient_id=forms.NULL, name=" "))
    assert (read["board_id"], read["recipient_id"], read["target"]) == (None, None, "assigned")
    assert (read["condition"], read["name"]) == (None, None)
    assert forms.read(forms.NEW_RULE, rule())["target"] == "recipient"


def test_every_wrong_field_is_named() -> None:
    with pytest.raises(errors.InvalidInput) as failed:
        forms.read(forms.NEW_USER, {"name": " ", "email": "ana"})
    assert dict(failed.value.errors) == {
        "name": "Give at least 1 character.",
        "email": "Give one e-mail address, such as ana@example.com.",
    }


def test_a_choice_is_required_and_several_are_not() -> None:
    wrong = list(forms.problems(forms.NEW_RULE, rule(board_id=None)))
    assert wrong == [errors.FieldError("board_id", "Required. Type part of the name.")]
    assert [each.field for each in forms.problems(forms.NEW_RULE, rule(events=[]))] == ["events"]
    sync = {"boards": False, "recipients": False, "tickets": False, "board_ids": [], "force": False}
    assert [each.field for each in forms.problems(forms.NEW_SYNC, sync)] == ["boards"]
    assert not list(forms.problems(forms.NEW_SYNC, {**sync, "tickets": True}))


def test_a_form_starts_empty_or_with_the_values_of_a_row() -> None:
    row = responses.Forward(
        id=1,
        source_id=1,
        source_name="",
        destination_id=2,
        destination_name="",
        start="2026-03-01",
        end=None,
        keep_copy=True,
        enabled=True,
        state="active",
    )
    fields = forms.CHANGE_FORWARD.fields
    assert [forms.initial(field, row) for field in fields] == ["2026-03-01", "", True, False, False]
    assert [forms.initial(field) for field in fields] == ["", "", False, False, False]


@pytest.mark.parametrize("form", ALL, ids=lambda form: form.title)
def test_every_field_is_one_of_its_request_and_chooses_from_an_entity(form: forms.Form) -> None:
    assert {field.name for field in form.fields} <= set(form.request.__struct_fields__)
    assert all(not field.choose_from or field.choose_from in entities.BY_PLURAL for field in form.fields)


@given(st.sampled_from(ALL), st.data())
def test_any_text_is_read_or_refused_with_words(form: forms.Form, data: st.DataObject) -> None:
    kinds = {
        "text": st.text(),
        "condition": st.text(),
        "date": st.text(alphabet="0123456789-T: Z") | st.text(),
        "check": st.booleans(),
        "choice": st.none() | st.integers(1, 9),
        "choices": st.lists(st.integers(1, 9)),
    }
    values = {field.name: data.draw(kinds[field.kind]) for field in form.fields}
    try:
        forms.read(form, values)
    except errors.InvalidInput as refused:
        assert refused.errors
        assert all(each.message.endswith((".", "!", "?", "…")) for each in refused.errors)
