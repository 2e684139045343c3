"""drain: how fast a backlog of messages is sent when Webex allows a number per second and answers 429 above it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks import harness
from ticketbot.database import db
from ticketbot.models import messages, notifications, recipients, tickets
from ticketbot.simulators.remote_control import SimulatorProxy

MESSAGES = 5_000
PEOPLE = 5_000
ALLOWED_PER_S = 50  # also the burst size, after an idle second
WEBEX_S = 0.100
TARGET = 0.97


def run() -> list[dict[str, Any]]:
    """Drain on both databases in parallel: it takes long, and neither keeps a core busy."""
    with harness.databases() as urls, harness.simulators() as first, harness.simulators() as second:
        simulators = dict(zip(urls, (first, second), strict=True))
        for name, url in urls.items():
            _fill(url, SimulatorProxy(simulators[name]["webex"]))
        with ThreadPoolExecutor(len(urls)) as pool:
            return list(pool.map(lambda name: _drain(name, urls[name], simulators[name]), urls))


def _fill(database_url: str, webex: SimulatorProxy) -> None:
    now = datetime.now(UTC)
    people = [webex.call("add_person", email=f"p{number}@msp.example", name=f"P {number}") for number in range(PEOPLE)]
    webex.close()
    with harness.open_database(database_url), db.transaction("benchmark"):
        for number, webex_id in enumerate(people):
            recipients.Recipient.create(type=recipients.PERSON, webex_id=webex_id, name=f"P {number}")
        rows = [_row(number, now) for number in range(1, MESSAGES + 1)]
        for row in rows:
            tickets.Ticket.create(id=row["ticket_id"], summary="Printer", stored_at=now)
        notifications.add(rows)
        messages.attach(rows, now)


def _row(number: int, now: datetime) -> dict[str, Any]:
    recipient = 1 + (number - 1) % PEOPLE
    return {
        "ticket_id": number,
        "correlation": "",
        "subject": f"new:{number}",
        "target": f"recipient:{recipient}",
        "events": ["new"],
        "recipient": recipient,
        "state": notifications.PENDING,
        "reasons": [{"code": "assigned", "names": ["resource"]}],
        "forwarded_from": [],
        "created_at": now,
        "give_up_at": now + timedelta(hours=24),
    }


def _drain(name: str, database_url: str, known: dict[str, Any]) -> dict[str, Any]:
    webex = SimulatorProxy(known["webex"], timeout_s=600)
    webex.call("configure", latency_s=WEBEX_S, messages_per_s=ALLOWED_PER_S)
    with harness.server(database_url, known["settings"]):
        received = webex.call("wait_for_messages", count=MESSAGES, timeout_s=4 * MESSAGES / ALLOWED_PER_S)
    refused = len(webex.call("refused"))
    webex.close()
    delivered = len({message["markdown"] for message in received})
    duplicates = len(received) - delivered
    first, last = (datetime.fromisoformat(received[index]["at"]) for index in (0, -1))
    rate = (delivered - ALLOWED_PER_S) / (last - first).total_seconds()  # without the initial burst
    return {
        "name": f"drain {MESSAGES}, {name}",
        "figure": f"{rate:.1f}/s, {refused} times 429, {duplicates} duplicates, {MESSAGES - delivered} missing",
        "floor": f"{ALLOWED_PER_S}/s allowed",
        "ratio": rate / ALLOWED_PER_S,
        "target": f">= {TARGET}",
        "met": rate / ALLOWED_PER_S >= TARGET and delivered == len(received) == MESSAGES,
    }
