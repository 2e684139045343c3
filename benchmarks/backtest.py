"""backtest: the facts of 54,000 events decided again with another rule."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from benchmarks import harness
from ticketbot.database import db, sql
from ticketbot.decide import values
from ticketbot.models import events
from ticketbot.pipeline import backtest, kept_facts, trials

EVENTS = 54_000  # 600 a day for 90 days
RULES = 30
TARGET_S = 30.0
PER_INSERT = 500
ROOM = values.Recipient(1, "room", "Help Desk")


def run() -> list[dict[str, Any]]:
    """Decide all of them again on each database."""
    rows = []
    with harness.databases() as urls:
        for name, url in urls.items():
            with harness.open_database(url):
                now = datetime.now(UTC)
                _fill(now)
                tried = trials.Proposal(values.Rule(trials.PROPOSED_ID, ROOM, ("changed",), "priority_sort <= 3"), None)
                found, took_s, busy_s = _timed(partial(backtest.run, 90, tried, UTC, now))
                assert (found.events, found.left_out) == (EVENTS, 0)
                rows.append(_row(name, took_s, busy_s))
    return rows


def _timed(do: Callable[[], backtest.Outcome]) -> tuple[backtest.Outcome, float, float]:
    """Return what it found, the seconds it took, and those of the processor."""
    started, busy = time.perf_counter(), time.process_time()
    found = do()
    return found, time.perf_counter() - started, time.process_time() - busy


def _fill(now: datetime) -> None:
    facts = [_facts(now, number) for number in range(100)]
    with db.transaction("benchmark"):
        columns = [kept_facts.columns(each) for each in facts]
        for start in range(0, EVENTS, PER_INSERT):
            rows = [_event(now, number, columns[number % len(columns)]) for number in range(start, start + PER_INSERT)]
            sql.insert_new(events.Event, rows)


def _event(now: datetime, number: int, kept: dict[str, object]) -> dict[str, object]:
    at = now - timedelta(days=89) + timedelta(minutes=2 * number)
    times = dict.fromkeys(("first_received_at", "received_at", "due_at", "finished_at"), at)
    return {"ticket_id": number, "state": events.DONE, "source": "hook", "correlation": "", **times, **kept}


def _facts(now: datetime, number: int) -> values.Facts:
    """Return the facts of a new ticket, a note or a change, as a board with some rules has them."""
    accounts = [values.Recipient(100 + each, "person", f"P {each}") for each in range(3)]
    people = tuple(values.Person(f"p{each.id}", each.name, ("resource",), each) for each in accounts)
    status = {
        field: values.Compared(number, f"{field} {number}") for field in ("status", "company", "priority", "type")
    }
    assigned = {
        "owner": values.Compared((), None),
        "resources": values.Compared(tuple(p.identifier for p in people), None),
    }
    compared = {**status, **assigned, "board": values.Compared(number % 3, "Service Desk")}
    before = compared | {"status": values.Compared(0, "New")}
    note = values.Note("TicketNote", number, "The printer is out of paper. " * 20, "Gus Hanrahan", entered_at=now)
    rooms = [values.Recipient(10 + each, "room", f"Room {each}") for each in range(RULES)]
    return values.Facts(
        now=now - timedelta(hours=number),
        watching_since=now - timedelta(days=100),
        ticket=values.Ticket(number, now, compared, values.Details(priority_sort=number % 9)),
        announced=number % 3 > 0,
        notes=(note,) if number % 2 else (),
        rules=tuple(map(_rule, rooms)),
        people=people,
        event_id=number,
        before=before,
        hour=9,
        weekday="mon",
    )


def _rule(room: values.Recipient) -> values.Rule:
    """Return a rule: two of five have a condition, on new tickets and notes, that one ticket in ten meets."""
    if room.id % 5 > 1:
        return values.Rule(room.id, room, ("closed", "reopened"))
    return values.Rule(room.id, room, ("new", "customer_note"), f"id % 10 == {room.id % 10}")


def _row(name: str, took_s: float, busy_s: float) -> dict[str, Any]:
    return {
        "name": f"backtest of {EVENTS} events, {name}",
        "figure": f"{took_s:.1f} s",
        "floor": f"{busy_s:.1f} s of processor time",
        "ratio": took_s / TARGET_S,
        "target": f"<= {TARGET_S:g} s",
        "met": took_s <= TARGET_S,
    }
