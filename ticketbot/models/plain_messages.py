"""Messages without a ticket (L8): alerts, test messages, sign-in links, and what the source of a forward is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import peewee

from ticketbot.database import sql
from ticketbot.models import notifications, recipients
from ticketbot.models.messages import Claimed, Message
from ticketbot.models.notifications import Notification

_WAITS = (Message.state == notifications.PENDING) & Message.ticket_id.is_null() & ~Message.is_digest
_ABOUT_FORWARD = _WAITS & Message.about_forward


def add(recipient: recipients.Recipient, markdown: str, now: datetime, **more: Any) -> Message:
    """Add a message which waits to be sent after all that the recipient gets until now."""
    place = Notification.select(peewee.fn.COALESCE(peewee.fn.MAX(Notification.id), 0)).scalar()
    defaults = {"place": place, "state": notifications.PENDING, "not_before": now, "due_at": now}
    message: Message = Message.create(recipient=recipient, markdown=markdown, created_at=now, **{**defaults, **more})
    return message


def add_claimed(recipient: recipients.Recipient, markdown: str, server_id: int, now: datetime) -> Claimed:
    """Add a message that this server is about to send."""
    return Claimed(add(recipient, markdown, now, state=notifications.SENDING, server_id=server_id), [])


def held_of(recipient_id: int | None, now: datetime) -> list[Message]:
    """Return the messages that wait for the end of quiet hours, of a recipient or of all."""
    theirs = peewee.Value(True) if recipient_id is None else Message.recipient == recipient_id
    held = Message.select().where(_ABOUT_FORWARD, Message.not_before > now, theirs)
    return list(sql.for_update(held.order_by(Message.id)))


def move(message: Message, until: datetime) -> None:
    """Have a held message wait until another time."""
    Message.update(not_before=until, due_at=until).where(Message.id == message.id).execute()


def is_overdue(due_before: datetime) -> bool:
    """Return whether a message waits that was to be sent before a time."""
    return bool(Message.select().where(_WAITS, Message.not_before <= due_before).exists())


def give_up_overdue(due_before: datetime) -> None:
    """Give up the messages that were to be sent before a time, even during a hold (L2)."""
    _give_up(Message.not_before <= due_before, notifications.OVERDUE)


def skip_about_forwards() -> None:
    """Give up what sources of forwards were to be told: notifications are off (L8, D1)."""
    _give_up(Message.about_forward, "notifications are off")


def give_up_all(reason: str) -> int:
    """Give up all that wait. Return how many."""
    return _give_up(peewee.Value(True), reason)


def _give_up(which: peewee.Node, error: str) -> int:
    """Give up what no sender is claiming: to wait for one that waits for another of these would be a deadlock."""
    free = sql.for_update(Message.select(Message.id).where(_WAITS, which), "FOR UPDATE SKIP LOCKED")
    ids = [row.id for row in free]
    for chunk in sql.chunks(ids):
        Message.update(state=notifications.DEAD, error=error).where(Message.id.in_(chunk)).execute()
    return len(ids)
