"""Read many tickets with one call while many events wait, as after a mass change (T11)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from ticketbot.connectwise import connectwise_client, records
from ticketbot.database import db
from ticketbot.models import events
from ticketbot.models.events import Event

KEPT = connectwise_client.TICKETS_PER_CALL


class ReadTicket(msgspec.Struct, frozen=True):
    """A ticket of a list, and when the call for it began by ConnectWise's clock.

    `event` is the event it was read for, and how many webhooks that held: if it holds more by now, or is another one,
    the ticket may have changed.
    """

    ticket: records.Ticket
    event: events.Version
    began_at: datetime


class MassChanges:
    """Tickets that were read for events which have not been processed yet; shared by all workers of a server."""

    def __init__(self, source: connectwise_client.ConnectWise, connectwise_now: Callable[[], datetime]) -> None:
        self.source = source.in_background()
        self._now = connectwise_now
        self._read: dict[tuple[int, str | None], dict[int, ReadTicket]] = {}  # by rank, and the kind in the webhooks
        self._locks = {rank: threading.Lock() for rank in events.RANKS}  # nothing new waits for a mass change

    def take(self, event: Event) -> ReadTicket | None:
        """Return the ticket of an event of a mass change, reading it with those of up to 99 that wait behind it.

        None if the event is not part of one, or the list does not hold the ticket: then it has to be read alone. A new
        ticket is part of one if 50 more new ones wait, as after a sync. Raises `RemoteError`.
        """
        alike = event.rank, event.kind_hint
        with self._locks[event.rank]:
            known = self._read.setdefault(alike, {})
            found = known.pop(event.ticket_id, None)
            if found is None or found.event != (event.id, event.hooks):
                read = self._read_with_others(event)
                found = read.pop(event.ticket_id, None)
                self._read[alike] = read or known
        return found

    def _read_with_others(self, event: Event) -> dict[int, ReadTicket]:
        with db.session():
            others = events.next_of_rank(event.rank, event.kind_hint, limit=KEPT - 1)
        if event.rank != events.MASS and len(others) < events.MASS_CHANGE_FROM:
            return {}
        wanted: Mapping[int, events.Version] = {**others, event.ticket_id: (event.id, event.hooks)}
        began_at = self._now()
        found = self.source.tickets_by_id(sorted(wanted), project=event.kind_hint == "project")
        return {ticket.id: ReadTicket(ticket, wanted[ticket.id], began_at) for ticket in found}
