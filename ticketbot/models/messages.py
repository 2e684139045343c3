"""The outbox: one row per post to Webex, which carries one or more notifications.

    pending -> sending -> sent
       ^          |   \\-> dead
       \\----------/      retried later

A notification joins a message that waits for the same recipient and ticket until that is claimed for sending (N1).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import peewee
from playhouse.shortcuts import model_to_dict

from ticketbot.database import db, fields, sql
from ticketbot.models import facts, holds, notifications, recipients, threads
from ticketbot.models.notifications import DEAD, PENDING, SENDING, SENT, Notification


class Message(fields.Model):
    """One post to Webex.

    A digest carries what quiet hours held, of several tickets (N4). Any other message without a ticket (L8) has its
    text from the start, and no notifications.
    """

    id = fields.IdField()
    ticket_id = peewee.BigIntegerField(null=True)
    is_digest = peewee.BooleanField(default=False)
    about_forward = peewee.BooleanField(default=False)  # F8: heeds the kill switch and quiet hours (L8)
    recipient = peewee.ForeignKeyField(recipients.Recipient, on_delete="RESTRICT", backref="messages")
    state = peewee.TextField()
    place = peewee.BigIntegerField()  # L4: the id of its oldest notification
    forwarded_from = fields.JsonField(default=list)  # names, in order
    markdown = peewee.TextField(default="")  # what was posted last
    attempts = peewee.IntegerField(default=0)  # posts
    failures = peewee.IntegerField(default=0)  # posts that failed because of this message, not of the bot (L4)
    failing_since = fields.UtcField(null=True)
    not_before = fields.UtcField()  # a success wakes what backs off, but never what has to wait
    due_at = fields.UtcField()  # `not_before`, or later while it backs off
    server_id = peewee.BigIntegerField(null=True)  # of the server that is sending it
    error = peewee.TextField(null=True)
    possible_duplicate = peewee.BooleanField(default=False)
    overtaken = peewee.BooleanField(default=False)
    may_be_overtaken = peewee.BooleanField(default=False)
    woken = peewee.BooleanField(default=False)
    webex_message_id = peewee.TextField(null=True)
    parent_id = peewee.TextField(null=True)  # N2: Webex's id of the root that it is a reply to
    thread_refused = peewee.BooleanField(default=False)  # N2: Webex did not take it as a reply
    tracking_id = peewee.TextField(null=True)
    correlation = peewee.TextField(default="")
    created_at = fields.UtcField()


WAIT_FOR_ROOT = timedelta(seconds=1)  # N2: while another message is being sent that may become the root

# Literals, not parameters: otherwise the databases do not see that a query may use a partial index.
_PENDING = peewee.SQL("state = 'pending'")
_OPEN = peewee.SQL("state IN ('pending', 'sending')")

Message.add_index(Message.index(Message.due_at, Message.id, where=_PENDING, name="message_due"))
Message.add_index(Message.index(Message.recipient, Message.place, where=_OPEN, name="message_queue"))
Message.add_index(Message.index(Message.server_id, where=peewee.SQL("state = 'sending'"), name="message_server"))
Message.add_index(Message.index(Message.ticket_id, name="message_ticket"))


class Claimed(NamedTuple):
    """A message that this server is to send, with the notifications it carries, oldest first.

    `root_id` is Webex's id of the first message about the ticket to this recipient, None if this is to be the first.
    """

    message: Message
    notifications: list[Notification]
    root_id: str | None = None
    hidden: Sequence[int] = ()  # ids of those whose notes the text does not show (N1)


# Evaluated row by row in the order of `message_due`, until one matches: as a join (which an EXISTS would become)
# PostgreSQL compares everything pending with everything else when planner statistics are stale. Without the hint,
# SQLite sorts the whole queue on every claim. COALESCE hides the state from PostgreSQL, which would read everything
# that is pending instead of what the message carries. The kill switch is no concern of messages without a ticket (L8).
_CLAIMABLE = """
    SELECT id FROM message AS due INDEXED BY message_due
    WHERE state = 'pending' AND due_at <= ? AND COALESCE((
        SELECT older.id FROM message AS older
        WHERE older.recipient_id = due.recipient_id AND older.place < due.place
            AND older.state IN ('pending', 'sending') AND (older.state = 'sending' OR NOT older.may_be_overtaken)
        ORDER BY older.recipient_id, older.place LIMIT 1
    ), 0) = 0
    AND (ticket_id IS NULL AND NOT is_digest
        OR COALESCE((SELECT value FROM config_value WHERE name = 'attempt_notify'), 'true') <> 'false'
        AND COALESCE((SELECT carried.id FROM notification AS carried
                      WHERE carried.message_id = due.id AND COALESCE(carried.state, NULL) = 'pending'
                          AND carried.give_up_at > ?
                      LIMIT 1), 0) <> 0)
    ORDER BY due_at, id LIMIT 1
