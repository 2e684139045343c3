"""Find notifications by words."""

from __future__ import annotations

import functools
import operator

import peewee

from ticketbot.database import sql
from ticketbot.models import tickets
from ticketbot.models.messages import Message
from ticketbot.models.notifications import Notification


def where_contains(words: str) -> peewee.Expression:
    """Return the condition that each of the words is in a notification: ticket, its summary, recipient or error."""
    return functools.reduce(operator.and_, map(_where_word, words.split()), peewee.Value(True))


def _where_word(word: str) -> peewee.Expression:
    # Tickets and messages are searched once, not again for each of a million notifications.
    about = tickets.Ticket.select(tickets.Ticket.id).where(sql.where_contains(word, tickets.Ticket.summary))
    failed = Message.select(Message.id).where(Message.error.is_null(False), sql.where_contains(word, Message.error))
    found = [
        Notification.ticket_id.in_(about),
        Notification.message_id.in_(failed),
        Notification.error.is_null(False) & sql.where_contains(word, Notification.error),
        sql.where_contains(word, Notification.recipient_name),
    ]
    if word.removeprefix("#").isdecimal():
        found.append(sql.where_contains(word, peewee.Value("#").concat(Notification.ticket_id)))
    return functools.reduce(operator.or_, found)
