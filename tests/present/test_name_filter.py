"""Rows are found as a slow and simple search would find them."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from ticketbot.present import name_filter

NAMES = ["Help Desk", "Night Shift", "Zoë Żak (zoe@msp.example)", "Desk of Ana", "Ana Desk", "客户支持", "Straße"]
WORDS = st.text("abdeks é", max_size=8)


@hypothesis.given(st.lists(WORDS, max_size=30), WORDS)
def test_every_row_with_all_words_is_found_in_order(names: list[str], wanted: str) -> None:
    words = name_filter.normalize(wanted).split()
    expected = [row for row, name in enumerate(names) if all(word in name_filter.normalize(name) for word in words)]
    assert list(name_filter.Index(names).matches(wanted)) == expected


@hypothesis.given(st.lists(WORDS, max_size=30), WORDS, st.integers(1, 6))
def test_the_best_are_some_of_those_that_match(names: list[str], wanted: str, count: int) -> None:
    index = name_filter.Index(names)
    matching = list(index.matches(wanted))
    top_matches = index.top_matches(wanted, count)
    assert len(top_matches) == min(count, len(matching))
    assert set(top_matches) <= set(matching)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("desk", ["Desk of Ana", "Help Desk", "Ana Desk"]),
        ("ana desk", ["Ana Desk", "Desk of Ana"]),
        ("ZOE", ["Zoë Żak (zoe@msp.example)"]),
        ("żak", ["Zoë Żak (zoe@msp.example)"]),
        ("支持", ["客户支持"]),
        ("strasse", ["Straße"]),
        ("nobody", []),
    ],
)
def test_case_and_accents_do_not_matter_and_beginnings_come_first(wanted: str, found: list[str]) -> None:
    assert [NAMES[row] for row in name_filter.Index(NAMES).top_matches(wanted, 6)] == found


def test_beginnings_come_first_among_many() -> None:
    names = [*(f"Room {number} Ana" for number in range(50)), "Ana Alvarez"]
    assert name_filter.Index(names).top_matches("ana", 3)[0] == 50
