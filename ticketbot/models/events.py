"""The inbox: one row per thing to process, and its states.

    waiting -> running -> done
       ^          |  \\-> dead
       \\----------/      retried later

Two partial unique indexes are the per-ticket locks (W5): at most one waiting and one running event for a ticket, on
both databases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import peewee

from ticketbot.database import db, fields, sql
from ticketbot.models import tickets

WAITING, RUNNING, DONE, DEAD = "waiting", "running", "done", "dead"

RANKS = ADDED, SINGLE, MASS = 0, 1, 2  # in which events are claimed (T10)
MASS_CHANGE_FROM = 50  # what arrives while more than this many wait is part of a mass change (T10, T11)

HOOK = "hook"  # the source of what a webhook reported
CATCH_UP = "catch-up"  # the source of changes that no webhook reported


class Event(fields.Model):
    """One thing to process: a webhook, or a change found by catch-up."""

    id = fields.IdField()
    ticket_id = peewee.BigIntegerField(index=True)
    state = peewee.TextField(default=WAITING)
    rank = peewee.SmallIntegerField(default=SINGLE)
    source = peewee.TextField()  # hook | catch-up | retry
    action = peewee.TextField(null=True)  # as the latest webhook named it; decides nothing (W5)
    kind_hint = peewee.TextField(null=True)  # service | project, from Entity.recordType
    correlation = peewee.TextField()
    hooks = peewee.IntegerField(default=1)  # how many webhooks were folded into this event
    first_received_at = fields.UtcField()
    received_at = fields.UtcField()  # of the latest webhook; the 24 h of T7 count from here
    due_at = fields.UtcField()
    attempts = peewee.IntegerField(default=0)  # failures of external services
    bugs = peewee.IntegerField(default=0)  # failures of our own code
    crashes_alone = peewee.IntegerField(null=True)  # T7: null until a process ended while it was running
    server_id = peewee.BigIntegerField(null=True)  # of the server that is processing it
    error = peewee.TextField(null=True)
    decisions = fields.JsonField(default=list)  # D8
    facts = peewee.BlobField(null=True)  # T9
    policies_id = peewee.BigIntegerField(null=True, index=True)
    finished_at = fields.UtcField(null=True)


Event.add_index(
    Event.index(Event.ticket_id, unique=True, where=peewee.SQL("state = 'waiting'"), name="event_one_waiting")
)
Event.add_index(
    Event.index(Event.ticket_id, unique=True, where=peewee.SQL("state = 'running'"), name="event_one_running")
)
Event.add_index(Event.index(Event.due_at, Event.id, where=peewee.SQL("state = 'waiting'"), name="event_due"))
Event.add_index(
    Event.index(Event.rank, Event.due_at, Event.id, where=peewee.SQL("state = 'waiting'"), name="event_rank")
)
Event.add_index(Event.index(Event.server_id, where=peewee.SQL("state = 'running'"), name="event_server"))
Event.add_index(
    Event.index(
        Event.due_at,
        Event.id,
        where=peewee.SQL("crashes_alone IS NOT NULL"),
        name="event_to_run_alone",
    )
)
Event.add_index(Event.index(Event.state, Event.id, name="event_state"))


class ProcessedMessage(fields.Model):
    """A webhook's `MessageId`, remembered for 7 days (W4)."""

    message_id = peewee.TextField(primary_key=True)
    received_at = fields.UtcField(index=True)


class Change(NamedTuple):
    """A change to queue: reported by `hooks` webhooks, the latest with this action and hint."""

    ticket_id: int
    source: str  # hook | catch-up
    action: str | None
    kind_hint: str | None
    correlation: str
    at: datetime
    hooks: int = 1


_NEW_MESSAGE_ID = (
    "INSERT INTO processed_message (message_id, received_at) VALUES {} ON CONFLICT DO NOTHING RETURNING message_id"
)
_ENQUEUE = """
    INSERT INTO event (ticket_id, state, rank, source, action, kind_hint, correlation, hooks, first_received_at,
                       received_at, due_at, attempts, bugs, decisions)
    VALUES {}
    ON CONFLICT (ticket_id) WHERE state = 'waiting' DO UPDATE SET
        hooks = event.hooks + excluded.hooks, action = excluded.action, received_at = excluded.received_at,
        due_at = CASE WHEN excluded.due_at < event.due_at THEN excluded.due_at ELSE event.due_at END,
        rank = CASE WHEN excluded.rank < event.rank THEN excluded.rank ELSE event.rank END,
        kind_hint = COALESCE(excluded.kind_hint, event.kind_hint), attempts = 0
"""


_MINE = "id = ? AND state = 'running' AND server_id = ?"


