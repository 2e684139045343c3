"""latency-under-mass-change, mass-change-calls and folding: many changes, and new tickets or a blocked Webex."""

from __future__ import annotations

import time
from typing import Any

from benchmarks import harness
from ticketbot.simulators.remote_control import SimulatorProxy

CHANGED = 5_000
CALLS_PER_MINUTE = 1_000
CONNECTWISE_S, WEBEX_S = 0.150, 0.100
NEW = 40  # tickets whose latency is measured, idle and during the change
NOTED, NOTES = 200, 20
OUTAGE_S = 60


def run() -> list[dict[str, Any]]:
    """Change many tickets at once while new ones are opened; then add many notes while Webex answers 429."""
    with harness.databases() as urls, harness.open_database(urls["PostgreSQL"]), harness.simulators() as known:
        return [
            *_mass_change(urls["PostgreSQL"], Fixture(known, "ana")),
            _folding(urls["PostgreSQL"], Fixture(known, "ben")),
        ]


class Fixture:
    """A board, people, and the tickets that are assigned to them."""

    def __init__(self, known: dict[str, Any], *people: str) -> None:
        self.known, self.people = known, people
        self.connectwise, self.webex = SimulatorProxy(known["connectwise"], 600), SimulatorProxy(known["webex"], 600)
        self.board = self.connectwise.call("add_board", name="Service Desk")
        for person in people:
            email = f"{person}@msp.example"
            self.connectwise.call("add_member", identifier=person, first="Pat", last=person, email=email)
            self.webex.call("add_person", email=email, name=f"Pat {person}")

    def add(self, count: int) -> list[int]:
        """Open tickets without a webhook."""
        more = {"summary": "Printer", "resources": self.people}
        ticket_ids: list[int] = self.connectwise.call("add_many", count=count, board=self.board, **more)
        return ticket_ids

    def post(self, url: str, tickets: list[int]) -> None:
        """Post a webhook about each ticket."""
        webhooks = [harness.signed_webhook(ticket, self.known) for ticket in tickets]
        harness.post_all(f"{url}/hooks/cw/tickets", webhooks, threads=4)

    def seconds_to_webex(self, url: str) -> float:
        """Open a ticket and return the seconds from its webhook to its message."""
        (ticket,) = self.add(1)
        before = len(self.webex.call("messages"))
        started = time.perf_counter()
        self.post(url, [ticket])
        while not any(f"[#{ticket}]" in each["markdown"] for each in self.webex.call("messages")[before:]):
            time.sleep(0.005)
        return time.perf_counter() - started


def _mass_change(database_url: str, fixture: Fixture) -> list[dict[str, Any]]:
    tickets = fixture.add(CHANGED)
    with harness.server(database_url, fixture.known["settings"], TBOT_CW_CALLS_PER_MINUTE="0") as url:
        fixture.post(url, tickets)
        harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=600)
    fixture.webex.call("clear_messages")
    fixture.connectwise.call("configure", latency_s=CONNECTWISE_S)
    fixture.webex.call("configure", latency_s=WEBEX_S)
    calls = str(CALLS_PER_MINUTE)
    with harness.server(database_url, fixture.known["settings"], TBOT_CW_CALLS_PER_MINUTE=calls) as url:
        fixture.seconds_to_webex(url)  # warm-up: the first ticket looks up the people
        idle = [fixture.seconds_to_webex(url) for _ in range(NEW)]
        for ticket in tickets:
            fixture.connectwise.call("update_ticket", ticket_id=ticket, status="In Progress", notify=False)
        fixture.connectwise.call("clear_calls")
        fixture.post(url, tickets)
        busy = [fixture.seconds_to_webex(url) for _ in range(NEW)]
        left = harness.unfinished_work()
        harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=1200)
    spent = sum(fixture.connectwise.call("call_counts").values()) - 2 * NEW
    ratios = [harness.percentile(busy, part) / harness.percentile(idle, part) for part in (0.5, 0.99)]
    milliseconds = [harness.percentile(took, 0.5) * 1000 for took in (busy, idle)]
    return [
        {
            "name": "latency-under-mass-change",
            "figure": f"p50 {milliseconds[0]:.0f} ms, p99 x {ratios[1]:.2f}, {left:,} still waiting at the end",
            "floor": f"p50 {milliseconds[1]:.0f} ms idle",
            "ratio": ratios[0],
            "target": "p50 <= 2.0, p99 <= 4.0",
            "met": ratios[0] <= 2.0 and ratios[1] <= 4.0 and left > 0,
        },
        {
            "name": "mass-change-calls",
            "figure": f"{spent:,} calls to ConnectWise",
            "floor": f"{CHANGED:,} tickets",
            "ratio": spent / CHANGED,
            "target": "<= 1.1",
            "met": spent / CHANGED <= 1.1,
        },
    ]


def _folding(database_url: str, fixture: Fixture) -> dict[str, Any]:
    fixture.connectwise.call("configure", latency_s=0.0)
    fixture.webex.call("configure", latency_s=0.0)
    tickets = fixture.add(NOTED)
    with harness.server(database_url, fixture.known["settings"], TBOT_CW_CALLS_PER_MINUTE="0") as url:
        fixture.post(url, tickets)
        harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=120)
        fixture.webex.call("clear_messages")
        fault = fixture.webex.call("add_fault", fault={"effect": "answer", "status": 429, "path": "/messages"})
        until = time.monotonic() + OUTAGE_S
        for number in range(NOTES):
            for ticket in tickets:
                fixture.connectwise.call("add_note", ticket_id=ticket, text=f"note {number} of {ticket}.", notify=False)
            fixture.post(url, tickets)
            harness.wait_for(lambda: harness.unfinished_events() == 0, timeout_s=120)
        time.sleep(max(until - time.monotonic(), 0))
        fixture.webex.call("remove_fault", fault_id=fault)
        harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=300)
    posts = fixture.webex.call("messages")
    newest = sum(f"note {NOTES - 1} of {ticket}." in "".join(each["markdown"] for each in posts) for ticket in tickets)
    return {
        "name": "folding",
        "figure": f"{len(posts)} posts, {NOTED - newest} newest notes missing",
        "floor": f"{NOTED} tickets",
        "ratio": len(posts) / NOTED,
        "target": "<= 1.05, nothing lost",
        "met": len(posts) / NOTED <= 1.05 and newest == NOTED,
    }
