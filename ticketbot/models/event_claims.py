"""Which event is processed next, and what happens to those whose process has ended (T7)."""

from __future__ import annotations

import itertools
import threading
from datetime import datetime

from ticketbot.database import db, sql
from ticketbot.models import events, holds
from ticketbot.models.events import Event

MAX_CRASHES_ALONE = 5
CRASHED = f"the process ended {MAX_CRASHES_ALONE} times while processing only this event"

# States are literals, not parameters: otherwise the databases do not use the partial indexes. SQLite also needs the
# index hint: without it, it sorts the whole queue on every claim.
_NOT_BUSY = """
    due.state = 'waiting' AND due.due_at <= ? AND NOT EXISTS (
        SELECT 1 FROM event AS busy WHERE busy.ticket_id = due.ticket_id AND busy.state = 'running'
    )
"""
_OLDEST = f"""
    SELECT id FROM event AS due INDEXED BY event_due WHERE {_NOT_BUSY} AND crashes_alone IS NULL
    ORDER BY due_at, id LIMIT 1
"""  # noqa: S608  (fixed text, as all below)
_OLDEST_OF_FIRST_RANK = "SELECT COALESCE({})".format(
    ", ".join(
        f"""(
    SELECT id FROM event AS due INDEXED BY event_rank WHERE rank = {rank} AND {_NOT_BUSY} AND crashes_alone IS NULL
    ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)"""  # noqa: S608
        for rank in events.RANKS
    )
)
# An event that ended a process is claimed alone: a server about to run one lets its others finish and starts none.
_TO_RUN_ALONE = f"""
    SELECT id FROM event AS due INDEXED BY event_to_run_alone WHERE {_NOT_BUSY} AND crashes_alone IS NOT NULL
    ORDER BY due_at, id LIMIT 1
"""  # noqa: S608
_SKIP_LOCKED = " FOR UPDATE SKIP LOCKED"
_ANY_TO_RUN_ALONE = "SELECT 1 FROM event INDEXED BY event_to_run_alone WHERE crashes_alone IS NOT NULL LIMIT 1"
_RUNS_HERE = "SELECT 1 FROM event WHERE state = 'running' AND server_id = ? LIMIT 1"
_RUNS_ALONE_HERE = "SELECT 1 FROM event WHERE state = 'running' AND server_id = ? AND crashes_alone IS NOT NULL LIMIT 1"
_CLAIM = """
    UPDATE event SET state = 'running', server_id = ?
    WHERE id = ({})
        AND NOT EXISTS (SELECT 1 FROM hold WHERE service = 'connectwise' AND until > ?)
    RETURNING *
"""
OLDEST_EVERY = 4  # T10: every fourth event is simply the oldest, so that nothing waits forever
# Two threads of one server must not both see that nothing runs there.
_claiming = threading.Lock()
_turns = itertools.count(1)


def claim(server_id: int, now: datetime) -> Event | None:
    """Claim the next event: of new tickets first, then those that arrived alone, then those of a mass change (T10).

    A ticket whose event is running is skipped until that event ends. An event whose process ended while it was running
    comes first, and alone (T7).
    """
    with _claiming, db.transaction("claim-event"):
        query = _next_to_claim(server_id, now)
        times = [now] * query.count("?") if query else []
        claimed = sql.select(Event, _CLAIM.format(query), server_id, *times, now) if query else []
    return claimed[0] if claimed else None


def _next_to_claim(server_id: int, now: datetime) -> str | None:
    """Return the query for the event to claim, None while one runs alone here or is about to."""
    free = _OLDEST + _SKIP_LOCKED if next(_turns) % OLDEST_EVERY == 0 else _OLDEST_OF_FIRST_RANK
    if not sql.exists(_ANY_TO_RUN_ALONE):
        return free
    if sql.exists(_RUNS_ALONE_HERE, server_id):
        return None
    if not sql.exists(_TO_RUN_ALONE, now):
        return free
    return None if sql.exists(_RUNS_HERE, server_id) else _TO_RUN_ALONE + _SKIP_LOCKED


def requeue_abandoned(server_id: int, now: datetime) -> list[Event]:
    """Requeue the events of a server that is gone, each to be claimed alone; return those that are dead now.

    Which of several events ended a process is unknown. So the first time is not counted, nor any while others ran.
    """
    dead = []
    running = Event.select().where(Event.state == events.RUNNING, Event.server_id == server_id)
    for event in sql.for_update(running.order_by(Event.ticket_id)):  # so that only one of two servers counts
        event.crashes_alone = 0 if event.crashes_alone is None else event.crashes_alone + 1
        if event.crashes_alone < MAX_CRASHES_ALONE:
            events.requeue(event, due_at=now, error=event.error)
        else:
            events.finish(event, now=now, decisions=[], error=CRASHED, dead=True)
            dead.append(event)
    return dead


def is_stuck(before: datetime) -> bool:
    """Return whether an event has been claimable since `before` and no worker has claimed it (O2)."""
    last = holds.latest("connectwise")
    return (last is None or last.until < before) and sql.exists(_OLDEST, before)
