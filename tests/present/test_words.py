"""Counts, times, progress and changes in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ticketbot.api import sync_responses
from ticketbot.present import words

NOON = datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(("number", "text"), [(0, "0 tries"), (1, "1 try"), (2, "2 tries")])
def test_a_count_has_its_noun(number: int, text: str) -> None:
    assert words.count(number, "try", "tries") == text


def test_the_regular_plural_need_not_be_given() -> None:
    assert words.count(2, "error") == "2 errors"


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "2026-03-01 12:00:01Z"),
        ("Europe/Berlin", "2026-03-01 13:00:01 CET"),
        ("America/New_York", "2026-03-01 07:00:01 EST"),
    ],
)
def test_a_time_has_its_zone(zone: str, text: str) -> None:
    assert words.moment(NOON, ZoneInfo(zone)) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (None, "-"),
        ("", "-"),
        ([], "-"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (["a", "b"], "a, b"),
        (NOON, "2026-03-01 12:00:01Z"),
    ],
)
def test_any_value_is_readable(given: Any, text: str) -> None:
    assert words.value(given) == text


@pytest.mark.parametrize(
    ("total", "done", "errors", "text"),
    [(None, 3, 0, "3"), (3, 3, 0, "3"), (5, 3, 0, "3 of 5"), (5, 3, 1, "3 of 5 (1 error)")],
)
def test_progress_shows_the_total_until_it_is_reached(total: int | None, done: int, errors: int, text: str) -> None:
    assert words.phase(sync_responses.SyncPhase(name="boards", total=total, done=done, errors=errors)) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ({"id": 1, "enabled": True}, {"id": 1, "enabled": False}, "enabled: yes > no"),
        ({"end": None, "start": "x"}, {"end": "2030-12-31", "start": "x"}, "end: - > 2030-12-31"),
        (None, {"id": 1, "board_id": 2}, "board_id: 2"),
        ({"id": 1, "name": "Ana"}, None, "name: Ana"),
        (None, None, ""),
    ],
)
def test_a_change_shows_what_is_different(before: Any, after: Any, text: str) -> None:
    assert words.changes(before, after) == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("2026-03-01", None),
        ("2028-02-29", None),
        ("2026-02-30", "There is no 30 February"),
        ("2026-02-29", "There is no 29 February 2026"),
        ("2026-04-31T08:00", "There is no 31 April"),
        ("2026-09-31", "There is no 31 September"),
        ("2026-10-32", "There is no 32 October"),
        ("2026-13-01", "There is no month 13"),
        ("2026-03-01T25:00", "There is no time 25:00"),
    ],
)
def test_a_date_that_does_not_exist_is_named(text: str, problem: str | None) -> None:
    assert words.impossible_date(text) == problem


@pytest.mark.parametrize("text", ["2026-03-01", "tomorrow", "", None])
def test_what_is_no_moment_is_shown_as_it_was_given(text: str | None) -> None:
    assert words.date_or_time(text) == text


def test_a_moment_can_be_shown_in_any_zone() -> None:
    assert words.date_or_time("2026-03-01T13:00:01+01:00") == NOON


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (59, "just now"),
        (60, "1 min ago"),
        (3599, "59 min ago"),
        (3600, "1 h ago"),
        (-7200, "in 2 h"),
        (86400, "yesterday"),
        (-86400, "tomorrow"),
        (2 * 86400, "2 days ago"),
        (-6 * 86400, "in 6 days"),
        (7 * 86400, "2026-02-22"),
    ],
)
def test_a_time_near_now_is_relative(seconds: int, text: str) -> None:
    assert words.ago(NOON - timedelta(seconds=seconds), NOON) == text


def test_a_time_relative_to_now_has_the_days_of_its_zone() -> None:
    just_over_a_day = NOON - timedelta(hours=36, minutes=30)  # 23:30 in London two days ago, 00:30 in Berlin yesterday
    assert words.ago(just_over_a_day, NOON) == "2 days ago"
    assert words.ago(just_over_a_day, NOON, ZoneInfo("Europe/Berlin")) == "yesterday"


@pytest.mark.parametrize(("seconds", "text"), [(12, "12 s"), (65, "1:05 min"), (None, "")])
def test_a_duration_is_short(seconds: int | None, text: str) -> None:
    assert words.duration(NOON, None if seconds is None else NOON + timedelta(seconds=seconds)) == text


def test_sizes() -> None:
    assert [words.size(number) for number in (0, 999, 1000, 417_792, 1_234_567, 5e9, 2e15)] == [
        *("0 bytes", "999 bytes", "1.0 kB", "417.8 kB", "1.2 MB", "5.0 GB", "2000.0 TB")
    ]
