"""growth: the time of one event, one message and one page, with a long history and with a short one."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import psycopg2

from benchmarks import harness, history
from ticketbot.api import requests
from ticketbot.connectwise import connectwise_client, records
from ticketbot.database import db
from ticketbot.models import events, notifications, servers
from ticketbot.pipeline import clock, deliver, mass_changes, people, process_event, render
from ticketbot.server.routes import connectwise as ticket_lists
from ticketbot.server.routes import events as event_lists
from ticketbot.server.routes import notifications as ledger

FEW, MANY = 1_000, 1_000_000
ROUNDS, EACH = 10, 10  # alternating, so that both have the same noise
LIMIT = 20
TARGET = 1.5

Took = dict[str, list[float]]


def run() -> list[dict[str, Any]]:
    """Measure everything on both databases."""
    with harness.databases() as urls:
        few = {"SQLite": urls["SQLite"] + "-few", "PostgreSQL": _second_database(urls["PostgreSQL"])}
        return [row for name, url in urls.items() for row in _rows(name, _History(few[name], FEW), _History(url, MANY))]


def _second_database(url: str) -> str:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE few")
    connection.close()
    return url.replace("/postgres?", "/few?")


def _rows(name: str, few: _History, many: _History) -> list[dict[str, Any]]:
    for _ in range(ROUNDS):
        for database in (few, many):
            database.measure()
    pages = [each for each in many.took if each.startswith("page")]
    worst = max(pages, key=lambda page: many.median_s(page) / few.median_s(page))
    return [_row(name, each, few, many) for each in many.took if each not in pages or each == worst]


def _row(name: str, what: str, few: _History, many: _History) -> dict[str, Any]:
    ratio = many.median_s(what) / few.median_s(what)
    shown = f"list {what}" if what.startswith("page") else what
    return {
        "name": f"growth {shown}, {name}",
        "figure": f"{many.median_s(what) * 1000:.2f} ms at {MANY:,}",
        "floor": f"{few.median_s(what) * 1000:.2f} ms at {FEW:,}",
        "ratio": ratio,
        "target": f"<= {TARGET}",
        "met": ratio <= TARGET,
    }


def _url(ticket_id: int) -> str:
    return f"https://cw.example/{ticket_id}"


class _History:
    """A database with `count` notifications, and its measurements; the clients are stubs without a network."""

    def __init__(self, url: str, count: int) -> None:
        self.url, self.count = url, count
        self.tickets = count // history.PER_TICKET
        self.took: Took = {}
        self._random = random.Random(7)
        self._unused_ticket_ids = iter(self._random.sample(range(1, self.tickets + 1), min(self.tickets, 200)))
        self._next_note_id = count + 1
        with harness.open_database(url):
            history.fill(count, _now())
            since = notifications.Notification.get_by_id(count - LIMIT).created_at
        self._pages: Mapping[str, Callable[[], Any]] = _pages(since, self.tickets // 2)

    def median_s(self, what: str) -> float:
        """Return the median seconds of a step."""
        return statistics.median(self.took[what])

    def measure(self) -> None:
        """Measure every step a few times. The median hides the first time, when caches are cold."""
        ticket_ids = [next(self._unused_ticket_ids) for _ in range(EACH + 1)]
        db.open_database(self.url)
        with ThreadPoolExecutor(1) as pool:
            self._process_events(ticket_ids, pool)
            self._send()
        with db.session():
            for ticket_id in ticket_ids:
                first = (ticket_id - 1) * history.PER_TICKET + 1
                subjects = [f"new:{ticket_id}", *(f"note:TicketNote:{first + each}" for each in range(1, 5))]
                self._time("ledger look-up", partial(notifications.existing, subjects))
            for name, read in self._pages.items():
                for _ in ticket_ids:
                    self._time(name, read)
        db.close_database()

    def _time(self, what: str, do: Callable[[], object]) -> None:
        self.took.setdefault(what, []).append(harness.timed(do))

    def _process_events(self, ticket_ids: list[int], pool: ThreadPoolExecutor) -> None:
        """Process an event with a new note on each ticket: claim, fetch, decide, commit."""
        with db.transaction("benchmark"):
            events.enqueue(events.Change(each, "hook", "updated", None, f"now-{each}", _now()) for each in ticket_ids)
        source = SimpleNamespace(ticket=self._ticket, notes=self._notes)
        stopwatch = _Stopwatch()
        services = process_event.Services(
            people.RemoteServices(source, SimpleNamespace(), pool),  # type: ignore[arg-type]
            UTC,
            servers.Current(1),
            clocks := clock.Clocks(_now),
            mass_changes.MassChanges(SimpleNamespace(in_background=lambda: source), clocks.connectwise_now),  # type: ignore[arg-type]
            claimed=stopwatch.lap,
        )
        for _ in ticket_ids:
            self._time_laps(stopwatch, lambda: process_event.process_next(services), "claim an event", "decide")

    def _send(self) -> None:
        stopwatch = _Stopwatch()
        webex: Any = SimpleNamespace(send=lambda *_: "an-id-of-webex")
        services = deliver.Services(
            webex, render.Links(_url), servers.Current(1), clock.Clocks(_now), lambda _: True, claimed=stopwatch.lap
        )
        for _ in range(EACH + 1):
            self._time_laps(stopwatch, lambda: deliver.send_next(services), "claim a message", "record it as sent")

    def _time_laps(self, stopwatch: _Stopwatch, do: Callable[[], bool], first: str, second: str) -> None:
        stopwatch.start()
        if not do():
            raise RuntimeError(f"no work to {first}")
        stopwatch.lap()
        for what, seconds in zip((first, second), stopwatch.laps, strict=True):
            self.took.setdefault(what, []).append(seconds)

    def _ticket(self, ticket_id: int, *, project: bool) -> records.Ticket:
        place = records.Ref(1 + ticket_id % history.ROOMS, "Name")
        return records.Ticket(
            id=ticket_id,
            kind="project" if project else "service",
            summary=f"Ticket {ticket_id}",
            board=place,
            status=place,
            company=None,
            type=None,
            contact=None,
            contact_name=None,
            owner=None,
            resources=(f"p{self._next_note_id % history.PEOPLE + 1}",),
            priority=None,
            priority_sort=None,
            severity=None,
            impact=None,
            subtype=None,
            item=None,
            source=None,
            closed=False,
            entered_at=_now() - history.SPREAD,
            updated_at=_now(),
            updated_by=None,
        )

    def _notes(self, ticket_id: int, **_: Any) -> connectwise_client.Page[records.Note]:
        """Return the four known notes and a new one."""
        first = (ticket_id - 1) * history.PER_TICKET + 1
        self._next_note_id += 1
        ids = [*range(first + 1, first + history.PER_TICKET), self._next_note_id]
        return connectwise_client.Page(1, tuple(_note(ticket_id, note_id) for note_id in ids), has_next=False)


class _Stopwatch:
    def start(self) -> None:
        self.laps: list[float] = []
        self._at_s = time.perf_counter()

    def lap(self) -> None:
        now_s = time.perf_counter()
        self.laps.append(now_s - self._at_s)
        self._at_s = now_s


def _pages(since: datetime, ticket_id: int) -> Mapping[str, Callable[[], Any]]:
    """Return functions by name that read a page, all of which are full in both databases."""
    services: Any = SimpleNamespace(timezone=UTC)

    def notes(name: str, **query: Any) -> tuple[str, Callable[[], Any]]:
        wanted = requests.NotificationQuery(limit=LIMIT, **query)
        return f"page of notifications, {name}", lambda: ledger.list_notifications(wanted, services)

    return dict(
        [
            notes("first"),
            notes("newest", order="desc"),
            notes("newest dead", order="desc", state="dead"),
            notes("of a room", order="desc", recipient_id=3),
            notes("of a ticket", ticket_id=ticket_id),
            notes("since", since=since.isoformat()),
            notes("newest that match", order="desc", q="somebody"),
            (
                "page of tickets, newest that match",
                lambda: ticket_lists.list_tickets(requests.TicketQuery(limit=LIMIT, order="desc", q="ticket")),
            ),
            notes("newest since", order="desc", since=since.isoformat()),
            (
                "page of tickets, open",
                lambda: ticket_lists.list_tickets(requests.TicketQuery(limit=LIMIT, open=True)),
            ),
            (
                "page of tickets, of a board",
                lambda: ticket_lists.list_tickets(requests.TicketQuery(limit=LIMIT, board_id=4)),
            ),
            (
                "page of events, newest done",
                lambda: event_lists.list_events(requests.EventQuery(limit=LIMIT, order="desc", state="done")),
            ),
        ]
    )


def _note(ticket_id: int, note_id: int) -> records.Note:
    at = _now() - timedelta(seconds=30)
    return records.Note(
        kind=records.NOTE,
        id=note_id,
        ticket_id=ticket_id,
        text="Now it is out of ink",
        discussion=True,
        internal=False,
        resolution=False,
        is_markdown=False,
        author="Bob Brown",
        author_id=None,
        author_identifier=None,
        contact_name="Bob Brown",
        entered_at=at,
        updated_at=at,
    )


def _now() -> datetime:
    return datetime.now(UTC)
