"""Find changes in ConnectWise that were never decided, whatever happened to their webhooks (C1)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from ticketbot import errors, log, metrics
from ticketbot.background import periodic
from ticketbot.connectwise import connectwise_client, records
from ticketbot.database import db
from ticketbot.models import events, facts, runtime_config, tickets
from ticketbot.pipeline import fetch

NAME = "catch-up"
OVERLAP = timedelta(minutes=5)  # a change may become visible some time after its own timestamp
FIELDS = "id,recordType,_info/lastUpdated"
ENQUEUED_AT_ONCE = 200

# If catch-up queued an event this long after a change, it does not queue another one for that change.
LOOKED_AT_AFTER = timedelta(minutes=1)
# `covers` may lie this far before an update that the fetch has seen: both are whole seconds, and the call takes time.
RECHECKED_WITHIN = timedelta(seconds=3)
# Without dates (a restricted API member sees none), changes cannot be detected: recheck once an hour.
UNDATED_EVERY = timedelta(hours=1)

_logger = logging.getLogger(__name__)


class Services(msgspec.Struct, frozen=True):
    """Dependencies of catching up."""

    connectwise: connectwise_client.ConnectWise
    now: Callable[[], datetime]


class TicketHistory(msgspec.Struct, frozen=True):
    """What is known about a ticket that ConnectWise lists as changed."""

    decided_update: datetime | None
    waits: bool = False
    last: events.Ended | None = None


def every_s(config: runtime_config.Config) -> float:
    """Return the configured number of seconds between runs; 0 means never."""
    return float(config.catch_up_interval)


def run(services: Services, heartbeat: periodic.Heartbeat) -> None:
    """Queue an event for every undecided change since the watermark, then move the watermark."""
    started_at = services.now()
    before = watermark(started_at)
    since = start_of_window(before, started_at)
    seen: list[datetime | None] = []
    for kind in fetch.KINDS:
        changed = list(_changed(services, kind, since, heartbeat))
        seen += [ticket.updated_at for ticket in changed]
        for chunk in _chunks(sorted(changed, key=_by_update)):
            heartbeat()
            enqueue(chunk, services.now())
    heartbeat()
    moved = next_watermark(before, seen, started_at)
    with db.transaction("watermark"):
        facts.write_time(facts.CATCH_UP_WATERMARK, moved)


def watermark(now: datetime) -> datetime:
    """Return the time up to which all changes have been seen; one in the future, from a wrong clock, counts as now."""
    with db.session():
        moved = facts.read_time(facts.CATCH_UP_WATERMARK) or facts.read_time(facts.WATCHING_SINCE) or now
    return min(moved, now)


def start_of_window(before: datetime, now: datetime) -> datetime:
    """Return the start of the window to fetch: `before` minus the overlap, but not before watching began."""
    with db.session():
        watching_since = facts.read_time(facts.WATCHING_SINCE) or now
    earliest = before - OVERLAP
    return max(earliest, watching_since) if watching_since <= now else earliest


def next_watermark(before: datetime, seen: Sequence[datetime | None], started_at: datetime) -> datetime:
    """Return the time up to which all changes have been seen.

    That is the newest date ConnectWise returned, since its clock is not ours. Undated changes stay within the window
    for as long as they may have to wait for their recheck.
    """
    if not seen:
        return before
    newest = max((each for each in seen if each is not None), default=started_at)
    return max(before, min(newest, started_at - UNDATED_EVERY if None in seen else started_at))


def enqueue(changed: Sequence[records.Ticket], now: datetime) -> int:
    """Queue the changes that need an event, due in the given order, in one transaction. Return how many."""
    ids = [ticket.id for ticket in changed]
    finds = 0
    with db.transaction("catch-up"):
        decided = tickets.decided_updates(ids)
        open_, ended = events.open_for(ids), events.last_ended(ids)
        looks = []
        for place, ticket in enumerate(changed):
            known = TicketHistory(
                decided.get(ticket.id), events.WAITING in open_.get(ticket.id, ()), ended.get(ticket.id)
            )
            if needs_event(ticket, known, now):
                at = now + timedelta(microseconds=place)
                looks.append(events.Change(ticket.id, events.CATCH_UP, None, ticket.kind, log.new_correlation(), at))
                finds += ticket.id not in open_ and not is_recheck(ticket, known)
        events.enqueue(looks)
    metrics.CATCH_UP_FINDS.inc(finds)
    if finds:
        _logger.info("catch-up found %d changes that no webhook had reported", finds)
    return len(looks)


def needs_event(ticket: records.Ticket, known: TicketHistory, now: datetime) -> bool:
    """Return whether a change needs an event.

    A waiting event will see it. A catch-up event that died after the change is not repeated for it, nor one that was
    queued well after the change and decided nothing, as for a ticket that is listed but cannot be read (T7).
    """
    if known.waits:
        return False
    last, update = known.last, ticket.updated_at
    if update is None:
        return last is None or abs(now - last.finished_at) >= UNDATED_EVERY
    if known.decided_update is not None and known.decided_update >= update:
        return False
    if last is None or last.source != events.CATCH_UP:
        return True
    died = last.state == events.DEAD and last.finished_at >= update
    return not died and last.first_received_at < update + LOOKED_AT_AFTER


def is_recheck(ticket: records.Ticket, known: TicketHistory) -> bool:
    """Return whether an event is only a safeguard: the last one fetched the ticket right after its last update."""
    decided, update = known.decided_update, ticket.updated_at
    return decided is not None and update is not None and update - decided <= RECHECKED_WITHIN


def _changed(services: Services, kind: str, since: datetime, heartbeat: periodic.Heartbeat) -> Iterator[records.Ticket]:
    heartbeat()
    try:
        pages = services.connectwise.tickets(project=kind == "project", updated_after=since, only=FIELDS)
        for page in pages:
            yield from page.items
            heartbeat()
    except errors.RemoteDenied as error:
        if kind == "service" or error.status == 401:
            raise
        _logger.warning("catch-up skipped project tickets: %s", error)


def _by_update(ticket: records.Ticket) -> tuple[datetime, int]:
    return ticket.updated_at or datetime.max.replace(tzinfo=UTC), ticket.id


def _chunks(changed: Sequence[records.Ticket]) -> Iterable[Sequence[records.Ticket]]:
    return (changed[start : start + ENQUEUED_AT_ONCE] for start in range(0, len(changed), ENQUEUED_AT_ONCE))
