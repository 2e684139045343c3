"""Delete old data in small batches, but nothing that prevents a duplicate notification (O8)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from ticketbot.background import periodic
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db, fields
from ticketbot.models import (
    audit,
    erasure,
    events,
    messages,
    notifications,
    policies,
    runtime_config,
    syncs,
    threads,
    tickets,
)

NAME = "retention"
EVERY_S = 3600.0
BATCH = 500
MESSAGE_IDS_KEPT = timedelta(days=7)  # W4
AUDIT_KEPT = timedelta(days=365)
FACTS_KEPT = timedelta(days=90)  # T9
# What was entered up to 7 days ago may be announced (T5): whether it was is remembered a day longer.
DECIDED_KEPT = timedelta(days=8)

_logger = logging.getLogger(__name__)


def run(source: connectwise_client.ConnectWise, now: Callable[[], datetime], heartbeat: periodic.Heartbeat) -> None:
    """Delete what is old by our clock and by ConnectWise's: a clock that jumped ahead must not delete anything."""
    heartbeat()
    ours, theirs = now(), source.info().served_at
    forget(min(ours, theirs or ours), heartbeat)


def forget(now: datetime, heartbeat: periodic.Heartbeat) -> dict[str, int]:
    """Delete expired rows, batch by batch. Return the number of rows by table."""
    with db.session():
        days = runtime_config.load().retention_days
    _forget_facts(now, heartbeat)
    forgotten: dict[str, int] = {}
    for model, which in _old(now, days):
        for rows in _batches(model, which, heartbeat):
            model.delete().where(model._meta.primary_key.in_(rows)).execute()
            forgotten[model.__name__] = forgotten.get(model.__name__, 0) + len(rows)
    _blank_texts(now, days, heartbeat)
    if forgotten:
        _logger.info("deleted expired rows: %s", ", ".join(f"{count} {name}" for name, count in forgotten.items()))
    return forgotten


def _forget_facts(now: datetime, heartbeat: periodic.Heartbeat) -> None:
    """Remove facts that are too old to try rules on, also of events that are kept longer (T9)."""
    old = events.Event.facts.is_null(False) & (events.Event.finished_at < now - FACTS_KEPT)
    for rows in _batches(events.Event, old, heartbeat):
        events.Event.update(facts=None, policies_id=None).where(events.Event.id.in_(rows)).execute()


def _blank_texts(now: datetime, days: int, heartbeat: periodic.Heartbeat) -> None:
    """Blank the texts of tickets that were closed long ago, and of rows that have to stay (O8)."""
    if not days:
        return
    before = now - max(timedelta(days=days), DECIDED_KEPT)  # nothing may still wait to be sent
    for rows in _batches(tickets.Ticket, erasure.where_ticket_to_blank(before), heartbeat):
        erasure.blank_tickets(rows, before)
    for rows in _batches(tickets.Note, erasure.where_note_to_blank(before), heartbeat):
        erasure.blank_notes(rows)
    for rows in _batches(messages.Message, erasure.where_digest_to_blank(before), heartbeat):
        erasure.blank_digests(rows)


def _old(now: datetime, days: int) -> Iterator[tuple[type[fields.Model], Any]]:
    yield events.ProcessedMessage, events.ProcessedMessage.received_at < now - MESSAGE_IDS_KEPT
    yield audit.Audit, audit.Audit.at < now - AUDIT_KEPT
    yield policies.Policies, policies.where_unused()
    if not days:
        return
    age = timedelta(days=days)
    yield syncs.SyncRun, syncs.SyncRun.finished_at < now - age
    yield events.Event, events.where_expired(now - age)
    yield notifications.Notification, notifications.where_expired(now - max(age, DECIDED_KEPT))
    yield messages.Message, messages.where_expired(now - max(age, DECIDED_KEPT))
    yield threads.Thread, threads.where_expired()
    yield tickets.Note, tickets.where_note_expired(now - max(age, DECIDED_KEPT))


def _batches(model: type[fields.Model], which: Any, heartbeat: periodic.Heartbeat) -> Iterator[list[Any]]:
    """Yield the keys of matching rows until none is left, each batch in a transaction of its own.

    A batch is selected before its transaction, which on SQLite blocks all other writers.
    """
    some = model.select(model._meta.primary_key).where(which).limit(BATCH).tuples()
    while True:
        with db.session():
            rows = [row[0] for row in some.clone()]
        if not rows:
            return
        heartbeat()
        with db.transaction("retention"):
            yield rows
