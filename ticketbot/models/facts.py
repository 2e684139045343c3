"""Single values that all servers on one database share, such as `watching_since`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import peewee

from ticketbot.database import fields, sql


class Fact(fields.Model):
    """A single value under a name, such as `watching_since`."""

    name = peewee.TextField(primary_key=True)
    value = fields.JsonField()


WATCHING_SINCE = "watching_since"
WATCHING_UNCHECKED = "watching_unchecked"  # until its clock has been compared with ConnectWise's (T5)
CATCH_UP_WATERMARK = "catch_up_watermark"
OLDEST_PROGRAM = "oldest_program"  # the oldest version that may use the database (O5)
LAST_PROBE = "last_probe"  # when a test write last checked that the database is writable (O2)
CALLBACK_KNOWN = "callback_known"  # since when the watchdog knows of a right callback (C2)
CALLBACK_REPAIRED = "callback_repaired"  # when it had to be repaired; gone once a check finds it right (O2)
SCHEDULED_SYNC = "scheduled_sync"  # when the last one started, or when its time was changed (S5)
IS_COPY = "is_copy"  # only in a backup that was never started (O12)
COPIED_EVENTS = "copied_events"  # the last event of the original: what it decided may have been sent (O12)
LAST_HEARTBEAT = "last_heartbeat"  # when `heartbeat_url` was last called (O11)
SKIPPED_UNTIL = "skipped_until"  # anything entered before it is history, without T5's hour of grace


def read_time(name: str) -> datetime | None:
    """Return a fact that is a time, or None."""
    rows = sql.select(Fact, "SELECT value FROM fact WHERE name = ?", name)
    return datetime.fromisoformat(rows[0].value) if rows else None


def write_time(name: str, value: datetime) -> None:
    """Store a fact that is a time."""
    _set(name, value.isoformat())


def last_copied_event() -> int:
    """Return the last event that came with a copy of another database, which may have sent what it led to (O12)."""
    return next((int(row.value) for row in sql.select(Fact, "SELECT value FROM fact WHERE name = ?", COPIED_EVENTS)), 0)


def remember_copied(last_event_id: int) -> None:
    """Record the last event that came with a copy."""
    _set(COPIED_EVENTS, last_event_id)


def forget(name: str) -> None:
    """Remove a fact."""
    take(name)


def take(name: str) -> bool:
    """Remove a fact; return whether it was there, to one of several servers only."""
    return bool(sql.execute("DELETE FROM fact WHERE name = ?", name).rowcount)


def _set(name: str, value: Any) -> None:
    Fact.insert(name=name, value=value).on_conflict(conflict_target=[Fact.name], preserve=[Fact.value]).execute()


def start_watching(now: datetime) -> datetime:
    """Return when watching began (T5), which is `now` at the very first start."""
    if read_time(WATCHING_SINCE) is None:
        write_time(WATCHING_UNCHECKED, now)
    Fact.insert(name=WATCHING_SINCE, value=now.isoformat()).on_conflict_ignore().execute()
    since = read_time(WATCHING_SINCE)
    assert since is not None
    return since


def skip_missed(now: datetime) -> None:
    """Treat everything before `now` as history (C1, `tbot serve --skip-missed`)."""
    write_time(WATCHING_SINCE, now)
    write_time(CATCH_UP_WATERMARK, now)
    write_time(SKIPPED_UNTIL, now)
