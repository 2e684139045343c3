"""Conditions: what may be written, what a mistake is called, and what a null means (R4)."""

from __future__ import annotations

from typing import Any

import pytest

from ticketbot.decide import condition_fields, condition_syntax, conditions

VALUES: dict[str, Any] = {
    **dict.fromkeys(condition_fields.FIELDS),
    "id": 4711,
    "summary": "Server down",
    "status": "New",
    "closed": False,
    "priority_sort": 2,
    "company": "Contoso",
    "owner": "AAlvarez",
    "resources": ("AAlvarez", "bbauer"),
    "assigned_count": 2,
    "is_project": False,
    "event": "changed",
    "changed": ("status",),
    "old": {**dict.fromkeys(condition_fields.OLD), "status": "Old", "resources": ("aalvarez",), "owner": "aalvarez"},
    "note": dict.fromkeys(condition_fields.NOTE),
    "hour": 12,
    "weekday": "mon",
}
MATCHING = [
    'priority_sort <= 3 and company in ["Contoso", "Fabrikam"]',
    'event == "changed" and "status" in changed',
    '"server down" in summary.as_lower',
    '"DOWN" in summary.as_upper',
    "severity == null",
    "company != null",
    'severity == "High" or closed == false',
    "not closed",
    'not (severity == "High" and closed)',
    '(severity ?? "Low") == "Low"',
    '(severity ?? impact ?? "Low") == "Low"',
    "(severity ?? impact) == null",
    'owner == "aALVAREZ" and "BBAUER" in resources and owner in ["x", "aalvarez"]',
    "owner == old.owner",
    'resources == ["aalvarez", "BBauer"]',
    'old.status == "Old" and status != old.status',
    "note.text == null",
    'summary.starts_with("Ser") and summary.ends_with("wn") and not summary.ends_with("a longer text than this")',
    "summary.length > 3 and resources.length == 2 and not resources.is_empty",
    "100 / assigned_count - 1 > 20 and 7 // 2 == 3 and id % 2 == 1 and 2 * 3 + 1 == 7 and -id < 3",
    'hour >= 8 and hour < 18 and weekday not in ["sat", "sun"]',
    'summary == "Server \\u0064own"',
    '"abc".starts_with("a")',
    "1.5 < 2",
    'summary > "A"',
    "true",
]
NOT_MATCHING = [
    "priority_sort > 3",
    'status in ["In Progress"]',
    '"priority" in changed',
    "closed or is_project",
    'severity == "High" and closed',
    "null == company",
]
NULLS = {
    'severity == "High"': ("severity",),
    'severity != "High"': ("severity",),
    'not (severity == "High")': ("severity",),
    'severity == "High" or impact == "High"': ("severity", "impact"),
    '"x" in note.text': ("note.text",),
    'note.text.as_lower == "x" or closed': ("note.text",),
    'severity in ["High"]': ("severity",),
    "old.closed": ("old.closed",),
    "severity == old.priority": ("severity",),
}
MISTAKES = [
    ("prioritysort < 3", 0, "priority_sort", "There is no field prioritysort. Did you mean priority_sort?"),
    ("closed and xyzzy", 11, None, "There is no field xyzzy"),
    ("note.txt == null", 5, "text", "There is no `.txt` here. Did you mean text?"),
    ('summary.aslower == "x"', 8, "as_lower", "There is no `.aslower` here"),
    ("summary.__class__ == 1", 8, None, "There is no `.__class__` here. There are as_lower"),
    ('summary.encode("x") == "s"', 0, None, "This does not fit together"),
    ("closed == TRUE", 10, "true", "Did you mean true?"),
    ("owner == None", 9, "null", "Did you mean null?"),
    ('event == "closed"', 0, None, 'event is never "closed"'),
    ('closed or weekday == "monday"', 10, "mon", 'weekday is never "monday"'),
    ('"notes" in changed', 0, None, 'changed is never "notes"'),
    ('event == "new" or "changed"', 18, None, "Both sides of `or` are true or false"),
    ('closed and(event == "new")and"x"', 29, None, "Both sides of `and`"),
    ("summary", 0, None, "A condition is true or false; summary is text"),
    ("not summary", 0, None, "`not` turns true and false around"),
    ('summary + "x" == "y"', 0, None, "`+` adds numbers"),
    ('priority_sort == "3"', 0, None, 'priority_sort is a number and "3" is text: they are never equal'),
    ('priority_sort in ["3"]', 0, None, "they are never equal"),
    ('"x" in priority_sort', 0, None, "This does not fit together"),
    ("3 in resources", 0, None, "resources is a list of texts, 3 is a number"),
    ("summary[0] == 'S'", 0, None, "This is not allowed in a condition"),
    ('summary.to_str == "x"', 0, None, "`.to_str` is not allowed here, only as_lower"),
    ("resources.to_set == resources", 0, None, "`.to_set` is not allowed here"),
    ("summary.as_lower == 3", 0, None, "summary.as_lower is text and 3 is a number: they are never equal"),
    ("old == null", 0, None, "`old` is used by its parts: old.owner"),
    ('severity in ["High", null]', 0, None, "Compare with null by `== null`"),
    ('summary =~ "(a+)+$"', 8, None, "Regular expressions are not allowed"),
    ('summary !~~ "x"', 8, None, "Regular expressions are not allowed"),
    ("9**9**9 == 1", 1, None, "Powers are not allowed"),
    ("id << 99999999999 == 1", 3, None, "`<<` is not allowed"),
    ("$now.hour == 1", 0, None, "`$now` is not allowed"),
    ('d"2026-01-01" == null', 0, None, "Dates are not allowed"),
    ("[x for x in resources] == resources", 3, None, "`for` is not allowed"),
    ("closed ? closed : closed", 7, None, "Choices with `?` are not allowed"),
    ('{"a": 1} == null', 0, None, "Write a list in square brackets"),
    ('summary&.as_lower == "x"', 7, None, "`&.` is not allowed"),
    ('summary&["x"] == "x"', 7, None, "`&[` is not allowed"),
    ("closed && closed", 7, None, "Write `and`"),
    ("closed # comment", 7, None, "Comments are not allowed"),
    ('summary = "x"', 8, "==", "Compare with `==`"),
    ('summary == "x', 11, None, "has no closing quote"),
    ("summary == “x”", 11, None, "straight quotes"),
    ("closed ; closed", 7, None, "';' is not allowed"),
    ("elif == 3", 0, None, "reserved for future use"),
    ('"\\d" in summary', 0, None, "a backslash stands before"),
    ('r"\\d" in summary', 0, None, "a backslash stands before"),
    ("id == 1e99", 6, None, "at most 15 digits"),
    ("id == 1234567890123456", 6, None, "at most 15 digits"),
    ("id == 09", 0, None, "This does not fit together"),
    ("1 / 0 == 1", 0, None, "This does not fit together"),
    ("closed and", 10, None, "The condition ends too early"),
    ("closed closed", 7, None, "`closed` is not expected here"),
    ("", 0, None, "A condition is empty"),
    ("(" * 21 + "closed" + ")" * 21, 20, None, "nested deeper than 20"),
    ("x" * 1001, 1000, None, "at most 1000 characters"),
    ("-" * 251 + "1 == 1", 250, None, "at most 250 words and signs"),
]


