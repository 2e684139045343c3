"""The ledger and outbox: one row per message to one recipient about one event, with its fate.

    pending -> sending -> sent
       ^          |   \\-> dead
       \\----------/
    skipped from the start, or when notifications are switched off

A unique index over (subject, target), both never null, is why nobody is told twice (D5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import peewee

from ticketbot.database import db, fields, sql
from ticketbot.models import events, holds, recipients, tickets

PENDING, SENDING, SENT, SKIPPED, DEAD = "pending", "sending", "sent", "skipped", "dead"
LEASE_S = 30.0
_CLOCKS_AGREE_WITHIN = timedelta(hours=1)


class Notification(fields.Model):
    """One message to one recipient about one event."""

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
    failures = peewee.IntegerField(default=0)  # posts that failed through trouble of its own, not of the bot (L4)
    error = peewee.TextField(null=True)
    possible_duplicate = peewee.BooleanField(default=False)
    overtaken = peewee.BooleanField(default=False)
    may_be_overtaken = peewee.BooleanField(default=False)
    woken = peewee.BooleanField(default=False)
    webex_message_id = peewee.TextField(null=True)
    tracking_id = peewee.TextField(null=True)
    created_at = fields.UtcField()
    failing_since = fields.UtcField(null=True)
    give_up_at = fields.UtcField()  # 24 h after it was decided or revived (L2); of a dead one: when it died
    next_try_at = fields.UtcField(null=True)
    lease_owner = peewee.TextField(null=True)
    lease_until = fields.UtcField(null=True)
    sent_at = fields.UtcField(null=True)

    class Meta:
        indexes = ((("subject", "target"), True),)


# As text and not as parameters: only so do both databases see that a query may use a partial index.
_PENDING = peewee.SQL("state = 'pending'")
_OPEN = peewee.SQL("state IN ('pending', 'sending')")

Notification.add_index(
    Notification.index(Notification.next_try_at, Notification.id, where=_PENDING, name="notification_due")
)
Notification.add_index(
    Notification.index(Notification.recipient, Notification.id, where=_OPEN, name="notification_queue")
)
Notification.add_index(
    Notification.index(Notification.lease_until, where=peewee.SQL("state = 'sending'"), name="notification_lease")
)
Notification.add_index(Notification.index(Notification.state, Notification.id, name="notification_state"))
Notification.add_index(Notification.index(Notification.created_at, name="notification_created"))


# Asked row by row in the order of `notification_due`, until one is found: as a join (which an EXISTS would become)
# PostgreSQL compares everything that waits with everything else whenever its statistics are from calmer times. SQLite,
# left alone, sorts all that waits for every claim.
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
    UPDATE notification SET state = 'sending', lease_owner = ?, lease_until = ?
    WHERE id = ({_CLAIMABLE} FOR UPDATE SKIP LOCKED)
        AND NOT EXISTS (SELECT 1 FROM hold WHERE service = 'webex' AND until > ?)
        AND NOT EXISTS (SELECT 1 FROM config_value WHERE name = 'attempt_notify' AND value = 'false')
    RETURNING *
"""  # noqa: S608  (text of our own)
# One that another server takes up at this very moment is on its way, and may arrive later all the same.
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
_MINE = "id = ? AND state = 'sending' AND lease_owner = ?"


def where_since(moment: datetime) -> peewee.Expression:
    """Return the condition that a notification was decided at a moment or later.

    Ids go by time, as far as the clocks of all servers agree; so a list by id need not read all history before it.
    """
    early = Notification.alias()
    first = early.select(early.id).where(early.created_at >= moment - _CLOCKS_AGREE_WITHIN)
    return (Notification.created_at >= moment) & (Notification.id >= first.order_by(early.created_at).limit(1))


def where_died_since(moment: datetime) -> peewee.Expression:
    """Return the condition that a notification is dead and died at a moment or later (L5)."""
    return (Notification.state == DEAD) & (Notification.give_up_at >= moment)


def existing(subjects: Sequence[str]) -> set[tuple[str, str]]:
    """Return the (subject, target) pairs among these subjects that the ledger already holds."""
    query = f"SELECT subject, target FROM notification WHERE subject IN {sql.placeholders(subjects)}"  # noqa: S608
    return set(sql.execute(query, *subjects).fetchall())


def add(rows: Sequence[Mapping[str, Any]]) -> int:
    """Write decided notifications into the ledger; a pair it already holds stays as it is. Returns how many are new."""
    return sql.insert_new(Notification, rows)


def claim(owner: str, now: datetime, *, overdue_at: datetime | None = None) -> Notification | None:
    """Take the message that is due longest; None when there is none, or when sending is held or switched off.

    Per recipient the order is kept (L4): a message waits while an older one of the same recipient is pending or on its
    way, unless that one may be overtaken. What had to be sent by `overdue_at` (default: now) is left to
    `give_up_overdue` (L2).
    """
    with db.transaction("claim-notification"):
        lease_until = now + timedelta(seconds=LEASE_S)
        for claimed in sql.select(Notification, _CLAIM, owner, lease_until, now, overdue_at or now, now):
            sql.execute(_OVERTAKE, claimed.recipient_id, claimed.id)
            claimed.recipient = recipients.recipient(claimed.recipient_id)
            return claimed
    return None


