"""Events and their trace: why a recipient did, or did not, get a message (D8)."""

from __future__ import annotations

import msgspec

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db
from ticketbot.decide import absence, values
from ticketbot.models import events, tickets
from ticketbot.models.notifications import Notification
from ticketbot.pipeline import kept_facts
from ticketbot.present import reasons
from ticketbot.server import authentication, operations, subjects
from ticketbot.server.routes import audit, connectwise, notifications

ROUTES = operations.Routes("events")

Event = events.Event


@ROUTES.get("/cw/tickets/{ticket_id}/explain", "Explain a ticket: events, decisions, notifications, newest first")
def explain_ticket(ticket_id: int, query: requests.ExplainQuery) -> responses.Explanation:
    stored = tickets.Ticket.get_or_none(tickets.Ticket.id == ticket_id)
    traces = list(Event.select().where(Event.ticket_id == ticket_id).order_by(Event.id.desc()).limit(query.limit))
    ledger = notifications.with_recipients().where(Notification.ticket_id == ticket_id)
    if not (stored or traces or ledger.exists()):
        raise errors.NotFound(f"Nothing is known about ticket {ticket_id}: no webhook, no catch-up, no sync named it")
    subject = None
    if query.about is not None:
        decisions = (each for row in traces for each in row.decisions)
        subject = subjects.find(query.about, [each["who"] for each in decisions])
        ledger = ledger.where(notifications.where_about(subject))
    rows = ledger.order_by(Notification.id.desc()).limit(query.limit)
    return responses.Explanation(
        ticket_id=ticket_id,
        ticket=None if stored is None else connectwise.ticket(stored),
        events=[_event(row, subject) for row in traces],
        notifications=[notifications.notification(row) for row in rows],
        about=None if subject is None else subject.name,
    )


@ROUTES.get("/events", "List events")
def list_events(query: requests.EventQuery) -> operations.Listing[responses.Event]:
    rows = Event.select()
    if query.state is not None:
        rows = rows.where(Event.state == query.state)
    if query.ticket_id is not None:
        rows = rows.where(Event.ticket_id == query.ticket_id)
    return operations.listing(rows, Event.id, query, _event)


@ROUTES.post("/events/{event_id}/retry", "Look again at a dead event", scope="operate", status=202, refuses=(409,))
def retry_event(event_id: int, caller: authentication.Caller, services: operations.Services) -> responses.Event:
    now = services.now()
    with db.transaction("retry"):
        before = _found(event_id)
        if not events.retry_dead(Event.id == event_id, now=now):
            raise errors.Conflict(
                f"Event {event_id} is {before.state}"
                if before.state != events.DEAD
                else f"A later event of ticket {before.ticket_id} takes its place"
            )
        after = _found(event_id)
        audit.record(caller, now, "retry", "event", event_id, before=before, after=after)
    services.wake_events()
    return after


def _found(event_id: int) -> responses.Event:
    return _event(operations.or_not_found(Event.get_or_none(Event.id == event_id), "event", event_id))


def _event(row: events.Event, subject: absence.Subject | None = None) -> responses.Event:
    decisions = msgspec.convert(row.decisions, list[values.Decision])
    if subject is not None:
        decisions = absence.about(subject, decisions, kept_facts.load(row))
    return responses.Event(
        id=row.id,
        ticket_id=row.ticket_id,
        state=row.state,
        source=row.source,
        action=row.action,
        hooks=row.hooks,
        correlation=row.correlation,
        first_received_at=row.first_received_at,
        received_at=row.received_at,
        due_at=row.due_at,
        finished_at=row.finished_at,
        attempts=row.attempts,
        error=row.error,
        decisions=[decision(each) for each in decisions],
    )


def decision(made: values.Decision) -> responses.Decision:
    """Return a decision as the API shows it."""
    return responses.Decision(
        subject=made.subject,
        who=made.who,
        outcome=made.outcome,
        codes=[str(reason.code) for reason in made.reasons],
        reason=reasons.text(made.reasons),
    )
