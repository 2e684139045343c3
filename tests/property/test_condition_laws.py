"""Laws of conditions: whatever is written, it is checked in bounded time, and no event fails or is lost (R4)."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.decide.test_conditions import MATCHING, VALUES
from tests.environment import ledger
from tests.server.api_server import Api
from tests.simulated_time import Stepper, event_rows
from ticketbot.decide import condition_fields, conditions
from ticketbot.models import events, notifications

LONGEST_S = 5.0  # on a busy machine; what is refused for its time would take minutes
WORDS = (
    *(name for name in condition_fields.names() if "." not in name),
    *("old.status", "note.text", "note", "old", ".as_lower", ".length", '.starts_with("a")', ".to_str", ".__class__"),
    *("and", "or", "not", "in", "==", "!=", "<", ">=", "??", "+", "-", "*", "/", "//", "%", "**", "<<", "=~", "?", ":"),
    *(
        "(",
        ")",
        "[",
        "]",
        ",",
        "{",
        "}",
        "null",
        "true",
        "false",
        "1",
        "2.5",
        "1e9",
        '"new"',
        '"a"',
        "$now",
        "for",
        "if",
    ),
)
HOSTILE = [
    "x" * 10_000,
    "(" * 10_000,
    "[" * 500 + "]" * 500,
    "not " * 249 + "closed",
    "-" * 900 + "1 == 1",
    "id " + "+ id " * 190 + "== 1",
    "closed" + " or closed" * 99,
    "(severity " + "?? severity " * 80 + ') == "x"',
    'summary =~ "(a+)+$"',
    '"(a+)+$" in summary',
    "9**9**9 == 1",
    "999999999999999 * 999999999999999 * 999999999999999 * 999999999999999 > 1",
    "1 << 99999999999 == 1",
    'summary * 99999999999 == "x"',
    "summary.encode.decode == 1",
    'summary.__class__.__mro__ == "x"',
    "note.__init__.__globals__ == 1",
    "[x for x in resources] == resources",
    '$range(99999999999) == "x"',
    't"P99999Y" == null',
    'd"9999-99-99" == null',
    '"\\N{BELL}" in summary',
    '"\ud800" in summary',
    "0x" + "f" * 900 + " == id",
    "1e999999999 == id",
    '"' * 999,
    "\\" * 999,
    "closed\x00",
    "closed # " + "x" * 900,
    "\u202eclosed",
    "١ == id",
]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join) | st.text(max_size=200) | st.sampled_from(HOSTILE)


@given(TEXTS, st.fixed_dictionaries({}, optional={"note": st.none(), "id": st.text(), "resources": st.integers()}))
@settings(max_examples=200)
def test_whatever_is_written_is_evaluated_or_has_a_mistake_in_bounded_time(text: str, odd: dict[str, Any]) -> None:
    started = time.monotonic()
    mistake = conditions.check(text)
    found = conditions.evaluate(text, {**VALUES, **odd})
    assert time.monotonic() - started < LONGEST_S
    assert isinstance(found.matches, bool)
    if mistake is not None:
        assert (found.matches, found.failure) == (True, mistake.message)
        assert mistake.position is None or 0 <= mistake.position <= max(len(text), 1)


@given(st.lists(st.sampled_from(MATCHING), min_size=2, max_size=5), st.sampled_from(["and", "or"]))
@settings(max_examples=100)
def test_conditions_that_match_match_together(texts: list[str], word: str) -> None:
    text = f" {word} ".join(f"({each})" for each in texts)
    assert len(text) > conditions.MAX_LENGTH or conditions.evaluate(text, VALUES).matches


@given(st.sampled_from(condition_fields.names()))
def test_a_field_is_null_or_it_is_not(name: str) -> None:
    asks = [conditions.evaluate(f"{name} {sign} null", VALUES).matches for sign in ("==", "!=")]
    assert sorted(asks) == [False, True]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_condition_is_no_error_of_the_server(text: str, api: Api, key: str) -> None:
    sent = text.encode("utf-8", "backslashreplace").decode()
    checked = api.request("POST", "/notifiers/rules/check", key=key, json={"condition": sent})
    assert checked.status_code == 200
    body = {"board_id": None, "target": "assigned", "condition": sent}
    assert api.request("POST", "/notifiers/rules", key=key, json=body).status_code in (201, 409, 422)


def test_a_hostile_condition_in_the_database_stops_no_event(stepper: Stepper) -> None:
    """R4: the rule matches then, and the reason says so."""
    storable = [text for text in HOSTILE if ("\x00" not in text and text.isprintable()) or "\u202e" in text]
    rooms = [f"Room {number}" for number in range(len(storable))]
    for room, text in zip(rooms, storable, strict=True):
        stepper.world.add_rule(room, condition=text)
    stepper.announce("ana")
    assert [row.state for row in event_rows()] == [events.DONE]
    rows = {row.recipient_name: row for row in ledger()}
    for room, text in zip(rooms, storable, strict=True):
        if conditions.check(text) is not None:
            assert rows[room].state == notifications.SENT
            assert "its condition failed" in rows[room].reason
