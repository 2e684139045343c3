"""The pipeline of one server in simulated time: real clients, simulators and rows, run step by step.

Nothing waits: when nothing is due, the clock is set to the next time at which something is.
"""

from __future__ import annotations

import copy
import functools
import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any

from msgspec.structs import replace

from tests.clock import Clock
from tests.environment import Entry, World, ledger
from ticketbot.background import heartbeat, outbox_upkeep
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import events, facts, holds, messages, notifications, servers
from ticketbot.pipeline import clock, deliver, mass_changes, people, process_event, render
from ticketbot.server import health
from ticketbot.webex import webex_client

TIMEOUT_S = 10.0  # of the clients, in real time: enough for a busy machine


class Stepper:
    """One server, run step by step, with its own simulated services; without jitter, so that retries are exact."""

    def __init__(self, database_url: str, *, explicit_nulls: bool = False) -> None:
        self.clock = Clock()
        self.world = World(database_url, self.clock, explicit_nulls=explicit_nulls)
        self._stack = ExitStack()

    def __enter__(self) -> Stepper:
        self._stack.enter_context(self.world)
        self.clocks = clock.Clocks(self.clock, lambda: self.clock().timestamp())
        pool = self._stack.enter_context(ThreadPoolExecutor(4))
        self.remote = people.RemoteServices(self._connectwise(), self._webex(), pool)
        self.mass_changes = mass_changes.MassChanges(self.remote.connectwise, self.clocks.connectwise_now)
        self._stack.callback(self.remote.connectwise.close)
        self._stack.callback(self.remote.webex.close)
        with db.transaction("test"):
            facts.start_watching(self.clock())
        self.events, self.messages = self.server()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def server(self) -> tuple[process_event.Services, deliver.Services]:
        """Return the services of another server on the same database."""
        row = servers.Current(self.add_server())
        links = functools.partial(render.ticket_url, "https://api-na.cw.example", "v4", "msp")
        return (
            process_event.Services(self.remote, UTC, row, self.clocks, self.mass_changes, jitter=lambda: 0.0),
            deliver.Services(
                self.remote.webex, render.Links(links), row, self.clocks, pause=lambda _: False, jitter=lambda: 0.0
            ),
        )

    def add_server(self) -> int:
        """Register another server and return its id."""
        with db.transaction("test"):
            return servers.add("elsewhere/1/1", "test", self.clock())

    def mark_dead(self, server_id: int) -> None:
        """Release the claims of a server, as others do once they take it for dead."""
        heartbeat.release(server_id, self.clock())

    def paused_before_its_commit(self, pause: Callable[[], object], *, decides: bool = True) -> process_event.Services:
        """Return the services of a worker that is paused once before it commits, after the decision if there is one."""
        # The clock is read first for the claim, then for the decision.
        return replace(self.events, clocks=self._pausing(pause, at_read=3 if decides else 2))

    def paused_after_its_post(self, pause: Callable[[], object]) -> deliver.Services:
        """Return the services of a sender that is paused once, between Webex's response and its record."""
        # The clock is read twice for the claim.
        return replace(self.messages, clocks=self._pausing(pause, at_read=3))

    def _pausing(self, pause: Callable[[], object], *, at_read: int) -> clock.Clocks:
        reads = itertools.count(1)

        def now() -> datetime:
            if next(reads) == at_read:
                pause()
            return self.clock()

        clocks = copy.copy(self.clocks)
        clocks.now = now
        return clocks

    def accept_webhook(self, ticket: int, action: str = "updated", *, kind_hint: str | None = None) -> None:
        """Commit a verified webhook."""
        with db.transaction("accept"):
            events.enqueue([events.Change(ticket, "hook", action, kind_hint, f"hook-{ticket}", self.clock())])

    def announce(self, *resources: str, board: int | None = None, **fields: Any) -> int:
        """Add a ticket, process its webhook, and return its id."""
        ticket = self.add_ticket(*resources, board=board, **fields)
        self.accept_webhook(ticket, "added")
        self.work()
        return ticket

    def add_ticket(self, *resources: str, board: int | None = None, **fields: Any) -> int:
        """Add a ticket assigned to members of the cast, without a webhook."""
        board = board or self.world.board
        return self.world.connectwise.add_ticket(
            board, "Printer on fire", resources=resources, contact=self.world.contact, notify=False, **fields
        )

    def note(self, ticket: int, text: str, **fields: Any) -> int:
        """Add a note by the contact, or by `member`, without a webhook."""
        author = {} if "member" in fields else {"contact": self.world.contact}
        return self.world.connectwise.add_note(ticket, text, notify=False, **author, **fields)

    def work(self) -> None:
        """Process everything that is due."""
        while (
            process_event.process_next(self.events)
            or deliver.send_next(self.messages)
            or outbox_upkeep.tidy_outbox(self.clock())
        ):
            pass

    def run(self, **duration: float) -> None:
        """Advance the clock, processing everything when it is due."""
        until = self.clock() + timedelta(**duration)
        self.work()
        while (due_at := self._next_due_at()) and due_at <= until:
            self.clock.set(due_at)
            self.work()
        self.clock.set(until)
        self.work()

    def checks(self) -> dict[str, str]:
        """Return the checks of `/readyz`."""
        return health.check([], self.clock())

    def _next_due_at(self) -> datetime | None:
        """Return the next time at which a row is due or a hold ends."""
        now = self.clock()
        with db.session():
            return min((at for at in _due_times() if at > now), default=None)

    def _connectwise(self) -> connectwise_client.ConnectWise:
        tenant = self.world.connectwise
        return connectwise_client.ConnectWise(
            url=tenant.callbacks.url,
            company=tenant.company,
            public_key=tenant.public_key,
            private_key=tenant.private_key,
            client_id=tenant.client_id,
            read_timeout_s=TIMEOUT_S,
            now=self.clock,
        )

    def _webex(self) -> webex_client.Webex:
        webex = self.world.webex
        return webex_client.Webex(url=webex.url, token=webex.token, read_timeout_s=TIMEOUT_S, now=self.clock)


def _due_times() -> Iterable[datetime]:
    waiting = events.Event.state == events.WAITING
    pending = notifications.Notification.state == notifications.PENDING
    yield from (row.due_at for row in events.Event.select().where(waiting))
    for row in notifications.Notification.select().where(pending):
        yield from (row.give_up_at, *([row.held_until] if row.held_until else []))
    yield from (row.due_at for row in messages.Message.select().where(messages.Message.state == notifications.PENDING))
    yield from (row.until for row in holds.Hold.select())


def event_rows() -> list[events.Event]:
    """Return all events, oldest first."""
    with db.session():
        return list(events.Event.select().order_by(events.Event.id))


def rows_of(name: str) -> list[Entry]:
    """Return the notifications of one recipient, by name."""
    return [row for row in ledger() if row.recipient_name == name]


def received_notes(world: World, name: str) -> list[str]:
    """Return the notes in the messages to a person of the cast or a room, by name, in order of arrival."""
    people = world.webex.people
    return [
        line.removeprefix("> ").strip()
        for message in world.webex.messages()
        if name == (people[message.person_id]["displayName"] if message.person_id else message.room_title)
        for line in message.markdown.split("\n")
        if line.startswith("> ")
    ]
