"""storm: many notes on many tickets of two people, while Webex answers 429 and one of them has quiet hours (N1, N4)."""

from __future__ import annotations

import re
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from benchmarks import harness, mass_change
from ticketbot.database import db
from ticketbot.models import quiet_hours, recipients
from ticketbot.pipeline import calm_hours

TICKETS, NOTES = 500, 20
OUTAGE_S = 60
AWAKE, QUIET = "ana", "ben"
ALL_DAY = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "start": "00:00", "end": "00:00"}
TARGET = 1.05  # per ticket and person, as for folding

_TICKET = re.compile(r"\[#(\d+)\]\(")
_NOTE = re.compile(r"note \d+ of \d+\.")
_NOT_SHOWN = re.compile(r"_(\d+) earlier notes? not shown_")


def run() -> dict[str, Any]:
    """Let the storm pass, end the quiet hours, and count posts and notes."""
    with harness.databases() as urls, harness.open_database(urls["PostgreSQL"]), harness.simulators() as known:
        fixture = mass_change.Fixture(known, AWAKE, QUIET)
        tickets = fixture.add(TICKETS)
        with harness.server(urls["PostgreSQL"], known["settings"], TBOT_CW_CALLS_PER_MINUTE="0") as url:
            fixture.post(url, tickets)
            harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=300)
            fixture.webex.call("clear_messages")
            _begin_quiet_hours()
            _blow(fixture, url, tickets)
            _end_quiet_hours()
            harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=600)
        return _result(fixture, tickets)


def _begin_quiet_hours() -> None:
    with db.transaction("benchmark"):
        who = recipients.Recipient.get(recipients.Recipient.name == f"Pat {QUIET}")
        quiet_hours.QuietHours.create(recipient=who, timezone="UTC", created_at=datetime.now(UTC), **ALL_DAY)


def _end_quiet_hours() -> None:
    with db.transaction("benchmark"):
        quiet_hours.QuietHours.update(enabled=False).execute()
        calm_hours.move_held(None, datetime.now(UTC))


def _blow(fixture: mass_change.Fixture, url: str, tickets: list[int]) -> None:
    """Add all notes while no message can be sent, and end the outage."""
    fault = fixture.webex.call("add_fault", fault={"effect": "answer", "status": 429, "path": "/messages"})
    until = time.monotonic() + OUTAGE_S
    for number in range(NOTES):
        for ticket in tickets:
            fixture.connectwise.call("add_note", ticket_id=ticket, text=f"note {number} of {ticket}.", notify=False)
        fixture.post(url, tickets)
        harness.wait_for(lambda: harness.unfinished_events() == 0, timeout_s=300)
    time.sleep(max(until - time.monotonic(), 0))
    fixture.webex.call("remove_fault", fault_id=fault)


def _result(fixture: mass_change.Fixture, tickets: list[int]) -> dict[str, Any]:
    posts = fixture.webex.call("messages")
    by_person = Counter(each["destination"] for each in posts)
    lost = sum(_lost([each for each in posts if each["destination"] == who], tickets) for who in by_person)
    ratio = len(posts) / (len(tickets) * 2)
    return {
        "name": "storm",
        "figure": f"{len(posts)} posts, {min(by_person.values())} of them digests, {lost} notes lost",
        "floor": f"{len(tickets)} tickets of two people, {NOTES} notes each",
        "ratio": ratio,
        "target": f"<= {TARGET}, nothing lost",
        "met": ratio <= TARGET and not lost and len(by_person) == 2,
    }


def _lost(posts: list[dict[str, Any]], tickets: list[int]) -> int:
    """Return how many notes of one person are neither shown in a message nor named there as not shown."""
    accounted: Counter[int] = Counter()
    for each in posts:
        _, *parts = _TICKET.split(each["markdown"])
        for ticket, text in zip(parts[::2], parts[1::2], strict=True):
            hidden = sum(int(number) for number in _NOT_SHOWN.findall(text))
            accounted[int(ticket)] += len(_NOTE.findall(text)) + hidden
    return sum(abs(NOTES - accounted[ticket]) for ticket in tickets)
