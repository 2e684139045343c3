"""The ledger: one row per topic and recipient, with the reason, and what became of it.

    pending -> sending -> sent
       ^          |   \\-> dead
       \\----------/
    skipped from the start, or when notifications are switched off

A unique index over (subject, target), both never null, prevents duplicate notifications (D5). A message carries it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import events, recipients, tickets

PENDING, SENDING, SENT, SKIPPED, DEAD = "pending", "sending", "sent", "skipped", "dead"
HELD = "held"  # what the numbers call pending ones that no message carries yet (N4)
_CLOCKS_AGREE_WITHIN = timedelta(hours=1)
OVERDUE = "not sent within 24 hours: sending was on hold"


class Notification(fields.Model):
    """The decision about one topic and one recipient."""

    id = fields.IdField()
    ticket_id = peewee.BigIntegerField(index=True)
    event = peewee.ForeignKeyField(events.Event, null=True, on_delete="SET NULL", backref="notifications")
    correlation = peewee.TextField(default="")
    subject = peewee.TextField()  # new:<ticket> | note:<kind>:<id> | change:<event>
    target = peewee.TextField()  # recipient:<id> | member:<identifier>
    events = fields.JsonField(default=list)  # R2: names of what the topic is about
    note_kind = peewee.TextField(null=True)
    note_id = peewee.BigIntegerField(null=True)
    changes = fields.JsonField(default=list)  # T8
    earlier_notes = peewee.IntegerField(default=0)  # D5: how many before this one are not shown
    recipient = peewee.ForeignKeyField(recipients.Recipient, null=True, on_delete="RESTRICT", backref="notifications")
    recipient_name = peewee.TextField(default="")
    state = peewee.TextField()
    reasons = fields.JsonField(default=list)
    forwarded_from = fields.JsonField(default=list)  # names, in order
    message_id = peewee.BigIntegerField(null=True, index=True)  # none of those that were skipped
    shown = peewee.BooleanField(default=True)  # N1: false of a note left out of the message that carried it
    error = peewee.TextField(null=True)  # its own; else its message has one
    created_at = fields.UtcField()
    give_up_at = fields.UtcField()  # 24 h after it was due (L2)
    held_until = fields.UtcField(null=True)  # N4: it waited, or waits, for the end of quiet hours
    sent_at = fields.UtcField(null=True)
    died_at = fields.UtcField(null=True)

    class Meta:
        indexes = ((("subject", "target"), True),)


Notification.add_index(Notification.index(Notification.state, Notification.id, name="notification_state"))
Notification.add_index(Notification.index(Notification.created_at, name="notification_created"))
_IS_HELD = peewee.SQL("state = 'pending' AND message_id IS NULL")  # a literal, as a partial index wants it
Notification.add_index(Notification.index(Notification.held_until, where=_IS_HELD, name="notification_held"))
Notification.add_index(
    Notification.index(Notification.died_at, where=peewee.SQL("state = 'dead'"), name="notification_died")
)
Notification.add_index(
    Notification.index(Notification.sent_at, where=peewee.SQL("state = 'sent'"), name="notification_sent")
)


LAST_SENT = "SELECT MAX(sent_at) AS sent_at FROM notification WHERE state = 'sent'"
# COALESCE hides the state from PostgreSQL, which would read all that is pending while its statistics are stale.
_START_SENDING = """
    UPDATE notification SET state = 'sending'
    WHERE message_id = ? AND COALESCE(state, NULL) = 'pending' AND give_up_at > ? RETURNING *
"""


def where_since(since: datetime) -> peewee.Expression:
    """Return the condition that a notification was decided at a time or later.

    Ids follow time as far as the clocks of all servers agree, so a list by id need not read all history before it.
    """
    early = Notification.alias()
    first = early.select(early.id).where(early.created_at >= since - _CLOCKS_AGREE_WITHIN)
    return (Notification.created_at >= since) & (Notification.id >= first.order_by(early.created_at).limit(1))


def where_died_since(since: datetime) -> peewee.Expression:
    """Return the condition that a notification is dead and died at a time or later (L5)."""
    return (Notification.state == DEAD) & (Notification.died_at >= since)


def existing(subjects: Sequence[str]) -> set[tuple[str, str]]:
    """Return the ledger's (subject, target) pairs of these subjects."""
    query = f"SELECT subject, target FROM notification WHERE subject IN {sql.placeholders(subjects)}"  # noqa: S608
    return set(sql.execute(query, *subjects).fetchall())


