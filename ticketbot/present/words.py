"""Counts, times, progress and changes in words."""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from ticketbot.api import requests, sync_responses

EMPTY = "-"

_DAY_S = 86400
_KILO = 1000


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def size(number: float) -> str:
    """Return a number of bytes: `512 bytes`, `1.2 MB`."""
    if number < _KILO:
        return f"{number:.0f} bytes"
    unit = "kB"
    number /= _KILO
    for larger in ("MB", "GB", "TB"):
        if number >= _KILO:
            number, unit = number / _KILO, larger
    return f"{number:.1f} {unit}"


def counts(*pairs: tuple[int, str]) -> str:
    """Return numbers with their nouns, such as "1 notification and 2 events"; those that are zero are left out."""
    return " and ".join(count(number, noun) for number, noun in pairs if number)


def moment(value: datetime, zone: tzinfo = UTC, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a time with its zone: `2026-03-01 12:00:01Z`, `2026-03-01 13:00:01 CET`."""
    local = value.astimezone(zone)
    name = local.tzname()
    return local.strftime(form) + ("Z" if name == "UTC" else f" {name}")


def ago(at: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """Return a time relative to now: `5 min ago`, `in 3 h`, `yesterday`; a week or more away, its date."""
    seconds = (now - at).total_seconds()
    if abs(seconds) < 60:
        return "just now"
    if abs(seconds) < _DAY_S:
        amount = f"{abs(seconds) // 60:.0f} min" if abs(seconds) < 3600 else f"{abs(seconds) // 3600:.0f} h"
        return f"{amount} ago" if seconds > 0 else f"in {amount}"
    day = at.astimezone(zone).date()
    days = (now.astimezone(zone).date() - day).days
    if abs(days) >= 7:
        return day.isoformat()
    near = {1: "yesterday", -1: "tomorrow"}
    return near.get(days) or (f"{days} days ago" if days > 0 else f"in {-days} days")


def duration(start: datetime, end: datetime | None) -> str:
    """Return how long something took, `1:05 min`; empty while it goes on."""
    if end is None:
        return ""
    minutes, seconds = divmod(round((end - start).total_seconds()), 60)
    return f"{minutes}:{seconds:02} min" if minutes else f"{seconds} s"


def roughly(start: datetime, end: datetime) -> str:
    """Return how long something took in its two largest units: `40 s`, `5 min`, `1 h 5 min`, `2 d 3 h`."""
    left = round((end - start).total_seconds())
    parts: list[str] = []
    for unit, seconds in (("d", _DAY_S), ("h", 3600), ("min", 60), ("s", 1)):
        amount, left = divmod(left, seconds)
        parts += [f"{amount} {unit}"] if amount else [""] if parts else []
    return " ".join(part for part in parts[:2] if part) or "0 s"


def value(given: object, zone: tzinfo = UTC) -> str:
    """Return any value of a response in readable form; it may still contain hostile characters."""
    if given is None or given in ("", [], {}):
        return EMPTY
    if isinstance(given, bool):
        return "yes" if given else "no"
    if isinstance(given, datetime):
        return moment(given, zone)
    if isinstance(given, list):
        return ", ".join(value(each, zone) for each in given)
    if isinstance(given, dict):
        return ", ".join(f"{name}: {value(each, zone)}" for name, each in given.items())
    return str(given)


def progress(run: sync_responses.SyncRun) -> str:
    """Return the progress of each phase of a sync."""
    return ", ".join(f"{each.name} {phase(each)}" for each in run.phases)


def phase(part: sync_responses.SyncPhase) -> str:
    """Return the progress of one phase of a sync."""
    done = str(part.done) if part.total in (None, part.done) else f"{part.done} of {part.total}"
    return f"{done} ({count(part.errors, 'error')})" if part.errors else done


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """Return what a change made different, such as `enabled: yes > no`; of a new or deleted object, its fields."""
    old, new = before or {}, after or {}
    if not (old and new):
        return ", ".join(f"{name}: {value(each)}" for name, each in (new or old).items() if name != "id")
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(f"{name}: {value(old.get(name))} > {value(new.get(name))}" for name in names)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question with the known word most like this one, or those it is part of; a space precedes it."""
    names = list(known)
    part_of = [name for name in names if len(word) > 2 and word.casefold() in name.casefold()]
    found = difflib.get_close_matches(word, names, n=1) or part_of[:3]
    shown = " or ".join(f"{name!a}" if " " in name else name for name in found)
    return f" Did you mean {shown}?" if found else ""


def date_or_time(text: str | None) -> str | datetime | None:
    """Return the moment that a forward starts or ends at; what is no moment, such as a date, stays as it is."""
    if not text or len(text) <= len("2026-03-01"):
        return text
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def date_problem(text: str) -> str | None:
    """Return why a text is not a date or time, None if it is one."""
    if re.search(requests.DATE_OR_TIME, text):
        return impossible_date(text)
    return "Give a date such as 2026-03-01, or a time such as 2026-03-01T08:00"


def impossible_date(text: str) -> str | None:
    """Return what is wrong with a well-formed date or time that does not exist, None if it does."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        found = re.match(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\S+))?", text)
        if found is None:
            return None
        year, month, day = map(int, found.groups()[:3])
        if not 1 <= month <= 12:
            return f"There is no month {month}"
        try:
            datetime(year, month, day, tzinfo=UTC)
        except ValueError:
            return f"There is no {day} {calendar.month_name[month]}" + (f" {year}" if (month, day) == (2, 29) else "")
        return f"There is no time {found[4]}"
    return None
