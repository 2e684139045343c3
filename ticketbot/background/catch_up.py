"""Find what changed in ConnectWise and was never decided, whatever became of its webhooks (C1)."""

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
OVERLAP = timedelta(minutes=5)  # a change may become visible some time after the moment it carries
FIELDS = "id,recordType,_info/lastUpdated"
ENQUEUED_AT_ONCE = 200

# What catch-up itself has had looked at so long after a change is not looked at for it again.
LOOKED_AT_AFTER = timedelta(minutes=1)
# What a reading covers lies so long before an update that it has seen: the whole seconds of both, and the call's time.
RECHECKED_WITHIN = timedelta(seconds=3)
# Without dates (an API member of a narrow role sees none) nobody can tell what has changed since: once an hour will do.
UNDATED_EVERY = timedelta(hours=1)

_logger = logging.getLogger(__name__)


class Services(msgspec.Struct, frozen=True):
    """What catching up needs."""

    connectwise: connectwise_client.ConnectWise
    now: Callable[[], datetime]


class TicketHistory(msgspec.Struct, frozen=True):
    """What we know about a ticket that ConnectWise says has changed."""

    decided_update: datetime | None
    waits: bool = False
    last: events.Ended | None = None


def every_s() -> float:
    """Return how often to look, as it is configured now; 0 is never."""
    with db.session():
        return float(runtime_config.load().catch_up_interval)


def run(services: Services, heartbeat: periodic.Heartbeat) -> None:
    """Queue an event for every change since the watermark that was not decided; the watermark moves after them."""
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
    """Return up to when everything has been seen. One that lies in the future comes from a clock that was wrong."""
    with db.session():
        moved = facts.read_time(facts.CATCH_UP_WATERMARK) or facts.read_time(facts.WATCHING_SINCE) or now
    return min(moved, now)


def start_of_window(before: datetime, now: datetime) -> datetime:
    """Return from when on changes are asked for: with overlap, but none of what was before we began to watch."""
    with db.session():
        watching_since = facts.read_time(facts.WATCHING_SINCE) or now
    earliest = before - OVERLAP
    return max(earliest, watching_since) if watching_since <= now else earliest


def next_watermark(before: datetime, seen: Sequence[datetime | None], started_at: datetime) -> datetime:
    """Return up to when everything has been seen.

    That is as far as ConnectWise's own dates go, since its clock is not ours: the newest one it named. Undated changes
    stay in sight for as long as they may have to wait for their turn.
    """
    if not seen:
        return before
    newest = max((each for each in seen if each is not None), default=started_at)
    return max(before, min(newest, started_at - UNDATED_EVERY if None in seen else started_at))


def enqueue(changed: Sequence[records.Ticket], now: datetime) -> int:
    """Queue the changes that need to be looked at, due in the order given, in one transaction. Returns how many."""
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
        _logger.info("catch-up found %d changes that no webhook had told", finds)
    return len(looks)


def needs_event(ticket: records.Ticket, known: TicketHistory, now: datetime) -> bool:
    """Tell whether a change has to become an event.

    An event that waits will see it. An event of catch-up that died after the change is not repeated for it, nor one
    that was queued well after the change and decided nothing, as for a ticket that is listed and cannot be read (T7).
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
    """Tell whether an event is only to make sure, since the one before read the ticket right after its last update."""
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
        _logger.warning("changes of project tickets are not caught up with: %s", error)


def _by_update(ticket: records.Ticket) -> tuple[datetime, int]:
    return ticket.updated_at or datetime.max.replace(tzinfo=UTC), ticket.id


def _chunks(changed: Sequence[records.Ticket]) -> Iterable[Sequence[records.Ticket]]:
    return (changed[start : start + ENQUEUED_AT_ONCE] for start in range(0, len(changed), ENQUEUED_AT_ONCE))
