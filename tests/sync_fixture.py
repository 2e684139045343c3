"""Syncs of one server without its other threads, for tests of syncs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.environment import World
from ticketbot.connectwise import connectwise_client, rate_limit
from ticketbot.database import db
from ticketbot.models import recipients, servers, syncs, tickets
from ticketbot.sync import sync_run, sync_service
from ticketbot.webex import webex_client

ENDS_WITHIN_S = 60.0
_OWNERS = itertools.count(1)


class Syncing:
    """Simulated services, and the syncs of a server that uses them."""

    def __init__(self, world: World, limit: rate_limit.RateLimiter | None = None) -> None:
        self.world, self.connectwise, self.webex = world, world.connectwise, world.webex
        world.connectwise.now = minute_clock()
        site = self.connectwise
        client = connectwise_client.ConnectWise(
            url=site.callbacks.url,
            company=site.company,
            public_key=site.public_key,
            private_key=site.private_key,
            client_id=site.client_id,
            limit=limit,
        )
        webex = webex_client.Webex(url=self.webex.url, token=self.webex.token)
        self.services = sync_run.Services(
            client.in_background(), webex, servers.Current(next(_OWNERS)), lambda: datetime.now(UTC)
        )
        self.syncs = sync_service.Syncs(self.services)

    def run(self, **request: Any) -> syncs.SyncRun:
        """Run a sync (`tickets=True`) and return the finished run."""
        run = self.syncs.start(sync_service.Request(**request))
        assert self.syncs.join(ENDS_WITHIN_S), "the sync did not end"
        return self.row(run.id)

    def row(self, run_id: int) -> syncs.SyncRun:
        """Return the stored run."""
        with db.session():
            found: syncs.SyncRun = syncs.SyncRun.get_by_id(run_id)
        return found

    def count_calls(self, operation: str = "") -> int:
        """Return the number of calls to ConnectWise since the last `clear_calls`."""
        return self.connectwise.calls.count(operation)

    def clear_calls(self) -> None:
        """Reset the counts of calls."""
        self.connectwise.calls.clear()
        self.webex.calls.clear()


def minute_clock() -> Callable[[], datetime]:
    """Return a clock in the past that advances a minute per reading, so that no two changes share a second."""
    start, minutes = datetime(2026, 1, 1, tzinfo=UTC), itertools.count()
    return lambda: start + timedelta(minutes=next(minutes))


def phases(run: syncs.SyncRun) -> dict[str, tuple[int | None, int, int]]:
    """Return total, done and errors of each phase."""
    return {phase["name"]: (phase["total"], phase["done"], phase["errors"]) for phase in run.phases}


def stored(ticket_id: int) -> tickets.Ticket:
    """Return a stored ticket."""
    with db.session():
        found: tickets.Ticket = tickets.Ticket.get_by_id(ticket_id)
    return found


def open_tickets() -> list[int]:
    """Return the ids of stored open tickets."""
    with db.session():
        return sorted(row.id for row in tickets.Ticket.select() if row.open and row.deleted_at is None)


def note_texts() -> list[str]:
    """Return the texts of all stored notes."""
    with db.session():
        return sorted(row.text for row in tickets.Note.select())


def stored_recipients(**where: Any) -> list[recipients.Recipient]:
    """Return the recipients with these column values."""
    with db.session():
        found = recipients.Recipient.select().order_by(recipients.Recipient.id)
        return [row for row in found if all(getattr(row, name) == value for name, value in where.items())]
