"""Process one event: claim, fetch, decide, commit; reschedule or give up on failure (T3, T7).

No network call happens inside a transaction. One short transaction saves the ticket, its notes, its notifications and
the finished event together, so a kill at any point leaves either all of it or an event that runs again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from ticketbot import errors, log, metrics
from ticketbot.connectwise import records
from ticketbot.database import db
from ticketbot.decide import plan, retry, values
from ticketbot.decide.reasons import Reason
from ticketbot.models import event_claims, events, held, holds, messages, notifications, servers, tickets
from ticketbot.pipeline import clock, fetch, kept_facts, load_facts, mass_changes, people, service_outages

_logger = logging.getLogger(__name__)


class TakenOver(errors.TicketbotError):
    """Another server took this one for dead, and the event over; the decision is discarded."""


class Services(msgspec.Struct, frozen=True):
    """Dependencies of processing events. `claimed` wakes another worker, since there may be more events."""

    remote: people.RemoteServices
    timezone: tzinfo
    server: servers.Current
    clocks: clock.Clocks
    mass_changes: mass_changes.MassChanges
    jitter: Callable[[], float] = random.SystemRandom().random
    claimed: Callable[[], None] = lambda: None


def process_next(services: Services) -> bool:
    """Process the next due event; return False if there is none. A failure of the event is recorded, not raised."""
    claimed_at = services.clocks.now()
    event = event_claims.claim(services.server.id, claimed_at)
    if event is None:
        return False
    services.claimed()
    with log.bound_correlation(event.correlation), services.server.working_on("event", event.id):
        try:
            _process(event, claimed_at, services)
        except TakenOver as error:
            _logger.warning("%s", error)
        except Exception as error:  # noqa: BLE001  (the verdict distinguishes our bugs from external failures)
            _handle_failure(event, error, services)
    return True


def _process(event: events.Event, claimed_at: datetime, services: Services) -> None:
    source, pool = services.remote.connectwise, services.remote.pool
    read = services.mass_changes.take(event)
    if read is not None:
        reading = fetch.fetch_notes(read.ticket, read.began_at, services.mass_changes.source)
    else:
        reading = fetch.fetch(event.ticket_id, kind_hint=event.kind_hint, source=source, pool=pool)
    if reading.ticket is None:
        _commit_gone(event, claimed_at, services)
        return
    known = load_facts.load(
        reading,
        services.remote,
        services.timezone,
        services.clocks.now(),
        event_id=event.id,
        connectwise_now=services.clocks.connectwise_now(),
    )
    _commit(event, reading, reading.ticket, known, services, claimed_at=claimed_at)


def _commit(
    event: events.Event,
    reading: fetch.FetchedTicket,
    ticket: records.Ticket,
    known: values.Facts,
    services: Services,
    *,
    claimed_at: datetime,
) -> None:
    now, decided = services.clocks.now(), plan.decide(known)
    rows = [notification_row(draft, event, now) for draft in decided.drafts]
    with db.transaction("finish-event"):
        if not events.finish(event, now=now, decisions=decided.decisions, kept=kept_facts.columns(known)):
            raise TakenOver(f"event {event.id} of ticket {ticket.id}: another server took over")
        tickets.store_tickets([ticket_row(ticket, now)])
        tickets.store_notes([note_row(note, now) for note in reading.notes])
        tickets.mark_decided(decided.decided, now)
        tickets.remember_decision(
            ticket.id,
            announced=decided.announced,
            compared=known.ticket.compared,
            update=reading.covers,
            now=now,
        )
        store_notifications(decided.drafts, rows, now)
        holds.end("connectwise", called_at=claimed_at)
        ended = service_outages.record_success(service_outages.EVENTS, claimed_at)
    service_outages.log_end(ended, now)
    metrics.EVENTS.labels("done").inc()
    for row in rows:
        metrics.NOTIFICATIONS.labels(row["state"], row["reasons"][0].code).inc()
    _logger.info(
        "ticket %d decided: %d to notify, %d skipped",
        ticket.id,
        sum(draft.send for draft in decided.drafts),
        sum(not draft.send for draft in decided.drafts),
        extra={"ticket_id": ticket.id, "event_id": event.id, "source": event.source, "hooks": event.hooks},
    )


def store_notifications(
    drafts: Sequence[values.PlannedNotification], rows: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Add to the ledger what was decided, and have messages carry what is not held by quiet hours."""
    notifications.add(rows)
    due = [row for row in rows if row["state"] == notifications.PENDING and row["held_until"] is None]
    held.release(now, {row["recipient"] for row in due})  # older than what was just decided (L4)
    for draft, row in zip(drafts, rows, strict=True):
        if draft.is_urgent:
            held.take_along(row["ticket_id"], row["recipient"], now, give_up_at=row["give_up_at"])
    messages.attach(due, now)


