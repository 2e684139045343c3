"""servers: the throughput of four servers on one PostgreSQL, against one. Most of the time goes to ConnectWise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from benchmarks import harness
from ticketbot.simulators.remote_control import SimulatorProxy

CONNECTWISE_S = 0.150
SERVERS = 4
TICKETS = 200  # for each server, in each round
WARM_UP = 16
ROUNDS = 2
PEOPLE = 40
TARGET = 3.6


def run() -> dict[str, Any]:
    """Alternate between one server and four, with the same work per server; each ticket notifies one person."""
    seconds = {1: 0.0, SERVERS: 0.0}
    with (
        harness.databases() as urls,
        harness.open_database(urls["PostgreSQL"]),
        harness.simulators(f"--connectwise-latency={CONNECTWISE_S}") as known,
    ):
        fixture = _Fixture(known)
        for _ in range(ROUNDS):
            for count in seconds:
                seconds[count] += _round(urls["PostgreSQL"], known, fixture, count)
        messages = fixture.webex.call("messages")
        fixture.close()
    delivered = {(message["destination"], message["markdown"]) for message in messages}
    one, many = (ROUNDS * TICKETS * count / took for count, took in seconds.items())
    duplicates, lost = len(messages) - len(delivered), fixture.tickets - len(delivered)
    return {
        "name": f"servers, {SERVERS} servers",
        "figure": f"{many:.1f}/s, {duplicates} duplicates, {lost} lost among {fixture.tickets}",
        "floor": f"{one:.1f}/s with 1",
        "ratio": many / one,
        "target": f">= {TARGET}, zero duplicates",
        "met": many / one >= TARGET and not duplicates and not lost,
    }


class _Fixture:
    """A board, and the people who work on its tickets, with Webex accounts."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.connectwise, self.webex = SimulatorProxy(known["connectwise"]), SimulatorProxy(known["webex"])
        self.board = self.connectwise.call("add_board", name="Service Desk")
        self.tickets = 0
        for number in range(PEOPLE):
            email = f"person{number}@msp.example"
            self.connectwise.call("add_member", identifier=f"p{number}", first="Pat", last=str(number), email=email)
            self.webex.call("add_person", email=email, name=f"Pat {number}")

    def add(self, count: int) -> list[int]:
        """Open tickets, spread over all people so that no queue is long; each has a unique summary."""
        ticket_ids = []
        for number in range(PEOPLE):
            share = len(range(number, count, PEOPLE))
            summary = f"After {self.tickets}"
            more = {"summary": summary, "resources": [f"p{number}"]}
            ticket_ids += self.connectwise.call("add_many", count=share, board=self.board, **more)
        self.tickets += count
        return ticket_ids

    def close(self) -> None:
        """Close both connections."""
        self.connectwise.close()
        self.webex.close()


def _round(database_url: str, known: dict[str, Any], fixture: _Fixture, count: int) -> float:
    """Start `count` servers and return the seconds from the first webhook until all messages are sent."""
    with ExitStack() as running:
        urls = [
            running.enter_context(harness.server(database_url, known["settings"], TBOT_CW_CALLS_PER_MINUTE="0"))
            for _ in range(count)
        ]
        _process(
            urls, known, fixture.add(WARM_UP * count)
        )  # fetches the signing key, opens connections, and looks up the people in the first round
        return _process(urls, known, fixture.add(TICKETS * count))


def _process(urls: list[str], known: dict[str, Any], ticket_ids: list[int]) -> float:
    webhooks = [harness.signed_webhook(ticket_id, known) for ticket_id in ticket_ids]

    def post(number: int) -> None:
        harness.post_all(f"{urls[number]}/hooks/cw/tickets", webhooks[number :: len(urls)], threads=1)

    def post_and_wait() -> None:
        list(pool.map(post, range(len(urls))))
        harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=120)

    with ThreadPoolExecutor(len(urls)) as pool:
        return harness.timed(post_and_wait)
