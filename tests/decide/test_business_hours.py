"""O10: business hours, when webhooks are expected."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property import quiet_oracle
from ticketbot.decide import business_hours

BERLIN = ZoneInfo("Europe/Berlin")
DEFAULT = business_hours.parse("mon-fri 08:00-18:00")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def _minutes(periods: tuple[business_hours.Period, ...], since: str, until: str) -> float:
    found = business_hours.time_within(periods, BERLIN, _at(since), _at(until))
    return found.total_seconds() / 60


@pytest.mark.parametrize(
    ("moment", "is_within"),
    [
        ("2026-03-02T07:59", False),  # a Monday
        ("2026-03-02T08:00", True),
        ("2026-03-02T17:59", True),
        ("2026-03-02T18:00", False),
        ("2026-03-07T12:00", False),
    ],
)
def test_a_moment_is_within_business_hours_from_their_first_minute_to_before_their_last(
    moment: str, *, is_within: bool
) -> None:
    assert business_hours.is_within(DEFAULT, BERLIN, _at(moment)) is is_within


def test_a_night_and_a_weekend_do_not_count() -> None:
    assert _minutes(DEFAULT, "2026-03-06T17:50", "2026-03-09T08:20") == 30


def test_hours_go_over_midnight_and_a_range_over_the_weekend() -> None:
    late = business_hours.parse("sat-mon 22:00-02:00")
    assert late[0].days == {5, 6, 0}
    assert business_hours.is_within(late, BERLIN, _at("2026-03-03T01:59"))  # Tuesday, of Monday's
    assert _minutes(late, "2026-03-02T00:00", "2026-03-03T00:00") == 240


def test_overlapping_periods_count_once() -> None:
    both = business_hours.parse("mon 08:00-12:00; mon,tue 10:00-24:00")
    assert _minutes(both, "2026-03-02T00:00", "2026-03-03T00:00") == 16 * 60


def test_an_hour_that_clocks_skip_is_no_time() -> None:
    night = business_hours.parse("sun 01:00-04:00")
    assert _minutes(night, "2026-03-29T00:00", "2026-03-29T12:00") == 120


def test_more_than_two_weeks_back_is_not_looked_at() -> None:
    always = business_hours.parse("mon-sun 00:00-24:00")
    assert business_hours.time_within(always, UTC, _at("2020-01-01T00:00"), _at("2026-03-02T00:00")).days == 14


@pytest.mark.parametrize(
    "text",
    ["", "mon", "8-18", "mon 8:00-18:00", "mon 08:00-25:00", "monday 08:00-18:00", "mon 08:00-18:00;", "mon 08:00"],
)
def test_what_is_no_period_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="mon-fri 08:00-18:00"):
        business_hours.parse(text)


_times = st.integers(0, 24 * 60 - 1).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}")
_days = st.sampled_from(quiet_oracle.DAYS)
_parts = _days | st.tuples(_days, _days).map("-".join)
_periods = st.tuples(st.lists(_parts, min_size=1, max_size=3).map(",".join), _times, _times | st.just("24:00"))
_texts = st.lists(_periods.map(lambda each: f"{each[0]} {each[1]}-{each[2]}"), min_size=1, max_size=3).map("; ".join)


@given(_texts, st.sampled_from(quiet_oracle.ZONES), st.integers(0, 3 * 365 * 24 * 60), st.integers(0, 60 * 20))
def test_time_within_is_the_number_of_minutes_that_are_within(text: str, zone: str, start: int, length: int) -> None:
    """Whatever the hours, in any time zone, around changes of clocks."""
    periods, where = business_hours.parse(text), ZoneInfo(zone)
    since = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=start)
    minutes = [since + timedelta(minutes=each) for each in range(length)]
    count = sum(business_hours.is_within(periods, where, each) for each in minutes)
    found = business_hours.time_within(periods, where, since, since + timedelta(minutes=length))
    assert found == timedelta(minutes=count)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        periods = business_hours.parse(text)
    except ValueError as error:
        assert "mon-fri" in str(error)
    else:
        assert periods
