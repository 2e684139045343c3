"""The ledger and outbox: one row per message to one recipient about one event, with its outcome.

    pending -> sending -> sent
       ^          |   \\-> dead
       \\----------/
    skipped from the start, or when notifications are switched off

A unique index over (subject, target), both never null, prevents duplicate notifications (D5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import peewee

from ticketbot.database import db, fields, sql
from ticketbot.models import events, holds, recipients, tickets

PENDING, SENDING, SENT, SKIPPED, DEAD = "pending", "sending", "sent", "skipped", "dead"
_CLOCKS_AGREE_WITHIN = timedelta(hours=1)


class Notification(fields.Model):
    """One message to one recipient about one event."""

    id = fields.IdField()
    ticket_id = peewee.BigIntegerField(index=True)
    event = peewee.ForeignKeyField(events.Event, null=True, on_delete="SET NULL", backref="notifications")
    correlation = peewee.TextField(default="")
    subject = peewee.TextField()  # new:<ticket> | note:<kind>:<id>
    target = peewee.TextField()  # recipient:<id> | member:<identifier>
    kind = peewee.TextField()  # new | update
    note_kind = peewee.TextField(null=True)
    note_id = peewee.BigIntegerField(null=True)
    recipient = peewee.ForeignKeyField(recipients.Recipient, null=True, on_delete="RESTRICT", backref="notifications")
    recipient_name = peewee.TextField(default="")
    state = peewee.TextField()
    reason = peewee.TextField(default="")
    forwarded_from = fields.JsonField(default=list)  # names, in order
    markdown = peewee.TextField(default="")
    attempts = peewee.IntegerField(default=0)  # posts
    failures = peewee.IntegerField(default=0)  # posts that failed because of this message, not of the bot (L4)
    error = peewee.TextField(null=True)
    possible_duplicate = peewee.BooleanField(default=False)
    overtaken = peewee.BooleanField(default=False)
    may_be_overtaken = peewee.BooleanField(default=False)
    woken = peewee.BooleanField(default=False)
    webex_message_id = peewee.TextField(null=True)
    tracking_id = peewee.TextField(null=True)
    created_at = fields.UtcField()
    failing_since = fields.UtcField(null=True)
    give_up_at = fields.UtcField()  # 24 h after it was decided or retried (L2); of a dead one: when it died
    next_try_at = fields.UtcField(null=True)
    server_id = peewee.BigIntegerField(null=True)  # of the server that is sending it
    sent_at = fields.UtcField(null=True)

    class Meta:
        indexes = ((("subject", "target"), True),)


# Literals, not parameters: otherwise the databases do not see that a query may use a partial index.
_PENDING = peewee.SQL("state = 'pending'")
_OPEN = peewee.SQL("state IN ('pending', 'sending')")

Notification.add_index(
    Notification.index(Notification.next_try_at, Notification.id, where=_PENDING, name="notification_due")
)
Notification.add_index(
    Notification.index(Notification.recipient, Notification.id, where=_OPEN, name="notification_queue")
)
Notification.add_index(
    Notification.index(Notification.server_id, where=peewee.SQL("state = 'sending'"), name="notification_server")
)
Notification.add_index(Notification.index(Notification.state, Notification.id, name="notification_state"))
Notification.add_index(Notification.index(Notification.created_at, name="notification_created"))


# Evaluated row by row in the order of `notification_due`, until one matches: as a join (which an EXISTS would become)
# PostgreSQL compares everything pending with everything else when planner statistics are stale. Without the hint,
# SQLite sorts the whole queue on every claim.
_CLAIMABLE = """
    SELECT id FROM notification AS due INDEXED BY notification_due
    WHERE state = 'pending' AND next_try_at <= ? AND give_up_at > ? AND COALESCE((
        SELECT older.id FROM notification AS older
        WHERE older.recipient_id = due.recipient_id AND older.id < due.id AND older.state IN ('pending', 'sending')
            AND (older.state = 'sending' OR NOT older.may_be_overtaken)
        ORDER BY older.recipient_id, older.id LIMIT 1
    ), 0) = 0
    ORDER BY next_try_at, id LIMIT 1
"""
_CLAIM = f"""
    UPDATE notification SET state = 'sending', server_id = ?
    WHERE id = ({_CLAIMABLE} FOR UPDATE SKIP LOCKED)
        AND NOT EXISTS (SELECT 1 FROM hold WHERE service = 'webex' AND until > ?)
        AND NOT EXISTS (SELECT 1 FROM config_value WHERE name = 'attempt_notify' AND value = 'false')
    RETURNING *
"""  # noqa: S608  (fixed text)
# A message that another server is claiming at this moment is being sent, and may still arrive later.
_OVERTAKE = """
    UPDATE notification SET overtaken = TRUE
    WHERE recipient_id = ? AND id < ? AND state IN ('pending', 'sending') AND may_be_overtaken AND NOT overtaken
"""
_RETRY_BACKING_OFF_NOW = """
    UPDATE notification SET next_try_at = ?, woken = TRUE WHERE id IN (
        SELECT id FROM notification INDEXED BY notification_due
        WHERE state = 'pending' AND next_try_at > ? AND NOT woken FOR UPDATE SKIP LOCKED
    )
