"""The road of one server in simulated time: real clients, simulators and rows, worked step by step, a clock that jumps.

Nothing here waits: when nothing is due, the clock is set to the next moment at which something is.
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

TIMEOUT_S = 10.0  # of the clients: real time, and more than any busy machine needs


class Stepper:
    """One server, worked by hand, in a world of its own. Jitter is off: a retry comes exactly when its delay says."""

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
        """Return the two desks of another server on the same database."""
        row = servers.Current(self.add_server())
        links = functools.partial(render.ticket_url, "https://api-na.cw.example", "v4", "msp")
        return (
            process_event.Services(self.remote, UTC, row, self.clocks, self.mass_changes, jitter=lambda: 0.0),
            deliver.Services(self.remote.webex, links, row, self.clocks, pause=lambda _: False, jitter=lambda: 0.0),
        )

    def add_server(self) -> int:
        """Register another server, and return its id."""
        with db.transaction("test"):
            return servers.add("elsewhere/1/1", "test", self.clock())

    def take_for_dead(self, server_id: int) -> None:
        """Have the others take a server for dead."""
        heartbeat.release(server_id, self.clock())

    def paused_before_its_commit(self, pause: Callable[[], object], *, decides: bool = True) -> process_event.Services:
        """Return the desk of a worker that is paused once before it commits, after it has decided if it has to."""
        # The first look at the clock is for the claim, the second for the decision.
        return replace(self.events, clocks=self._pausing(pause, at_look=3 if decides else 2))

    def paused_after_its_post(self, pause: Callable[[], object]) -> deliver.Services:
        """Return the desk of a sender that is paused once, after Webex has answered and before it records that."""
        # The first two looks are for the claim.
        return replace(self.messages, clocks=self._pausing(pause, at_look=3))

    def _pausing(self, pause: Callable[[], object], *, at_look: int) -> clock.Clocks:
        looks = itertools.count(1)

        def now() -> datetime:
            if next(looks) == at_look:
                pause()
            return self.clock()

        clocks = copy.copy(self.clocks)
        clocks.now = now
        return clocks

    def hook(self, ticket: int, action: str = "updated", *, kind_hint: str | None = None) -> None:
        """Have a verified hook committed."""
        with db.transaction("accept"):
            events.enqueue([events.Change(ticket, "hook", action, kind_hint, f"hook-{ticket}", self.clock())])

    def announce(self, *resources: str, board: int | None = None, **fields: Any) -> int:
        """Add a ticket and have it told; returns its id."""
        ticket = self.add_ticket(*resources, board=board, **fields)
        self.hook(ticket, "added")
        self.work()
        return ticket

    def add_ticket(self, *resources: str, board: int | None = None, **fields: Any) -> int:
        """Add a ticket assigned to members of the cast, whose hook is lost."""
        board = board or self.world.board
        return self.world.connectwise.add_ticket(
            board, "Printer on fire", resources=resources, contact=self.world.contact, notify=False, **fields
        )

    def note(self, ticket: int, text: str, **fields: Any) -> int:
        """Write a note, by the contact unless a member is named, whose hook is lost."""
        author = {} if "member" in fields else {"contact": self.world.contact}
        return self.world.connectwise.add_note(ticket, text, notify=False, **author, **fields)

    def work(self) -> None:
        """Do everything that is due now."""
        while process_event.process_next(self.events) or deliver.send_next(self.messages):
            pass
        outbox_upkeep.tidy_outbox(self.clock())

    def run(self, **duration: float) -> None:
        """Let time pass, doing everything at the moment it is due."""
        until = self.clock() + timedelta(**duration)
        self.work()
        while (following := self._next_moment()) and following <= until:
            self.clock.set(following)
            self.work()
        self.clock.set(until)
        self.work()

    def checks(self) -> dict[str, str]:
        """Return what `/readyz` would show."""
        return health.check([], self.clock())

    def _next_moment(self) -> datetime | None:
        """Return when something may become due: a row, a hold that ends."""
        now = self.clock()
        with db.session():
            return min((moment for moment in _moments() if moment > now), default=None)

    def _connectwise(self) -> connectwise_client.ConnectWise:
        there = self.world.connectwise
        return connectwise_client.ConnectWise(
            url=there.callbacks.url,
            company=there.company,
            public_key=there.public_key,
            private_key=there.private_key,
            client_id=there.client_id,
            read_timeout_s=TIMEOUT_S,
            now=self.clock,
        )

    def _webex(self) -> webex_client.Webex:
        there = self.world.webex
        return webex_client.Webex(url=there.url, token=there.token, read_timeout_s=TIMEOUT_S, now=self.clock)


def _moments() -> Iterable[datetime]:
    waiting = events.Event.state == events.WAITING
    pending = notifications.Notification.state == notifications.PENDING
    yield from (row.due_at for row in events.Event.select().where(waiting))
    yield from (row.give_up_at for row in notifications.Notification.select().where(pending))
    yield from (row.due_at for row in messages.Message.select().where(messages.Message.state == notifications.PENDING))
    yield from (row.until for row in holds.Hold.select())


def event_rows() -> list[events.Event]:
    """Return all events in the order they came."""
    with db.session():
        return list(events.Event.select().order_by(events.Event.id))


def rows_of(name: str) -> list[Entry]:
    """Return what the ledger holds about one recipient, by name."""
    return [row for row in ledger() if row.recipient_name == name]


def heard(world: World, name: str) -> list[str]:
    """Return the notes that a person of the cast, or a room, was shown, in the order they arrived."""
    people = world.webex.people
    return [
        line.removeprefix("> ").strip()
        for message in world.webex.messages()
        if name == (people[message.person_id]["displayName"] if message.person_id else message.room_title)
        for line in message.markdown.split("\n")
        if line.startswith("> ")
    ]