def add(rows: Sequence[Mapping[str, Any]]) -> int:
    """Add decided notifications to the ledger; pairs that exist stay as they are. Return how many are new."""
    return sql.insert_new(Notification, rows)


def start_sending(message_id: int, overdue_at: datetime) -> list[Notification]:
    """Mark what a message carries as being sent, unless it is overdue, and return it, oldest first."""
    started = sql.select(Notification, _START_SENDING, message_id, overdue_at)
    return sorted(started, key=lambda row: int(row.id))


def end_sending(message_id: int, changes: Mapping[str, Any]) -> None:
    """Change what a message carried while it was being sent."""
    sql.update_where(Notification, changes, "message_id = ? AND state = 'sending'", message_id)


def return_to_pending(ids: Sequence[int]) -> None:
    """Have what was being sent wait again."""
    for chunk in sql.chunks(ids):
        Notification.update(state=PENDING).where(Notification.id.in_(chunk), Notification.state == SENDING).execute()


def give_up_overdue(overdue_at: datetime, now: datetime, message_ids: Sequence[int]) -> int:
    """Mark what is held or carried by these messages as dead if it had to be sent by a time (L2). Return how many."""
    changes = {"state": DEAD, "died_at": now, "error": OVERDUE}
    return _end_pending(changes, message_ids, Notification.give_up_at <= overdue_at)


def skip_pending(reasons: Sequence[Any], message_ids: Sequence[int]) -> int:
    """Mark all that is held or carried by these messages as skipped. Return how many."""
    return _end_pending({"state": SKIPPED, "reasons": list(reasons), "message_id": None}, message_ids)


def _end_pending(changes: Mapping[str, Any], message_ids: Sequence[int], *which: peewee.Expression) -> int:
    carried = (Notification.message_id.in_(chunk) for chunk in sql.chunks(message_ids))
    update = Notification.update(changes).where(Notification.state == PENDING, *which)
    return sum(int(update.where(where).execute()) for where in (Notification.message_id.is_null(), *carried))


def count(which: peewee.Expression) -> int:
    """Return how many notifications meet a condition."""
    return int(Notification.select().where(which).count())


def has_overdue(now: datetime) -> bool:
    """Return whether a pending notification is too old to be sent."""
    return bool(Notification.select().where(Notification.state == PENDING, Notification.give_up_at <= now).exists())


def open_counts() -> dict[str, int]:
    """Return the number of pending, sending and dead notifications by state; those that are held count apart."""
    counts, held = sql.count_by_value(Notification.state, (PENDING, SENDING, DEAD)), count_held()
    return {**counts, PENDING: counts[PENDING] - held, HELD: held}


def count_held() -> int:
    """Return how many notifications wait for the end of quiet hours."""
    return count(where_held())


def where_held() -> peewee.Expression:
    """Return the condition that a notification waits for the end of quiet hours (N4)."""
    without_message = Notification.message_id.is_null() & Notification.held_until.is_null(False)
    return (Notification.state == PENDING) & without_message


def last_sent_at() -> datetime | None:
    """Return when a notification was last sent, or None; it need not be the newest one."""
    last: datetime | None = sql.select(Notification, LAST_SENT)[0].sent_at
    return last


def oldest_waiting() -> datetime | None:
    """Return when the oldest pending notification that is not held was decided, or None."""
    waiting = (Notification.state == PENDING) & Notification.message_id.is_null(False)
    oldest: datetime | None = Notification.select(peewee.fn.MIN(Notification.created_at)).where(waiting).scalar()
    return oldest


def where_expired(before: datetime) -> Any:
    """Return the condition that a notification is final, was decided before a time, and its ticket is closed."""
    over = tickets.where_closed(Notification.ticket_id)
    return Notification.state.in_([SENT, SKIPPED, DEAD]) & (Notification.created_at < before) & over
