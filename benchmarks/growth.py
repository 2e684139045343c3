"""growth: what the database does for one event, one message and one page, with a long history and with a short one."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg2

from benchmarks import harness, history
from ticketbot.api import requests
from ticketbot.connectwise import connectwise_client, records
from ticketbot.database import db
from ticketbot.models import events, notifications, servers
from ticketbot.pipeline import clock, deliver, mass_changes, people, process_event
from ticketbot.server.routes import connectwise as ticket_lists
from ticketbot.server.routes import events as event_lists
from ticketbot.server.routes import notifications as ledger

FEW, MANY = 1_000, 1_000_000
ROUNDS, EACH = 10, 10  # the two take turns, so that noise is shared
LIMIT = 20
TARGET = 1.5

Took = dict[str, list[float]]


def run() -> list[dict[str, Any]]:
    """Measure everything on both databases."""
    with harness.databases() as urls:
        few = {"SQLite": urls["SQLite"] + "-few", "PostgreSQL": _second_database(urls["PostgreSQL"])}
        return [row for name, url in urls.items() for row in _rows(name, _Past(few[name], FEW), _Past(url, MANY))]


def _second_database(url: str) -> str:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE few")
    connection.close()
    return url.replace("/postgres?", "/few?")


def _rows(name: str, few: _Past, many: _Past) -> list[dict[str, Any]]:
    for _ in range(ROUNDS):
        for past in (few, many):
            past.go_on()
    pages = [each for each in many.took if each.startswith("page")]
    worst = max(pages, key=lambda page: many.median_s(page) / few.median_s(page))
    return [_row(name, each, few, many) for each in many.took if each not in pages or each == worst]


def _row(name: str, what: str, few: _Past, many: _Past) -> dict[str, Any]:
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


class _Past:
    """A database with so many notifications in it, and what was measured there. Network there is none."""

    def __init__(self, url: str, count: int) -> None:
        self.url, self.count = url, count
        self.tickets = count // history.PER_TICKET
        self.took: Took = {}
        self._chosen = random.Random(7)
        self._fresh = iter(self._chosen.sample(range(1, self.tickets + 1), min(self.tickets, 200)))
        self._next_note_id = count + 1
        with harness.opened(url):
            history.fill(count, _now())
            since = notifications.Notification.get_by_id(count - LIMIT).created_at
        self._pages: dict[str, Callable[[], Any]] = _pages(since, self.tickets // 2)

    def median_s(self, what: str) -> float:
        """Return the seconds that something took, at the median."""
        return statistics.median(self.took[what])

    def go_on(self) -> None:
        """Do some of everything; the first time of each does not count, it finds cold caches."""
        chosen = [next(self._fresh) for _ in range(EACH + 1)]
        db.open_database(self.url)
        with ThreadPoolExecutor(1) as pool:
            self._work_off(chosen, pool)
            self._send()
        with db.session():
            for ticket_id in chosen:
                first = (ticket_id - 1) * history.PER_TICKET + 1
                subjects = [f"new:{ticket_id}", *(f"note:TicketNote:{first + each}" for each in range(1, 5))]
                self._time("ledger look-up", lambda subjects=subjects: notifications.existing(subjects))
            for name, read in self._pages.items():
                for _ in chosen:
                    self._time(name, read)
        db.close_database()

    def _time(self, what: str, do: Callable[[], object]) -> None:
        self.took.setdefault(what, []).append(harness.timed(do))

    def _work_off(self, chosen: list[int], pool: ThreadPoolExecutor) -> None:
        """Let a note be found on each ticket: claim the event, gather the facts, decide, write it all down."""
        with db.transaction("benchmark"):
            events.enqueue(events.Change(each, "hook", "updated", None, f"now-{each}", _now()) for each in chosen)
        source = SimpleNamespace(ticket=self._ticket, notes=self._notes)
        watch = _Watch()
        services = process_event.Services(
            people.RemoteServices(source, SimpleNamespace(), pool),  # type: ignore[arg-type]
            UTC,
            servers.Current(1),
            clocks := clock.Clocks(_now),
            mass_changes.MassChanges(SimpleNamespace(in_background=lambda: source), clocks.connectwise_now),  # type: ignore[arg-type]
            claimed=watch.lap,
        )
        for _ in chosen:
            self._lapped(watch, lambda: process_event.process_next(services), "claim an event", "decide")

    def _send(self) -> None:
        watch = _Watch()
        webex = SimpleNamespace(send=lambda *_: "an-id-of-webex")
        services = deliver.Services(
            webex, _url, servers.Current(1), clock.Clocks(_now), lambda _: True, claimed=watch.lap
        )  # type: ignore[arg-type]
        for _ in range(EACH + 1):
            self._lapped(watch, lambda: deliver.send_next(services), "claim a message", "record it as sent")

    def _lapped(self, watch: _Watch, do: Callable[[], bool], first: str, second: str) -> None:
        watch.start()
        if not do():
            raise RuntimeError(f"there was nothing to {first}")
        watch.lap()
        for what, seconds in zip((first, second), watch.laps, strict=True):
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
            closed=False,
            entered_at=_now() - history.SPREAD,
            updated_at=_now(),
            updated_by=None,
        )

    def _notes(self, ticket_id: int, **_: Any) -> connectwise_client.Page[records.Note]:
        """Return the four notes that are known, and a new one."""
        first = (ticket_id - 1) * history.PER_TICKET + 1
        self._next_note_id += 1
        ids = [*range(first + 1, first + history.PER_TICKET), self._next_note_id]
        return connectwise_client.Page(1, tuple(_note(ticket_id, note_id) for note_id in ids), has_next=False)


class _Watch:
    def start(self) -> None:
        self.laps: list[float] = []
        self._at_s = time.perf_counter()

    def lap(self) -> None:
        now_s = time.perf_counter()
        self.laps.append(now_s - self._at_s)
        self._at_s = now_s


def _pages(since: datetime, ticket_id: int) -> Mapping[str, Callable[[], Any]]:
    """Return readers of pages that are full in either database, each by a name."""
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