def record(notification_id: int, owner: str, changes: Mapping[str, Any]) -> bool:
    """Write the outcome of a sending; False when the lease was lost and somebody else decides it now."""
    released = {**changes, "lease_owner": None, "lease_until": None}
    return bool(sql.update_where(Notification, released, _MINE, notification_id, owner))


def renew(notification_id: int, owner: str, now: datetime) -> bool:
    """Prolong the lease of a message on its way."""
    return bool(
        sql.update_where(Notification, {"lease_until": now + timedelta(seconds=LEASE_S)}, _MINE, notification_id, owner)
    )


def retry_backing_off_now(now: datetime) -> int:
    """After a success let what is backing off go at once, each row only once: then its trouble is its own (L2)."""
    return int(sql.execute(_RETRY_BACKING_OFF_NOW, now, now).rowcount)


def reclaim_expired(now: datetime) -> int:
    """Let what a vanished sender was about to send wait again: it may have gone out (L2). Returns how many."""
    return _reclaim(now, Notification.lease_until < now)


def give_up_overdue(now: datetime) -> int:
    """Declare dead what was not sent within its 24 h, also during a hold (L2). Returns how many died."""
    return int(
        Notification.update(
            state=DEAD,
            give_up_at=now,
            next_try_at=None,
            error=peewee.fn.COALESCE(Notification.error, "not sent within 24 hours: sending was held"),
        )
        .where(Notification.state == PENDING, Notification.give_up_at <= now)
        .execute()
    )


def skip_pending(reason: str) -> int:
    """Turn everything that waits into skipped (D1). Returns how many."""
    return int(
        Notification.update(state=SKIPPED, reason=reason, next_try_at=None)
        .where(Notification.state == PENDING)
        .execute()
    )


def retry_dead(which: peewee.Expression, *, now: datetime, give_up_at: datetime) -> int:
    """Let what is dead among `which` be sent again, with all its tries before it (L5). Returns how many."""
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
    """Tell whether anything waits to be sent."""
    return bool(Notification.select().where(Notification.state == PENDING).exists())


def is_failing() -> bool:
    """Tell whether a message waits because the last attempt failed."""
    return bool(Notification.select().where(Notification.state == PENDING, Notification.attempts > 0).exists())


def open_counts() -> dict[str, int]:
    """Return how many notifications wait, are on their way, or are dead."""
    return sql.count_by_value(Notification.state, (PENDING, SENDING, DEAD))


def oldest_waiting() -> datetime | None:
    """Return since when the oldest waiting notification waits, None when none does."""
    oldest: datetime | None = (
        Notification.select(peewee.fn.MIN(Notification.created_at)).where(Notification.state == PENDING).scalar()
    )
    return oldest


def give_up_leases(owner: str, now: datetime) -> None:
    """Let what this server still sends be sent by others: it is going away, and how its posts end is unknown (O4)."""
    _reclaim(now, Notification.lease_owner == owner)


def _reclaim(now: datetime, which: peewee.Expression) -> int:
    fresh = {"next_try_at": now, "possible_duplicate": True, "lease_owner": None, "lease_until": None}
    return int(Notification.update(state=PENDING, **fresh).where(Notification.state == SENDING, which).execute())


def owners() -> set[str]:
    """Return who holds leases on notifications."""
    rows = Notification.select(Notification.lease_owner).where(Notification.state == SENDING).distinct()
    return {row.lease_owner for row in rows}


def is_stuck(before: datetime) -> bool:
    """Tell whether a sender could have claimed something ever since a moment, and none has (O2)."""
    last = holds.latest("webex")
    if is_abandoned(before):
        return True
    return (last is None or last.until < before) and sql.exists(_CLAIMABLE, before, before)


def is_abandoned(now: datetime) -> bool:
    """Tell whether the sender of some message has vanished."""
    return bool(Notification.select().where(Notification.state == SENDING, Notification.lease_until < now).exists())


def has_overdue(now: datetime) -> bool:
    """Tell whether something waits that is too old to be sent."""
    return bool(Notification.select().where(Notification.state == PENDING, Notification.give_up_at <= now).exists())


def is_due(now: datetime) -> bool:
    """Tell whether a sender may find something to do."""
    due = "SELECT id FROM notification INDEXED BY notification_due WHERE state = 'pending' AND next_try_at <= ? LIMIT 1"
    return sql.exists(due, now)


def where_expired(before: datetime) -> Any:
    """Return the condition that a notification met its fate, was decided before a moment, and its ticket is over."""
    over = tickets.where_closed(Notification.ticket_id)
    return Notification.state.in_([SENT, SKIPPED, DEAD]) & (Notification.created_at < before) & over