def new_message_ids(message_ids: Iterable[str], now: datetime) -> set[str]:
    """Remember message ids; return those never seen before (W4)."""
    ids = sorted(set(message_ids))
    if not ids:
        return set()
    rows = sql.execute(
        _NEW_MESSAGE_ID.format(_list_of("(?, ?)", ids)), *(value for each in ids for value in (each, now))
    )
    return {message_id for (message_id,) in rows.fetchall()}


def enqueue(changes: Iterable[Change]) -> None:
    """Queue one event per changed ticket, or fold the changes into the event that already waits for it (W5).

    A waiting event keeps its place, or becomes due immediately, and restarts its back-off; otherwise a burst of
    webhooks during a short outage would push it straight to the longest delay.
    """
    folded: dict[int, Change] = {}
    added: set[int] = set()
    for change in changes:
        if (change.action or "").lower() == "added":
            added.add(change.ticket_id)
        before = folded.get(change.ticket_id)
        folded[change.ticket_id] = change if before is None else _fold(before, change)
    if not folded:
        return
    # By ticket: the order in which all transactions lock events, so that they cannot deadlock.
    rows = [folded[ticket_id] for ticket_id in sorted(folded)]
    known = tickets.decided_ids(folded) - added
    others = MASS if known and _is_mass_change() else SINGLE
    ranks = {row.ticket_id: others if row.ticket_id in known else ADDED for row in rows}
    values = [
        value
        for row in rows
        for value in (row.ticket_id, ranks[row.ticket_id], *row[1:5], row.hooks, row.at, row.at, row.at)
    ]
    sql.execute(_ENQUEUE.format(_list_of("(?, 'waiting', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, '[]')", rows)), *values)


def _is_mass_change() -> bool:
    query = "SELECT COUNT(*) FROM (SELECT 1 FROM event WHERE state = 'waiting' LIMIT ?) AS waiting"
    return bool(sql.execute(query, MASS_CHANGE_FROM + 1).fetchone()[0] > MASS_CHANGE_FROM)


Version = tuple[int, int]
"""An event, and how many webhooks it holds."""


def next_of_rank(rank: int, kind_hint: str | None, limit: int) -> dict[int, Version]:
    """Return the tickets of one kind whose events of a rank are claimed next, with those events."""
    which = (Event.state == WAITING) & (Event.rank == rank)
    kind = Event.kind_hint.is_null() if kind_hint is None else Event.kind_hint == kind_hint
    rows = Event.select(Event.ticket_id, Event.id, Event.hooks).where(which, kind).order_by(Event.due_at, Event.id)
    return {ticket_id: (event_id, hooks) for ticket_id, event_id, hooks in rows.limit(limit).tuples()}


def _fold(before: Change, change: Change) -> Change:
    return change._replace(
        correlation=before.correlation,
        kind_hint=change.kind_hint or before.kind_hint,
        hooks=before.hooks + change.hooks,
    )


def _list_of(row: str, rows: Sequence[object]) -> str:
    return ", ".join([row] * len(rows))


def finish(
    event: Event,
    *,
    now: datetime,
    decisions: Sequence[Any],
    kept: Mapping[str, Any] | None = None,
    error: str | None = None,
    dead: bool = False,
) -> bool:
    """End an event; return False if another server has it: then the caller must roll back everything else.

    `kept` are the columns of the facts that it was decided on (T9).
    """
    changes = {
        "state": DEAD if dead else DONE,
        "decisions": list(decisions),
        "error": error,
        "finished_at": now,
        "server_id": None,
        "attempts": event.attempts,
        "bugs": event.bugs,
        "crashes_alone": None,
        **(kept or {}),
    }
    return bool(sql.update_where(Event, changes, _MINE, event.id, event.server_id))


def requeue(event: Event, *, due_at: datetime, error: str | None) -> bool:
    """Let a running event wait again, with what arrived for its ticket; return False if another server has it.

    Two waiting events for one ticket cannot exist, so the later one is folded into this one.
    """
    mine = (Event.id == event.id) & (Event.state == RUNNING) & (Event.server_id == event.server_id)
    # First, which locks it on PostgreSQL: otherwise the later event could be folded into a row we no longer own.
    if not Event.update(server_id=event.server_id).where(mine).execute():
        return False
    try:
        with db.database.atomic():
            return _requeue(event, mine, due_at, error)
    except peewee.IntegrityError:
        # A webhook for the same ticket was committed in between. It is visible now, and as long as this event is
        # running, no other server claims that one or commits another.
        return _requeue(event, mine, due_at, error)


def _requeue(event: Event, mine: peewee.Expression, due_at: datetime, error: str | None) -> bool:
    # Locked: a webhook folded into it after this read would be deleted with it.
    later = sql.for_update(Event.select().where(Event.ticket_id == event.ticket_id, Event.state == WAITING)).first()
    changes: dict[Any, Any] = {
        Event.state: WAITING,
        Event.due_at: due_at,
        Event.attempts: event.attempts,
        Event.bugs: event.bugs,
        Event.error: error,
        Event.crashes_alone: event.crashes_alone,
        Event.server_id: None,
    }
    if later is not None:
        Event.delete().where(Event.id == later.id).execute()
        changes[Event.hooks] = event.hooks + later.hooks
        changes[Event.rank] = min(event.rank, later.rank)
        changes[Event.action] = later.action
        changes[Event.received_at] = later.received_at
        changes[Event.kind_hint] = later.kind_hint or event.kind_hint
    return bool(Event.update(changes).where(mine).execute())


