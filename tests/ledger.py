"""Rows of notifications and messages for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from ticketbot.models import messages, notifications, tickets
from ticketbot.models.messages import Message
from ticketbot.models.notifications import Notification

ASSIGNED = ({"code": "assigned", "names": ["resource"]},)


def draft(ticket_id: int, recipient_id: int | None, now: datetime, **more: Any) -> dict[str, Any]:
    """Return a pending notification of a new ticket, with the fields in `more` replaced."""
    return {
        "ticket_id": ticket_id,
        "subject": f"new:{ticket_id}",
        "target": f"recipient:{recipient_id}",
        "events": ["new"],
        "recipient": recipient_id,
        "recipient_name": "",
        "reasons": ASSIGNED,
        "forwarded_from": [],
        "correlation": "",
        "state": notifications.PENDING,
        "created_at": now,
        "give_up_at": now + timedelta(hours=24),
        **more,
    }


def add_pending(drafts: Iterable[dict[str, Any]], now: datetime) -> None:
    """Add notifications with their messages and tickets."""
    rows = list(drafts)
    for ticket_id in {row["ticket_id"] for row in rows}:
        tickets.Ticket.insert(id=ticket_id, summary="Printer on fire", stored_at=now).on_conflict_ignore().execute()
    notifications.add(rows)
    messages.attach(rows, now)


def add_with_message(row: dict[str, Any], now: datetime, **message: Any) -> Notification:
    """Add a notification in any state, carried by a message in the same state."""
    carried_by = Message.create(
        ticket_id=row["ticket_id"],
        recipient=row["recipient"],
        place=0,
        **{"state": row["state"], "not_before": now, "due_at": now, "created_at": now, **message},
    )
    notification: Notification = Notification.create(**row, message_id=carried_by.id)
    Message.update(place=notification.id).where(Message.id == carried_by.id).execute()
    return notification
