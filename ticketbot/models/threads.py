"""Threads: which message about a ticket a recipient got first, so that later ones are replies to it (N2)."""

from __future__ import annotations

from typing import Any

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import recipients, tickets


class Thread(fields.Model):
    """The messages about one ticket to one recipient; unique, also with several servers.

    `message_id` is the message that is the root, or shall become it; `root_id` is Webex's id of the root, null until
    Webex has confirmed it.
    """

    id = fields.IdField()
    ticket_id = peewee.BigIntegerField()
    recipient = peewee.ForeignKeyField(recipients.Recipient, on_delete="RESTRICT")
    message_id = peewee.BigIntegerField()
    root_id = peewee.TextField(null=True)

    class Meta:
        indexes = ((("ticket_id", "recipient"), True),)


# A message takes the place of a root that was never confirmed, unless that one is being sent at this moment.
_CLAIM_ROOT = """
    INSERT INTO thread (ticket_id, recipient_id, message_id) VALUES (?, ?, ?)
    ON CONFLICT (ticket_id, recipient_id) DO UPDATE SET message_id = CASE
        WHEN thread.root_id IS NULL AND NOT EXISTS (
            SELECT 1 FROM message WHERE id = thread.message_id AND state = 'sending')
        THEN excluded.message_id ELSE thread.message_id END
    RETURNING message_id, root_id
"""


def claim_root(ticket_id: int, recipient_id: int, message_id: int) -> tuple[bool, str | None]:
    """Claim to be the root for a message that is about to be sent, unless there is one.

    Returns whether the message may be sent now, and Webex's id of the root that it can be a reply to. It has to wait
    while another message is being sent that may become the root.
    """
    ((claimed_by, root_id),) = sql.execute(_CLAIM_ROOT, ticket_id, recipient_id, message_id).fetchall()
    return root_id is not None or claimed_by == message_id, root_id


def set_root(ticket_id: int, recipient_id: int, message_id: int, root_id: str) -> None:
    """Record that Webex has confirmed a message as the root."""
    which = (Thread.ticket_id == ticket_id) & (Thread.recipient == recipient_id)
    Thread.update(message_id=message_id, root_id=root_id).where(which).execute()


def where_expired() -> Any:
    """Return the condition that a ticket is closed and nothing is left of its messages (O8)."""
    message = peewee.Table("message", ("id", "ticket_id"))
    left = message.select(message.id).where(message.ticket_id == Thread.ticket_id)
    return tickets.where_closed(Thread.ticket_id) & ~peewee.fn.EXISTS(left)
