"""memory: the memory of `tbot serve` after many events, against the same server after a few.

This takes some minutes; `benchmarks.soak` runs ten times as many events.
"""

from __future__ import annotations

from typing import Any

from benchmarks import harness
from ticketbot.simulators.remote_control import SimulatorProxy

FEW, MANY = 1_000, 10_000
TICKETS = 1_000  # each gets one webhook per round, so that none is folded
NOTES = 20  # new ones per round; the other tickets are unchanged
TARGET = 1.05


def run(many: int = MANY) -> dict[str, Any]:
    """Process events as fast as possible and measure the server's memory after `FEW` and after all."""
    with (
        harness.databases() as urls,
        harness.open_database(urls["SQLite"]),
        harness.simulators() as known,
        harness.server(urls["SQLite"], known["settings"], TBOT_CW_CALLS_PER_MINUTE="0") as url,
    ):
        site = SimulatorProxy(known["connectwise"])
        tickets = _tickets(site, SimulatorProxy(known["webex"]))
        few_mib = 0.0
        for number in range(many // TICKETS):
            _round(url, known, site, tickets, number)
            if (number + 1) * TICKETS == FEW:
                few_mib = harness.memory_mib(url)
        many_mib, peak_mib = harness.memory_mib(url), harness.memory_mib(url, "VmHWM")
        site.close()
    return {
        "name": f"memory after {many:,} events",
        "figure": f"{many_mib:.1f} MiB, peak {peak_mib:.1f}",
        "floor": f"{few_mib:.1f} MiB after {FEW:,}",
        "ratio": many_mib / few_mib,
        "target": f"<= {TARGET:.2f}",
        "met": many_mib / few_mib <= TARGET,
    }


def _tickets(site: SimulatorProxy, webex: SimulatorProxy) -> list[int]:
    board = site.call("add_board", name="Service Desk")
    site.call("add_member", identifier="ana", first="Ana", last="Alvarez", email="ana@msp.example")
    webex.call("add_person", email="ana@msp.example", name="Ana Alvarez")
    webex.close()
    ticket_ids: list[int] = site.call("add_many", count=TICKETS, board=board, resources=["ana"])
    return ticket_ids


def _round(url: str, known: dict[str, Any], site: SimulatorProxy, tickets: list[int], number: int) -> None:
    for index in range(NOTES):
        ticket_id = tickets[(number * NOTES + index) % len(tickets)]
        site.call("add_note", ticket_id=ticket_id, text=f"Note {number}", notify=False)
    webhooks = [harness.signed_webhook(ticket_id, known) for ticket_id in tickets]
    harness.post_all(f"{url}/hooks/cw/tickets", webhooks, threads=2)
    harness.wait_for(lambda: not harness.unfinished_work(), timeout_s=300)
