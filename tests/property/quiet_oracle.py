"""Quiet hours by looking at the clock on the wall, minute by minute; shares no code with `decide.calm`."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from ticketbot.decide import values

ZONES = """
    Africa/Cairo Africa/Casablanca Africa/Johannesburg America/Anchorage America/Asuncion America/Bogota
    America/Caracas America/Chicago America/Denver America/Halifax America/Havana America/Los_Angeles
    America/Mexico_City America/New_York America/Nuuk America/Phoenix America/Santiago America/Sao_Paulo
    America/St_Johns Antarctica/Troll Asia/Beirut Asia/Jerusalem Asia/Kathmandu Asia/Kolkata Asia/Shanghai
    Asia/Tehran Asia/Tokyo Atlantic/Azores Australia/Adelaide Australia/Lord_Howe Australia/Sydney Europe/Berlin
    Europe/Dublin Europe/Kyiv Europe/Lisbon Europe/London Pacific/Auckland Pacific/Chatham Pacific/Norfolk UTC
""".split()  # noqa: SIM905
YEARS = (2025, 2026, 2027)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTE = timedelta(minutes=1)


@functools.cache
def clock_changes(zone: str) -> list[datetime]:
    """Return the minutes of three years at which clocks of a zone are set forward or back."""
    info, found = ZoneInfo(zone), []
    at = datetime(YEARS[0], 1, 1, tzinfo=UTC)
    while at.year <= YEARS[-1]:
        later = at + timedelta(hours=6)
        if at.astimezone(info).utcoffset() != later.astimezone(info).utcoffset():
            minute = at
            while minute.astimezone(info).utcoffset() == at.astimezone(info).utcoffset():
                minute += MINUTE
            found.append(minute)
        at = later
    return found


def is_quiet(hours: Iterable[values.QuietHours], at: datetime) -> bool:
    """Return whether the clock of any of these hours shows a quiet time."""
    return any(_shows_quiet(each, at) for each in hours)


def _shows_quiet(hours: values.QuietHours, at: datetime) -> bool:
    wall = at.astimezone(ZoneInfo(hours.timezone))
    shown, today, yesterday = f"{wall:%H:%M}", DAYS[wall.weekday()], DAYS[wall.weekday() - 1]
    if hours.start < hours.end:
        return today in hours.days and hours.start <= shown < hours.end
    return (today in hours.days and shown >= hours.start) or (yesterday in hours.days and shown < hours.end)


def first_other_minute(hours: Iterable[values.QuietHours], at: datetime) -> datetime | None:
    """Return the first minute from a moment on that is not quiet; None if the moment itself is not."""
    known, minute = list(hours), at
    while is_quiet(known, minute):
        minute = minute.replace(second=0, microsecond=0) + MINUTE
    return None if minute == at else minute
