"""Make tickets forget: their texts once they are old (O8), and what changes are noticed in (T8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import peewee

from ticketbot.database import sql
from ticketbot.models import notifications, tickets
from ticketbot.models.messages import Message
from ticketbot.models.tickets import Note, Ticket

_COMPARED_TEXTS = ("summary", "company")
_BLANK_TICKET: dict[str, Any] = {"summary": "", "company": None, "contact": None, "details": {}}
_BLANK_NOTE = {"text": "", "author": None}


def where_ticket_to_blank(before: datetime) -> Any:
    """Return the condition that a ticket was closed or deleted before a time, and still has its texts (O8).

    When it was closed is not stored; at the latest when it was last updated.
    """
    undated = Ticket.updated_at.is_null() & (Ticket.stored_at < before)
    closed = ~Ticket.open & ((Ticket.updated_at < before) | undated)
    has_texts = (Ticket.summary != "") | Ticket.company.is_null(False) | Ticket.contact.is_null(False)
    compared = peewee.Cast(Ticket.compared, "TEXT")
    for name in _COMPARED_TEXTS:
        has_texts |= compared.contains(f'"{name}":')
    return (closed | (Ticket.deleted_at < before)) & (has_texts | (Ticket.details != {}))


def blank_tickets(ids: Sequence[int], before: datetime) -> None:
    """Blank the texts of these tickets, unless they have been fetched again meanwhile.

    Only the texts of what is compared become unknown: a ticket that is reopened one day has changed its status.
    """
    rows = Ticket.select(Ticket.id, Ticket.compared).where(Ticket.id.in_(ids), where_ticket_to_blank(before))
    for row in sql.for_update(rows.order_by(Ticket.id)):
        left = {name: value for name, value in (row.compared or {}).items() if name not in _COMPARED_TEXTS}
        sql.update_where(Ticket, {**_BLANK_TICKET, "compared": left or None}, "id = ?", row.id)


def where_note_to_blank(before: datetime) -> Any:
    """Return the condition that a note without a date, whose row has to stay (O8), was stored before a time."""
    has_texts = (Note.text != "") | Note.author.is_null(False)
    return Note.entered_at.is_null() & (Note.stored_at < before) & has_texts & tickets.where_closed(Note.ticket_id)


def blank_notes(ids: Sequence[int]) -> None:
    """Blank the texts of notes."""
    Note.update(_BLANK_NOTE).where(Note.id.in_(ids)).execute()


def where_digest_to_blank(before: datetime) -> Any:
    """Return the condition that a digest ended before a time: it is kept as long as one of its tickets is open."""
    over = Message.state.in_([notifications.SENT, notifications.DEAD]) & (Message.created_at < before)
    return Message.is_digest & over & (Message.markdown != "")


def blank_digests(ids: Sequence[int]) -> None:
    """Blank the texts of digests."""
    Message.update(markdown="").where(Message.id.in_(ids)).execute()


def forget_compared() -> None:
    """Let what has changed since tickets were last decided be unknown, which is no change (T8)."""
    sql.execute("UPDATE ticket SET compared = NULL WHERE compared IS NOT NULL")