@pytest.mark.parametrize("text", MATCHING)
def test_a_condition_matches(text: str) -> None:
    assert conditions.check(text) is None
    assert conditions.evaluate(text, VALUES) == conditions.Result(True)


@pytest.mark.parametrize("text", NOT_MATCHING)
def test_a_condition_does_not_match_and_names_the_values(text: str) -> None:
    found = conditions.evaluate(text, VALUES)
    assert (found.matches, found.nulls, found.failure) == (False, (), None)
    assert {name for name, _ in found.values} <= {*condition_fields.names()}
    assert found.values


@pytest.mark.parametrize(("text", "names"), NULLS.items())
def test_any_other_use_of_a_null_is_no_match_and_names_it(text: str, names: tuple[str, ...]) -> None:
    assert conditions.evaluate(text, VALUES) == conditions.Result(False, nulls=names)


@pytest.mark.parametrize(("text", "position", "suggestion", "message"), MISTAKES)
def test_a_mistake_has_its_position_and_the_nearest_name(
    text: str, position: int, suggestion: str | None, message: str
) -> None:
    mistake = conditions.check(text)
    assert mistake is not None
    assert message in mistake.message
    assert (mistake.position, mistake.suggestion) == (position, suggestion)


def test_a_condition_that_cannot_be_used_any_more_matches_and_says_so() -> None:
    found = conditions.evaluate("gone == 1", VALUES)
    assert found.matches
    assert str(found.failure).startswith("There is no field gone")


@pytest.mark.parametrize(
    ("text", "failure"), [("1 / (assigned_count - 2) == 1", "division by zero"), ("id < 3", "TypeError")]
)
def test_a_condition_that_fails_matches_and_says_so(text: str, failure: str) -> None:
    assert conditions.evaluate(text, {**VALUES, "id": "a text"}) == conditions.Result(True, failure=failure)


def test_a_long_value_is_cut_in_the_trace() -> None:
    found = conditions.evaluate('summary == "x"', {**VALUES, "summary": "y" * 500})
    assert found.values == (("summary", '"' + "y" * 59 + "…"),)


def test_whatever_the_library_stumbles_over_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition_syntax._library(), "Rule", _Broken)
    mistake = conditions.check("hour == 1 or hour == 23 or hour == 22")
    assert mistake is not None
    assert mistake.message == "This cannot be read: RecursionError"


class _Broken:
    parser = condition_syntax._library().Rule.parser

    def __init__(self, *_: object) -> None:
        raise RecursionError