def release(server_id: int, now: datetime, ids: Collection[int] | None = None) -> None:
    """Let what this server has claimed wait again, all of it or these rows; that counts as no crash (T7, O4)."""
    mine = Event.select().where(Event.state == RUNNING, Event.server_id == server_id)
    for event in (mine if ids is None else mine.where(Event.id.in_(list(ids)))).order_by(
        Event.ticket_id
    ):  # webhooks lock events in this order, too
        requeue(event, due_at=now, error=event.error)


def retry_dead(which: peewee.Expression, *, now: datetime) -> int:
    """Let the dead events among `which` wait again, with all their tries restored (T7). Return how many.

    Per ticket, this is only the newest one, and none if an event already waits.
    """
    fresh = {"received_at": now, "due_at": now, "attempts": 0, "bugs": 0, "finished_at": None}
    return int(Event.update(state=WAITING, **fresh).where(which, _where_retryable()).execute())


def count_retryable(which: peewee.Expression) -> int:
    """Return how many events `retry_dead` would let wait again."""
    return int(Event.select().where(which, _where_retryable()).count())


def _where_retryable() -> peewee.Expression:
    """Return the condition that an event is the newest dead one of its ticket, and no event of the ticket waits."""
    newest, waiting = Event.alias(), Event.alias()
    last_of_each = newest.select(peewee.fn.MAX(newest.id)).where(newest.state == DEAD).group_by(newest.ticket_id)
    waits = waiting.select(peewee.SQL("1")).where(waiting.ticket_id == Event.ticket_id, waiting.state == WAITING)
    return (Event.state == DEAD) & Event.id.in_(last_of_each) & ~peewee.fn.EXISTS(waits)


def is_failing() -> bool:
    """Return whether an event waits because its last attempt failed."""
    return bool(failing_tickets())


def failing_tickets() -> int:
    """Return for how many tickets an event waits because its last attempt failed; more than one are two."""
    return len(Event.select(Event.id).where(Event.state == WAITING, Event.attempts > 0).limit(2))


def open_counts() -> dict[str, int]:
    """Return the number of waiting, running and dead events by state."""
    return sql.count_by_value(Event.state, (WAITING, RUNNING, DEAD))


def oldest_waiting() -> datetime | None:
    """Return when the oldest waiting event was received, or None."""
    oldest: datetime | None = (
        Event.select(peewee.fn.MIN(Event.first_received_at)).where(Event.state == WAITING).scalar()
    )
    return oldest


def last_webhook_at() -> datetime | None:
    """Return when the last webhook arrived, None if none did within the last 7 days (W4)."""
    last: datetime | None = ProcessedMessage.select(peewee.fn.MAX(ProcessedMessage.received_at)).scalar()
    return last


def webhooks_received_at(ids: Collection[int]) -> list[datetime]:
    """Return when the first webhook of each of these events arrived; those without one are left out."""
    rows = Event.select(Event.first_received_at).where(Event.id.in_(list(ids)), Event.source == HOOK)
    return [row.first_received_at for row in rows]


class Ended(NamedTuple):
    """How the last event of a ticket ended."""

    state: str
    source: str
    first_received_at: datetime
    finished_at: datetime


def open_for(ids: Sequence[int]) -> dict[int, set[str]]:
    """Return the states of the tickets' waiting and running events, by ticket."""
    found: dict[int, set[str]] = {}
    for row in Event.select(Event.ticket_id, Event.state).where(
        Event.ticket_id.in_(list(ids)), Event.state.in_([WAITING, RUNNING])
    ):
        found.setdefault(row.ticket_id, set()).add(row.state)
    return found


def last_ended(ids: Sequence[int]) -> dict[int, Ended]:
    """Return how the last event of each ticket ended, if one is stored."""
    over = Event.ticket_id.in_(list(ids)) & Event.state.in_([DONE, DEAD])
    newest = Event.select(peewee.fn.MAX(Event.id)).where(over).group_by(Event.ticket_id)
    return {
        row.ticket_id: Ended(row.state, row.source, row.first_received_at, row.finished_at)
        for row in Event.select().where(Event.id.in_(newest))
    }


def where_expired(before: datetime) -> Any:
    """Return the condition that an event ended before a time and its ticket is closed (O8)."""
    return Event.state.in_([DONE, DEAD]) & (Event.finished_at < before) & tickets.where_closed(Event.ticket_id)