"""
_MINE = "id = ? AND state = 'sending' AND server_id = ?"


def where_since(since: datetime) -> peewee.Expression:
    """Return the condition that a notification was decided at a time or later.

    Ids follow time as far as the clocks of all servers agree, so a list by id need not read all history before it.
    """
    early = Notification.alias()
    first = early.select(early.id).where(early.created_at >= since - _CLOCKS_AGREE_WITHIN)
    return (Notification.created_at >= since) & (Notification.id >= first.order_by(early.created_at).limit(1))


def where_died_since(since: datetime) -> peewee.Expression:
    """Return the condition that a notification is dead and died at a time or later (L5)."""
    return (Notification.state == DEAD) & (Notification.give_up_at >= since)


def existing(subjects: Sequence[str]) -> set[tuple[str, str]]:
    """Return the ledger's (subject, target) pairs of these subjects."""
    query = f"SELECT subject, target FROM notification WHERE subject IN {sql.placeholders(subjects)}"  # noqa: S608
    return set(sql.execute(query, *subjects).fetchall())


def add(rows: Sequence[Mapping[str, Any]]) -> int:
    """Add decided notifications to the ledger; pairs that exist stay as they are. Return how many are new."""
    return sql.insert_new(Notification, rows)


def claim(server_id: int, now: datetime, *, overdue_at: datetime | None = None) -> Notification | None:
    """Claim the message that has been due longest; None if there is none, or sending is on hold or switched off.

    Order is kept per recipient (L4): a message waits while an older one of the same recipient is pending or being sent,
    unless that one may be overtaken. Messages that had to be sent by `overdue_at` (default: now) are left to
    `give_up_overdue` (L2).
    """
    with db.transaction("claim-notification"):
        for claimed in sql.select(Notification, _CLAIM, server_id, now, overdue_at or now, now):
            sql.execute(_OVERTAKE, claimed.recipient_id, claimed.id)
            claimed.recipient = recipients.recipient(claimed.recipient_id)
            return claimed
    return None


def record(row: Notification, changes: Mapping[str, Any]) -> bool:
    """Record the outcome of sending; return False if the message was taken over by another server."""
    return bool(sql.update_where(Notification, {**changes, "server_id": None}, _MINE, row.id, row.server_id))


def retry_backing_off_now(now: datetime) -> int:
    """After a success, retry messages that are backing off, each only once: if it fails again, it is at fault (L2)."""
    return int(sql.execute(_RETRY_BACKING_OFF_NOW, now, now).rowcount)


def give_up_overdue(now: datetime) -> int:
    """Mark messages as dead that were not sent within their 24 h, even during a hold (L2). Return how many."""
    return int(
        Notification.update(
            state=DEAD,
            give_up_at=now,
            next_try_at=None,
            error=peewee.fn.COALESCE(Notification.error, "not sent within 24 hours: sending was on hold"),
        )
        .where(Notification.state == PENDING, Notification.give_up_at <= now)
        .execute()
    )


def skip_pending(reason: str) -> int:
    """Mark all pending messages as skipped (D1). Return how many."""
    return int(
        Notification.update(state=SKIPPED, reason=reason, next_try_at=None)
        .where(Notification.state == PENDING)
        .execute()
    )


def retry_dead(which: peewee.Expression, *, now: datetime, give_up_at: datetime) -> int:
    """Requeue the dead messages among `which`, with all their tries restored (L5). Return how many."""
    fresh = {"failures": 0, "failing_since": None, "may_be_overtaken": False, "overtaken": False, "woken": False}
    return int(
        Notification.update(state=PENDING, next_try_at=now, give_up_at=give_up_at, **fresh)
        .where(Notification.state == DEAD, which)
        .execute()
    )


def count(which: peewee.Expression) -> int:
    """Return how many notifications meet a condition."""
    return int(Notification.select().where(which).count())


def has_pending() -> bool:
    """Return whether any message is pending."""
    return bool(Notification.select().where(Notification.state == PENDING).exists())


def is_failing() -> bool:
    """Return whether a message is pending because its last attempt failed."""
    return bool(Notification.select().where(Notification.state == PENDING, Notification.attempts > 0).exists())


def open_counts() -> dict[str, int]:
    """Return the number of pending, sending and dead notifications by state."""
    return sql.count_by_value(Notification.state, (PENDING, SENDING, DEAD))


def oldest_waiting() -> datetime | None:
    """Return when the oldest pending notification was decided, or None."""
    oldest: datetime | None = (
        Notification.select(peewee.fn.MIN(Notification.created_at)).where(Notification.state == PENDING).scalar()
    )
    return oldest


def release(server_id: int, now: datetime) -> int:
    """Requeue what a server was sending: it has ended, and the posts may or may not have arrived. Return how many."""
    mine = (Notification.state == SENDING) & (Notification.server_id == server_id)
    fresh = {"next_try_at": now, "possible_duplicate": True, "server_id": None}
    return int(Notification.update(state=PENDING, **fresh).where(mine).execute())


def is_stuck(before: datetime) -> bool:
    """Return whether a message has been claimable since `before` and no sender has claimed it (O2)."""
    last = holds.latest("webex")
    return (last is None or last.until < before) and sql.exists(_CLAIMABLE, before, before)


def has_overdue(now: datetime) -> bool:
    """Return whether a pending message is too old to be sent."""
    return bool(Notification.select().where(Notification.state == PENDING, Notification.give_up_at <= now).exists())


def is_due(now: datetime) -> bool:
    """Return whether a message is due that a sender may be able to claim."""
    due = "SELECT id FROM notification INDEXED BY notification_due WHERE state = 'pending' AND next_try_at <= ? LIMIT 1"
    return sql.exists(due, now)


def where_expired(before: datetime) -> Any:
    """Return the condition that a notification is final, was decided before a time, and its ticket is closed."""
    over = tickets.where_closed(Notification.ticket_id)
    return Notification.state.in_([SENT, SKIPPED, DEAD]) & (Notification.created_at < before) & over
