"""servers: what four servers on one PostgreSQL get done, against one. ConnectWise takes most of an event's time."""

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
    """Let one server and four take turns, with the same work for each server; every ticket is told to one person."""
    seconds = {1: 0.0, SERVERS: 0.0}
    with (
        harness.databases() as urls,
        harness.opened(urls["PostgreSQL"]),
        harness.simulators(f"--connectwise-latency={CONNECTWISE_S}") as known,
    ):
        site = _Site(known)
        for _ in range(ROUNDS):
            for count in seconds:
                seconds[count] += _round(urls["PostgreSQL"], known, site, count)
        messages = site.webex.call("messages")
        site.close()
    told = {(message["destination"], message["markdown"]) for message in messages}
    one, many = (ROUNDS * TICKETS * count / took for count, took in seconds.items())
    duplicates, lost = len(messages) - len(told), site.tickets - len(told)
    return {
        "name": f"servers, {SERVERS} servers",
        "figure": f"{many:.1f}/s, {duplicates} duplicates, {lost} lost among {site.tickets}",
        "floor": f"{one:.1f}/s with 1",
        "ratio": many / one,
        "target": f">= {TARGET}, zero duplicates",
        "met": many / one >= TARGET and not duplicates and not lost,
    }


class _Site:
    """A board and the people who work on its tickets, whom Webex knows, too."""

    def __init__(self, known: dict[str, Any]) -> None:
        self.connectwise, self.webex = SimulatorProxy(known["connectwise"]), SimulatorProxy(known["webex"])
        self.board = self.connectwise.call("add_board", name="Service Desk")
        self.tickets = 0
        for number in range(PEOPLE):
            email = f"person{number}@msp.example"
            self.connectwise.call("add_member", identifier=f"p{number}", first="Pat", last=str(number), email=email)
            self.webex.call("add_person", email=email, name=f"Pat {number}")

    def add(self, count: int) -> list[int]:
        """Open tickets for everybody in turn, so that nobody's queue is long; their summaries are all different."""
        made = []
        for number in range(PEOPLE):
            share = len(range(number, count, PEOPLE))
            summary = f"After {self.tickets}"
            more = {"summary": summary, "resources": [f"p{number}"]}
            made += self.connectwise.call("add_many", count=share, board=self.board, **more)
        self.tickets += count
        return made

    def close(self) -> None:
        """Close both connections."""
        self.connectwise.close()
        self.webex.close()


def _round(database_url: str, known: dict[str, Any], site: _Site, count: int) -> float:
    """Start so many servers and return the seconds from the first hook until everybody has been told."""
    with ExitStack() as running:
        urls = [
            running.enter_context(harness.server(database_url, known["settings"], TBOT_CW_CALLS_PER_MINUTE="0"))
            for _ in range(count)
        ]
        _told(urls, known, site.add(WARM_UP * count))  # signing key, connections; in the first round all people
        return _told(urls, known, site.add(TICKETS * count))


def _told(urls: list[str], known: dict[str, Any], ticket_ids: list[int]) -> float:
    hooks = [harness.signed_hook(ticket_id, known) for ticket_id in ticket_ids]

    def post(number: int) -> None:
        harness.post_all(f"{urls[number]}/hooks/cw/tickets", hooks[number :: len(urls)], threads=1)

    def until_done() -> None:
        harness.wait_for(lambda: not harness.work_left(), timeout_s=120)

    with ThreadPoolExecutor(len(urls)) as pool:
        return harness.timed(lambda: (list(pool.map(post, range(len(urls)))), until_done()))
