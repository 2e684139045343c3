"""Counts, times, progress and changes in words."""

from __future__ import annotations

import calendar
import difflib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from ticketbot.api import responses

EMPTY = "-"


def count(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def moment(value: datetime, zone: tzinfo = UTC, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a time with its zone: `2026-03-01 12:00:01Z`, `2026-03-01 13:00:01 CET`."""
    local = value.astimezone(zone)
    name = local.tzname()
    return local.strftime(form) + ("Z" if name == "UTC" else f" {name}")


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
    return str(given)


def progress(run: responses.SyncRun) -> str:
    """Return the progress of each phase of a sync."""
    return ", ".join(f"{each.name} {phase(each)}" for each in run.phases)


def phase(part: responses.SyncPhase) -> str:
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
