"""What quiet hours hold: pending notifications that no message carries yet, and how they get one (N4).

Whatever makes messages of them takes one lock, so that each is taken once, and a recipient gets one digest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from itertools import groupby

from playhouse.shortcuts import model_to_dict

from ticketbot.database import sql
from ticketbot.models import facts, messages
from ticketbot.models.notifications import Notification

_HELD = "notification INDEXED BY notification_held WHERE state = 'pending' AND message_id IS NULL"
_IS_DUE = f"SELECT 1 FROM {_HELD} AND held_until <= ? LIMIT 1"  # noqa: S608  (fixed text)
_DUE = f"SELECT * FROM {_HELD} AND held_until <= ? ORDER BY recipient_id, id FOR UPDATE SKIP LOCKED"  # noqa: S608
_ALL = f"SELECT * FROM {_HELD} AND held_until IS NOT NULL ORDER BY id FOR UPDATE SKIP LOCKED"  # noqa: S608
_OF_TICKET = """
    SELECT * FROM notification
    WHERE ticket_id = ? AND recipient_id = ? AND state = 'pending' AND message_id IS NULL AND held_until IS NOT NULL
    ORDER BY id FOR UPDATE SKIP LOCKED
"""


def is_due(now: datetime) -> bool:
    """Return whether quiet hours have ended, and what they held still waits for its messages."""
    return sql.exists(_IS_DUE, now)


def release(now: datetime, recipient_ids: Collection[int] | None = None) -> int:
    """Have messages carry everything whose quiet hours have ended, of some recipients or all. Return how much.

    Each recipient gets one digest; what is about one ticket is an ordinary message.
    """
    if recipient_ids == set() or not is_due(now):
        return 0
    sql.advisory_lock("held")
    rows = sql.select(Notification, _DUE, now)
    due = [row for row in rows if recipient_ids is None or row.recipient_id in recipient_ids]
    last_copied = facts.last_copied_event()
    for _, theirs in groupby(due, key=lambda row: row.recipient_id):
        of_one = list(theirs)
        if len({row.ticket_id for row in of_one}) == 1:
            _join(of_one, now)
        else:
            copied = any(row.event_id and row.event_id <= last_copied for row in of_one)
            messages.add_digest(of_one, now, possible_duplicate=copied)
    return len(due)


def take_along(ticket_id: int, recipient_id: int, now: datetime, *, give_up_at: datetime) -> None:
    """Have messages carry what is held of a ticket for a recipient: something urgent about it is about to be sent."""
    sql.advisory_lock("held")
    older = sql.select(Notification, _OF_TICKET, ticket_id, recipient_id)
    move(older, now, give_up_at=give_up_at)
    _join(older, now)


def rows_of(recipient_id: int | None) -> list[Notification]:
    """Return what is held, of a recipient or of all, ordered by id."""
    sql.advisory_lock("held")
    rows = sql.select(Notification, _ALL)
    return [row for row in rows if recipient_id in (None, row.recipient_id)]


def move(rows: Iterable[Notification], until: datetime, *, give_up_at: datetime) -> None:
    """Have notifications wait until another time."""
    changes = {"held_until": until, "give_up_at": give_up_at}
    for row in rows:
        Notification.update(changes).where(Notification.id == row.id).execute()


def _join(rows: Iterable[Notification], now: datetime) -> None:
    last_copied = facts.last_copied_event()
    for row in rows:
        messages.join(model_to_dict(row, recurse=False), row.id, now, last_copied)
