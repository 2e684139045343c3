"""Which event is processed next, and what happens to those whose process has ended (T7)."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import peewee

from ticketbot.database import db, fields, sql
from ticketbot.models import events, holds
from ticketbot.models.events import Event

MAX_CRASHES_ALONE = 5
CRASHED = f"the process ended {MAX_CRASHES_ALONE} times while processing only this event"


class EventCrash(fields.Model):
    """An event whose process ended while it was running; `alone` counts the times nothing else was running (T7)."""

    event = peewee.ForeignKeyField(Event, primary_key=True, on_delete="CASCADE", backref="crashes")
    alone = peewee.IntegerField(default=0)


# States are literals, not parameters: otherwise the databases do not use the partial indexes. SQLite also needs the
# index hint: without it, it sorts the whole queue on every claim.
_ABANDONED = "SELECT id FROM event INDEXED BY event_lease WHERE state = 'running' AND lease_until < ? LIMIT 1"
_NOT_BUSY = """
    due.state = 'waiting' AND due.due_at <= ? AND NOT EXISTS (
        SELECT 1 FROM event AS busy WHERE busy.ticket_id = due.ticket_id AND busy.state = 'running'
    )
"""
_FREE = f"""
    SELECT id FROM event AS due INDEXED BY event_due
    WHERE {_NOT_BUSY} AND NOT EXISTS (SELECT 1 FROM event_crash WHERE event_id = due.id)
    ORDER BY due_at, id LIMIT 1
"""  # noqa: S608  (fixed text, as all below)
# An event that ended a process is claimed alone: a server about to run one lets its others finish and starts none.
_TO_RUN_ALONE = f"""
    SELECT due.id FROM event_crash JOIN event AS due ON due.id = event_crash.event_id
    WHERE {_NOT_BUSY} ORDER BY due.due_at, due.id LIMIT 1
"""  # noqa: S608
_RUNS_HERE = "SELECT 1 FROM event WHERE state = 'running' AND lease_owner = ? LIMIT 1"
_RUNS_ALONE_HERE = "SELECT 1 FROM event_crash JOIN event ON id = event_id WHERE state = 'running' AND lease_owner = ?"
_CLAIM = """
    UPDATE event SET state = 'running', lease_owner = ?, lease_until = ?
    WHERE id = ({} FOR UPDATE SKIP LOCKED)
        AND NOT EXISTS (SELECT 1 FROM hold WHERE service = 'connectwise' AND until > ?)
    RETURNING *
"""
_COUNT_CRASH = """
    INSERT INTO event_crash (event_id, alone) VALUES (?, 0)
    ON CONFLICT (event_id) DO UPDATE SET alone = event_crash.alone + 1 RETURNING alone
"""
# Two threads of one server must not both see that nothing runs there.
_claiming = threading.Lock()


def claim(owner: str, now: datetime) -> Event | None:
    """Claim the event that has been due longest; return None if there is none.

    A ticket whose event is running is skipped until that event ends. An event whose process ended while it was running
    comes first, and alone (T7).
    """
    with _claiming, db.transaction("claim-event"):
        query = _next_to_claim(owner, now)
        lease_until = now + timedelta(seconds=events.LEASE_S)
        claimed = sql.select(Event, _CLAIM.format(query), owner, lease_until, now, now) if query else []
    return claimed[0] if claimed else None


def _next_to_claim(owner: str, now: datetime) -> str | None:
    """Return the query for the event to claim, None while one runs alone here or is about to."""
    if not sql.exists("SELECT 1 FROM event_crash LIMIT 1"):
        return _FREE
    if sql.exists(_RUNS_ALONE_HERE, owner):
        return None
    if not sql.exists(_TO_RUN_ALONE, now):
        return _FREE
    return None if sql.exists(_RUNS_HERE, owner) else _TO_RUN_ALONE


def requeue_abandoned(which: peewee.Expression, now: datetime) -> list[Event]:
    """Requeue events whose process has ended, each to be claimed alone; return those that are dead now.

    Which of several events ended a process is unknown. So the first time is not counted, nor any while others ran.
    """
    dead = []
    running = Event.select().where(Event.state == events.RUNNING, which).order_by(Event.ticket_id)
    for event in sql.for_update(running):  # so that only one of two servers counts
        owner = event.lease_owner
        (alone,) = sql.execute(_COUNT_CRASH, event.id).fetchone()
        if alone < MAX_CRASHES_ALONE:
            events.requeue(event, owner, due_at=now, error=event.error)
        else:
            events.finish(event, owner, now=now, decisions=[], error=CRASHED, dead=True)
            dead.append(event)
    return dead


def is_abandoned(now: datetime) -> bool:
    """Return whether the lease of a running event has expired."""
    return sql.exists(_ABANDONED, now)


def is_due(now: datetime) -> bool:
    """Return whether an event is due that a worker may be able to claim."""
    due = "SELECT id FROM event INDEXED BY event_due WHERE state = 'waiting' AND due_at <= ? LIMIT 1"
    return sql.exists(due, now)


def is_stuck(before: datetime) -> bool:
    """Return whether an event has been claimable since `before` and no worker has claimed it (O2)."""
    last = holds.latest("connectwise")
    return (last is None or last.until < before) and (sql.exists(_ABANDONED, before) or sql.exists(_FREE, before))