"""
_CLAIM = f"""
    UPDATE message SET state = 'sending', server_id = ?
    WHERE id = ({_CLAIMABLE} FOR UPDATE SKIP LOCKED)
        AND NOT EXISTS (SELECT 1 FROM hold WHERE service = 'webex' AND until > ?)
    RETURNING *
"""  # noqa: S608  (fixed text)
# A message that another server is claiming at this moment is being sent, and may still arrive later.
_OVERTAKE = """
    UPDATE message SET overtaken = TRUE
    WHERE recipient_id = ? AND place < ? AND state IN ('pending', 'sending') AND may_be_overtaken AND NOT overtaken
"""
_RETRY_BACKING_OFF_NOW = """
    UPDATE message SET due_at = ?, woken = TRUE WHERE id IN (
        SELECT id FROM message INDEXED BY message_due
        WHERE state = 'pending' AND due_at > ? AND not_before <= ? AND NOT woken FOR UPDATE SKIP LOCKED
    )
"""
_JOINABLE = """
    SELECT * FROM message
    WHERE ticket_id = ? AND recipient_id = ? AND COALESCE(state, NULL) = 'pending' AND possible_duplicate = ?
    ORDER BY id FOR UPDATE SKIP LOCKED
"""
_IS_EMPTY = """
    state = 'pending' AND (ticket_id IS NOT NULL OR is_digest)
    AND NOT EXISTS (
        SELECT 1 FROM notification WHERE message_id = message.id AND COALESCE(notification.state, NULL) = 'pending'
    )
"""
_ANY_PENDING = """
    SELECT 1 FROM notification WHERE state = 'pending' UNION ALL SELECT 1 FROM message WHERE state = 'pending' LIMIT 1
"""
_MINE = "id = ? AND state = 'sending' AND server_id = ?"


def claim(server_id: int, now: datetime, *, overdue_at: datetime | None = None) -> Claimed | None:
    """Claim the message that has been due longest; None if there is none, or sending is on hold or switched off.

    Order is kept per recipient (L4): a message waits while an older one of the same recipient is pending or being sent,
    unless that one may be overtaken. What had to be sent by `overdue_at` (default: now) is left to `give_up_overdue`
    (L2).
    """
    overdue_at = overdue_at or now
    with db.transaction("claim-message"):
        for message in sql.select(Message, _CLAIM, server_id, now, overdue_at, now):
            root_id = None
            if message.ticket_id is not None:
                may_send, root_id = threads.claim_root(message.ticket_id, message.recipient_id, message.id)
                if not may_send:
                    _put_back(message, now + WAIT_FOR_ROOT)
                    return None
            sql.execute(_OVERTAKE, message.recipient_id, message.place)
            message.recipient = recipients.recipient(message.recipient_id)
            return Claimed(message, notifications.start_sending(message.id, overdue_at), root_id)
    return None


def _put_back(message: Message, due_at: datetime) -> None:
    sql.update_where(Message, {"state": PENDING, "server_id": None, "due_at": due_at}, "id = ?", message.id)


def record(claimed: Claimed, changes: Mapping[str, Any], shared: Mapping[str, Any] | None = None) -> bool:
    """Record the outcome of sending; return False if another server has taken the message over.

    `changes` are columns of the message, with its `state`; `shared` those of the notifications it carries. A message
    that was sent may be the root of its thread now (N2).
    """
    message = claimed.message
    if not sql.update_where(Message, {**changes, "server_id": None}, _MINE, message.id, message.server_id):
        return False
    notifications.end_sending(message.id, {"state": changes["state"], **(shared or {})})
    is_root = changes["state"] == SENT and (claimed.root_id is None or message.thread_refused)
    if is_root and message.ticket_id is not None:
        threads.set_root(message.ticket_id, message.recipient_id, message.id, changes["webex_message_id"])
    if claimed.hidden:
        Notification.update(shown=False).where(Notification.id.in_(list(claimed.hidden))).execute()
    return True


def attach(rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Have notifications that were just decided, by subject and target, carried by a message each recipient gets.

    It is one that waits for the same recipient and ticket, with the same forward chain, or a new one (N1).
    """
    last_copied = facts.last_copied_event()
    for row in rows:
        ((number,),) = sql.execute(
            "SELECT id FROM notification WHERE subject = ? AND target = ?", row["subject"], row["target"]
        ).fetchall()
        join(row, number, now, last_copied)


