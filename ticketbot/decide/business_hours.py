"""Business hours: when webhooks are expected (O10), as in `mon-fri 08:00-18:00; sat 09:00-13:00`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

import msgspec

from ticketbot.api import requests
from ticketbot.decide.calm import WEEKDAYS

_DAY = timedelta(days=1)
_LONGEST = timedelta(days=14)  # further back, it makes no difference to `alert_silence_minutes`


class Period(msgspec.Struct, frozen=True):
    """Hours of some weekdays (Monday is 0); `start` and `end` in minutes, the end perhaps on the next day."""

    days: frozenset[int]
    start: int
    end: int


def parse(text: str) -> tuple[Period, ...]:
    """Return the periods that a text names; raises `ValueError` with advice."""
    if not re.search(requests.BUSINESS_HOURS, text):
        raise ValueError(requests.PATTERN_HINTS[requests.BUSINESS_HOURS])
    return tuple(_period(*part.split()) for part in text.split(";"))


def _period(days: str, hours: str) -> Period:
    start, end = (_minutes(each) for each in hours.split("-"))
    return Period(
        frozenset(day for part in days.split(",") for day in _days(part)), start, end + 24 * 60 * (end <= start)
    )


def _days(part: str) -> list[int]:
    """Return the days of `mon` or `fri-mon`; a range may go over the weekend."""
    first, last = (WEEKDAYS.index(part.partition("-")[0]), WEEKDAYS.index(part.rpartition("-")[2]))
    return [day % 7 for day in range(first, last + 1 + 7 * (last < first))]


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def is_within(periods: Sequence[Period], zone: tzinfo, now: datetime) -> bool:
    """Return whether a moment is within business hours."""
    return any(start <= now < end for start, end in _spans(periods, zone, now, now))


def time_within(periods: Sequence[Period], zone: tzinfo, since: datetime, until: datetime) -> timedelta:
    """Return how much of the time between two moments is within business hours, of the last two weeks at most."""
    total, reached = timedelta(), max(since, until - _LONGEST)
    for start, end in sorted(_spans(periods, zone, reached, until)):
        begins, ends = max(start, reached), min(end, until)
        if begins < ends:
            total, reached = total + (ends - begins), ends
    return total


def _spans(
    periods: Sequence[Period], zone: tzinfo, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield business hours from the day before `since` on, up to the day of `until`, in UTC."""
    day, last = since.astimezone(zone).date() - _DAY, until.astimezone(zone).date()
    while day <= last:
        midnight = datetime.combine(day, time())
        for period in periods:
            if day.weekday() in period.days:
                start, end = (midnight + timedelta(minutes=each) for each in (period.start, period.end))
                yield start.replace(tzinfo=zone).astimezone(UTC), end.replace(tzinfo=zone).astimezone(UTC)
        day += _DAY