def _commit_gone(event: events.Event, claimed_at: datetime, services: Services) -> None:
    now = services.clocks.now()
    gone = values.Decision(f"new:{event.ticket_id}", values.EVERYBODY, "not told", (Reason("deleted"),))
    with db.transaction("finish-event"):
        if not events.finish(event, now=now, decisions=[gone]):
            raise TakenOver(f"event {event.id} of ticket {event.ticket_id}: another server took over")
        tickets.mark_deleted(event.ticket_id, now)
        holds.end("connectwise", called_at=claimed_at)
        ended = service_outages.record_success(service_outages.EVENTS, claimed_at)
    service_outages.log_end(ended, now)
    metrics.EVENTS.labels("gone").inc()
    _logger.info("ticket %d was deleted in ConnectWise", event.ticket_id, extra={"ticket_id": event.ticket_id})


def _handle_failure(event: events.Event, error: Exception, services: Services) -> None:
    now = services.clocks.now()
    with db.session():
        failed_holds = holds.failed_in_a_row("connectwise", now)
    verdict = retry.event_failed(
        error,
        now=now,
        received_at=event.received_at,
        attempts=event.attempts,
        bugs=event.bugs,
        failed_holds=failed_holds,
        jitter=services.jitter(),
        give_up_until=services.clocks.give_up_until(),
    )
    is_bug = not isinstance(error, errors.TicketbotError)
    _logger.log(
        service_outages.log_level(error, is_dead=is_bug or verdict.retry_at is None),
        "ticket %d: %s; %s",
        event.ticket_id,
        verdict.reason,
        f"will retry at {verdict.retry_at:%H:%M:%S}Z" if verdict.retry_at else "given up, see `tbot explain`",
        exc_info=error if is_bug else None,
        extra={"ticket_id": event.ticket_id, "event_id": event.id},
    )
    event.attempts, event.bugs = verdict.attempts, verdict.bugs
    if _reschedule(event, error, verdict, now):
        metrics.EVENTS.labels("again" if verdict.retry_at else "dead").inc()


def _reschedule(event: events.Event, error: Exception, verdict: retry.EventVerdict, now: datetime) -> bool:
    source = service_outages.of_event(error)
    with db.transaction("return-event"):
        begun = service_outages.record(source, error, now)
        if verdict.hold_until:
            holds.begin("connectwise", until=verdict.hold_until, now=now, reason=verdict.reason, needs_person=True)
        if verdict.retry_at is None:
            is_ours = events.finish(event, now=now, decisions=[], error=verdict.reason, dead=True)
        else:
            is_ours = events.requeue(event, due_at=verdict.retry_at, error=verdict.reason)
    service_outages.log_start(source, begun, now)
    return is_ours


def notification_row(draft: values.PlannedNotification, event: events.Event, now: datetime) -> dict[str, Any]:
    """Convert a planned notification to a row of the ledger."""
    return {
        "ticket_id": event.ticket_id,
        "event": event.id,
        "correlation": event.correlation,
        "subject": draft.subject,
        "target": draft.target,
        "events": draft.events,
        "note_kind": draft.note.kind if draft.note else None,
        "note_id": draft.note.id if draft.note else None,
        "recipient": draft.recipient.id if draft.recipient else None,
        "recipient_name": draft.name,
        "state": notifications.PENDING if draft.send else notifications.SKIPPED,
        "changes": draft.changes,
        "earlier_notes": draft.earlier_notes,
        "reasons": draft.reasons,
        "forwarded_from": list(draft.chain),
        "created_at": now,
        "held_until": draft.held_until,
        "give_up_at": (draft.held_until or now) + retry.GIVE_UP_AFTER,
    }


def ticket_row(ticket: records.Ticket, now: datetime) -> dict[str, Any]:
    """Convert a ticket to a database row, undeleted (T4)."""
    return {
        "id": ticket.id,
        "kind": ticket.kind,
        "summary": ticket.summary,
        "board_id": ticket.board.id if ticket.board else None,
        "board_name": load_facts.name_of(ticket.board),
        "status": load_facts.name_of(ticket.status),
        "company_id": ticket.company.id if ticket.company else None,
        "company": load_facts.name_of(ticket.company),
        "contact_id": ticket.contact.id if ticket.contact else None,
        "contact": load_facts.name_of(ticket.contact) or ticket.contact_name,
        "priority": load_facts.name_of(ticket.priority),
        "details": load_facts.details(ticket),
        "owner": ticket.owner.identifier if ticket.owner else None,
        "resources": list(ticket.resources),
        "open": not ticket.closed,
        "entered_at": ticket.entered_at,
        "updated_at": ticket.updated_at,
        "stored_at": now,
        "deleted_at": None,
        "compared": load_facts.compared(ticket),
    }


def note_row(note: records.Note, now: datetime) -> dict[str, Any]:
    """Convert a note to a database row."""
    return {
        "kind": note.kind,
        "note_id": note.id,
        "ticket_id": note.ticket_id,
        "text": note.text,
        "internal": note.internal,
        "resolution": note.resolution,
        "is_markdown": note.is_markdown,
        "member": note.author_identifier,
        "author": note.author,
        "entered_at": note.entered_at,
        "updated_at": note.updated_at,
        "stored_at": now,
    }