def join(row: Mapping[str, Any], number: int, now: datetime, last_copied: int) -> None:
    """Have one notification, with this id, carried by the message that it can join, or else by a new one.

    What events up to `last_copied` led to may have been sent by the original of this database (O12).
    """
    may_have_arrived = (event := row.get("event")) is not None and event <= last_copied
    waiting = sql.select(Message, _JOINABLE, row["ticket_id"], row["recipient"], may_have_arrived)
    same_chain = [each.id for each in waiting if each.forwarded_from == row["forwarded_from"]]
    message_id = same_chain[0] if same_chain else _add(row, number, now, possible_duplicate=may_have_arrived)
    sql.execute("UPDATE notification SET message_id = ? WHERE id = ?", message_id, number)


def add_digest(rows: Sequence[Notification], now: datetime, **inherited: Any) -> int:
    """Have notifications of one recipient, oldest first, carried by one new message; return its id (N4)."""
    first = model_to_dict(rows[0], recurse=False)
    message_id = _add({**first, "ticket_id": None, "forwarded_from": []}, rows[0].id, now, is_digest=True, **inherited)
    ids = [row.id for row in rows]
    for chunk in sql.chunks(ids):
        Notification.update(message_id=message_id).where(Notification.id.in_(chunk)).execute()
    return message_id


def split_digest(claimed: Claimed, rest: Sequence[Notification], now: datetime) -> bool:
    """Leave what does not fit into a claimed digest to another one; return False if another server has taken it over.

    What may have arrived with the first one is flagged with the other one, too.
    """
    message = claimed.message
    if not sql.update_where(Message, {"error": message.error}, _MINE, message.id, message.server_id):
        return False
    add_digest(rest, now, possible_duplicate=message.possible_duplicate)
    notifications.return_to_pending([row.id for row in rest])
    return True


def _add(row: Mapping[str, Any], place: int, now: datetime, **more: Any) -> int:
    return int(
        Message.insert(
            ticket_id=row["ticket_id"],
            recipient=row["recipient"],
            state=PENDING,
            place=place,
            forwarded_from=row["forwarded_from"],
            not_before=now,
            due_at=now,
            correlation=row["correlation"],
            created_at=now,
            **more,
        ).execute()
    )


def retry_dead(which: peewee.Expression, *, now: datetime, give_up_at: datetime) -> int:
    """Have each dead notification among `which` sent again, by a message of its own (L5, N1). Return how many."""
    dead = Notification.select().where(Notification.state == DEAD, which).order_by(Notification.id)
    rows = list(sql.for_update(dead))
    carried_by = sql.select_by_id(Message, {row.message_id for row in rows if row.message_id})
    for row in rows:
        before = carried_by.get(row.message_id) or Message()  # none if it died while it was held (N4)
        message_id = _add(
            model_to_dict(row, recurse=False),
            row.id,
            now,
            attempts=before.attempts,
            error=row.error or before.error,
            possible_duplicate=before.possible_duplicate,
            tracking_id=before.tracking_id,
        )
        changes = {"state": PENDING, "message_id": message_id, "give_up_at": give_up_at, "died_at": None, "error": None}
        Notification.update(changes).where(Notification.id == row.id).execute()
    return len(rows)


