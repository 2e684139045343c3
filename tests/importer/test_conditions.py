"""M1, R4: conditions of workflows mean the same here, or are refused with the reason."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from ticketbot.decide import conditions as ours
from ticketbot.importer import conditions
from ticketbot.importer.conditions import Context, Untranslatable

CONTEXT = Context(
    {"status": {1: "New"}, "board": {2: "Desk"}, "priority": {}},
    {"acme": 7},
    {3: ("company", [1, 2]), 4: ("contact", [1]), 5: ("company", [])},
)
NOTE = {"text": None, "author": None, "by_customer": None, "internal": None, "kind": None}
OLD = dict.fromkeys(("owner", "resources", "status", "closed", "priority", "board", "company", "summary", "type"))
EMPTY = {
    **dict.fromkeys(("priority", "severity", "impact", "type", "subtype", "item", "source", "company", "contact")),
    **dict.fromkeys(("company_id", "priority_sort", "owner")),
    "id": 1,
    "summary": "Printer on fire",
    "board": "Desk",
    "status": "New",
    "closed": False,
    "resources": ("ana",),
    "event": "changed",
    "changed": ("status",),
    "note": NOTE,
    "old": OLD,
}


def _holds(text: str, **values: object) -> bool:
    translated = conditions.translate(text, CONTEXT)
    return translated is None or ours.evaluate(translated, EMPTY | values).matches


@pytest.mark.parametrize(
    "text",
    [
        "",
        "summary contains 'FIRE'",
        "summary like 'printer*'",
        "summary like '%fire'",
        "summary like 'printer on fire'",
        "status/name = 'NEW' and not (priority/name = 'High')",
        "status/id in (1)",
        "board/id = 2",
        "Company/Name = null and company/name = '' and company/id = 0",
        "company/name != 'Contoso'",
        "not company/id in list 3",
        "company/id not in list 5",
        "not company/id > 5",
        "not company/id < 5",
        "closedFlag = false",
        "not closedFlag",
        "resources contains 'ANA'",
        "changed/status",
        "changed/board = false",
        "not isNew and not newNote",
        "latestNote/contact/id = null",
        "latestNote/internalAnalysisFlag = false",
        "old/status/name = null or id = 99",
        "owner/identifier not in ('ana', 'b''en')",
    ],
)
def test_a_condition_means_the_same_also_of_what_a_ticket_does_not_have(text: str) -> None:
    assert _holds(text)


def test_companies_are_known_by_identifier_and_list() -> None:
    assert _holds("company/identifier = 'ACME'", company_id=7)
    assert not _holds("company/identifier = 'ACME'", company_id=8)
    assert _holds("company/id in list 3", company_id=2)
    assert _holds("isNew = true and priority/sort <= 2", event="new", priority_sort=1)
    assert _holds("latestNote/contact != null", note=NOTE | {"by_customer": True})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("contact/id in list 4", "list 4 of contacts"),
        ("company/id in list 9", "list 9 of unknowns"),
        ("board/id = 9", "board/id 9 is not known"),
        ("company/identifier = 'other'", "company 'other' is not known"),
        ("summary = [2026-01-01]", "dates"),
        ("customFields/x = 1", "customfields/x has no counterpart"),
        ("changed/contact", "changed/contact has no counterpart"),
        ("summary like 'a_b'", "only \\* at the ends"),
        ("summary > 'a'", "has no counterpart"),
        ("company/id like '1*'", "is no text"),
        ("resources like 'a*'", "is no text"),
        ("summary like 1", "need a text"),
        ("summary = ", "is no value"),
        ("(summary = 'a'", "`\\)` is missing"),
        ("summary = 'a' 'b'", "is not expected there"),
        ("= 'a'", "is not expected there"),
        ("summary ~ 'a'", "cannot be read"),
        ("summary = 'a\r'", "it would be"),
        ("not " * 200 + "isNew", "nested too deeply"),
    ],
)
def test_what_has_no_counterpart_says_why(text: str, why: str) -> None:
    with pytest.raises(Untranslatable, match=why):
        conditions.translate(text, CONTEXT)


_WORDS = st.sampled_from(
    [
        "summary",
        "isNew",
        "company/id",
        "list",
        "=",
        "<",
        "in",
        "not",
        "(",
        ")",
        "and",
        "or",
        "'x'",
        "1",
        "like",
        ",",
        "?",
    ]
)


@hypothesis.given(st.lists(_WORDS, max_size=12).map(" ".join) | st.text(max_size=30))
def test_whatever_is_there_is_translated_or_refused(text: str) -> None:
    try:
        translated = conditions.translate(text, CONTEXT)
    except Untranslatable:
        return
    assert translated is None or ours.check(translated) is None
