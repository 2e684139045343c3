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

    `hooks` is how many webhooks its event held at that moment: if it holds more by now, the ticket may have changed.
    """

    ticket: records.Ticket
    hooks: int
    began_at: datetime


class MassChanges:
    """Tickets that were read for events which have not been processed yet; shared by all workers of a server."""

    def __init__(self, source: connectwise_client.ConnectWise, connectwise_now: Callable[[], datetime]) -> None:
        self.source = source.in_background()
        self._now = connectwise_now
        self._read: dict[int, ReadTicket] = {}
        self._lock = threading.Lock()

    def take(self, event: Event) -> ReadTicket | None:
        """Return the ticket of an event of a mass change, reading it with those of up to 99 that wait behind it.

        None if the event is not part of one, or the list does not hold the ticket: then it has to be read alone.
        Raises `RemoteError`.
        """
        if event.rank != events.MASS:
            return None
        with self._lock:
            found = self._read.pop(event.ticket_id, None)
            if found is None or found.hooks != event.hooks:
                self._read = self._read_with_others(event)
                found = self._read.pop(event.ticket_id, None)
        return found

    def _read_with_others(self, event: Event) -> dict[int, ReadTicket]:
        with db.session():
            others = events.next_of_mass_change(event.kind_hint, limit=KEPT - 1)
        hooks: Mapping[int, int] = {**others, event.ticket_id: event.hooks}
        began_at = self._now()
        found = self.source.tickets_by_id(sorted(hooks), project=event.kind_hint == "project")
        return {ticket.id: ReadTicket(ticket, hooks[ticket.id], began_at) for ticket in found}