def retry_backing_off_now(now: datetime) -> int:
    """After a success, retry messages that are backing off, each only once: if it fails again, it is at fault (L2)."""
    return int(sql.execute(_RETRY_BACKING_OFF_NOW, now, now, now).rowcount)


def skip_pending(reasons: Sequence[Any]) -> int:
    """Mark all pending notifications as skipped, and give up their messages (D1). Return how many notifications."""
    ids = _lock_carriers("state = 'pending'")
    skipped = notifications.skip_pending(reasons, ids)
    _give_up_empty(ids)
    return skipped


def give_up_overdue(overdue_at: datetime, now: datetime) -> int:
    """Mark notifications as dead that had to be sent by `overdue_at`, even during a hold (L2). Return how many."""
    ids = _lock_carriers("state = 'pending' AND give_up_at <= ?", overdue_at)
    dead = notifications.give_up_overdue(overdue_at, now, ids)
    _give_up_empty(ids)
    return dead


def _lock_carriers(which: str, *values: object) -> list[int]:
    """Lock the messages of some notifications, and those that carry nothing any more.

    Whoever changes notifications locks their message first. What a sender is claiming, or an event adding to, is left
    out: to wait for it could be a deadlock, and this is not the last time that somebody looks.
    """
    query = f"""
        SELECT id FROM message WHERE id IN (
            SELECT message_id FROM notification WHERE {which} UNION SELECT id FROM message WHERE {_IS_EMPTY}
        ) FOR UPDATE SKIP LOCKED
    """  # noqa: S608  (fixed text)
    return [number for (number,) in sql.execute(query, *values).fetchall()]


def _give_up_empty(ids: Sequence[int]) -> None:
    """Give up those of some locked messages that carry nothing any more; something may have joined one just before."""
    for chunk in sql.chunks(ids):
        sql.update_where(Message, {"state": DEAD}, f"id IN {sql.placeholders(chunk)} AND {_IS_EMPTY}", *chunk)


def release(server_id: int, now: datetime, ids: Collection[int] | None = None) -> int:
    """Requeue what a server was sending, all of it or these rows: the posts may have arrived. Return how many."""
    mine = (Message.state == SENDING) & (Message.server_id == server_id)
    if ids is not None:
        mine &= Message.id.in_(list(ids))
    for message in sql.for_update(Message.select().where(mine)):
        notifications.end_sending(message.id, {"state": PENDING})
    fresh = {"due_at": now, "possible_duplicate": True, "server_id": None}
    return int(Message.update(state=PENDING, **fresh).where(mine).execute())


def has_pending() -> bool:
    """Return whether any message or notification is pending."""
    return sql.exists(_ANY_PENDING)


def is_failing() -> bool:
    """Return whether a message is pending because its last attempt failed."""
    return bool(failing_recipients())


def failing_recipients() -> int:
    """Return for how many recipients a message is pending because its last attempt failed; more than one are two."""
    failed = Message.select(Message.recipient).where(Message.state == PENDING, Message.attempts > 0)
    return len(failed.distinct().limit(2))


def is_stuck(before: datetime) -> bool:
    """Return whether a message has been claimable since `before` and no sender has claimed it (O2)."""
    last = holds.latest("webex")
    return (last is None or last.until < before) and sql.exists(_CLAIMABLE, before, before)


def where_expired(before: datetime) -> Any:
    """Return the condition that a message ended before a time, and no notification is left that it carried."""
    carried = Notification.select(peewee.SQL("1")).where(Notification.message_id == Message.id)
    over = Message.state.in_([SENT, DEAD]) & (Message.created_at < before)
    return over & ~peewee.fn.EXISTS(carried)
