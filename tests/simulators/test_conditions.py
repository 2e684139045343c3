"""ConnectWise conditions as predicates over rows."""

from __future__ import annotations

import pytest

from ticketbot.simulators import conditions

FIELDS = {
    "id": "id", "summary": "summary", "closedflag": "closedFlag", "board/id": "board/id",
    "status/name": "status/name", "budgethours": "budgetHours", "lastupdated": "_info/lastUpdated",
    "a/b/c": "a/b/c",
}  # fmt: skip
ROW = {
    "id": 7,
    "summary": "Printer (lobby) is down",
    "closedFlag": False,
    "board": {"id": 3},
    "status": {"name": "In Progress"},
    "_info": {"lastUpdated": "2026-03-02T09:00:00Z"},
    "a": {"b": {"c": 1}},
}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "id = 7",
        "id=7 and closedFlag=False",
        "id != 8",
        "id > 6 AND id >= 7 AND id < 8 AND id <= 7",
        "ID in (1, 7,9)",
        "not id in (1,2)",
        "id not in (1,2)",
        "board/id in (3)",
        'summary = "printer (LOBBY) is down"',
        "summary contains 'LOBBY'",
        "summary not contains 'kitchen'",
        "summary like '%lobby%'",
        "summary like 'printer*'",
        "status/name = 'In Progress'",
        "id = 1 or id = 7",
        "id = 7 or id = 1 and closedFlag = true",
        "(id = 1 or id = 7) and closedFlag = false",
        "NOT (id = 1)",
        "lastUpdated > [2026-03-02T08:59:59Z]",
        "LastUpdated >= [2026-03-02T09:00:00Z] and lastUpdated <= [2026-03-02T09:00:00.500]",
        "lastUpdated > [2026-03-01]",
        "budgetHours = null",
        "budgetHours != 1.5",
        "a/b/c = 1",
    ],
)
def test_matching_conditions(text: str) -> None:
    assert conditions.compile_conditions(text, FIELDS)(ROW)


@pytest.mark.parametrize(
    "text",
    [
        "id = 8",
        "id < 7",
        "closedFlag = true",
        "id in (1,2)",
        "summary contains 'kitchen'",
        "summary like 'lobby%'",
        "(id = 7 or id = 1) and closedFlag = true",
        "lastUpdated > [2026-03-02T09:00:00Z]",
        "budgetHours > 0",
        "budgetHours = 1",
        "summary > 5",
        "status/name in ('New')",
        "not (id = 7)",
    ],
)
def test_conditions_that_do_not_match(text: str) -> None:
    assert not conditions.compile_conditions(text, FIELDS)(ROW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ticket = 7", "ticket is not a recognized name."),
        ("_info/lastUpdated > [2026-03-02T09:00:00Z]", "_info/lastUpdated is not a recognized name."),
        ("id = ", "Expected a value"),
        ("id 7", "Expected 'operator'"),
        ("id in (1,", "Expected a value"),
        ("id in (1", "Expected '\\)'"),
        ("(id = 1", "Expected '\\)'"),
        ("id = 1 summary = 'x'", "Unexpected 'summary'"),
        ("id = 1)", "Unexpected '\\)'"),
        ("id = 'it's'", "Cannot parse|Unexpected"),
        ("id ~ 1", "Cannot parse"),
        ("lastUpdated > [yesterday]", "is not a date"),
        ("lastUpdated > [2026-03-02T09:00:00+00:00]", "is not a date"),
        ("and", "is not a recognized name|Expected"),
    ],
)
def test_invalid_conditions_are_refused(text: str, message: str) -> None:
    with pytest.raises(conditions.ConditionError, match=message):
        conditions.compile_conditions(text, FIELDS)


def test_nested_field_is_none_without_its_parent() -> None:
    for text in ("board/id = 1", "a/b/c = 1", "lastUpdated > [2026-01-01]"):
        assert not conditions.compile_conditions(text, FIELDS)({"id": 1, "board": None})
