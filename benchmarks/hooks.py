"""webhook-rate and latency: how fast webhooks are accepted, and the time from a webhook to Webex's response."""

from __future__ import annotations

import time
from typing import Any

from benchmarks import harness
from ticketbot.simulators.remote_control import SimulatorProxy

WEBHOOKS = 3000
THREADS = 8
EVENTS = 100
TICKETS = 4
CONNECTWISE_S, WEBEX_S = 0.150, 0.100


def run() -> list[dict[str, Any]]:
    """Measure webhook-rate on both databases, and latency."""
    with harness.databases() as urls:
        return [*(_webhook_rate(name, url) for name, url in urls.items()), _latency(urls["SQLite"] + "-b2")]


def _webhook_rate(name: str, database_url: str) -> dict[str, Any]:
    """Post signed webhooks for distinct tickets to the program, then the same bytes to the floor."""
    options = (f"--connectwise-latency={CONNECTWISE_S}", f"--webex-latency={WEBEX_S}")
    with harness.simulators(*options) as known, harness.server(database_url, known["settings"]) as url:
        address = f"{url}/hooks/cw/tickets?recordId="
        signed = [harness.signed_webhook(number, known) for number in range(1, WEBHOOKS + 201)]
        harness.post_all(address, signed[:100], threads=THREADS)  # warm-up: fetches the signing key
        connectwise = SimulatorProxy(known["connectwise"])
        before = connectwise.call("call_counts")
        seconds, latencies = harness.post_all(address, signed[200:], threads=THREADS)
        keys = {k: v - before.get(k, 0) for k, v in connectwise.call("call_counts").items() if "callbackkey" in k}
    with harness.floor(database_url + "-floor" if database_url.startswith("sqlite") else database_url) as url:
        harness.post_all(url, signed[:100], threads=THREADS)
        floor_seconds, floor_latencies = harness.post_all(url, signed[200:], threads=THREADS)
    ours, floor = WEBHOOKS / seconds, WEBHOOKS / floor_seconds
    p50, floor_p50 = harness.percentile(latencies, 0.5), harness.percentile(floor_latencies, 0.5)
    return {
        "name": f"webhook-rate, {name}",
        "figure": f"{ours:.0f}/s, p50 {p50 * 1000:.1f} ms, {sum(keys.values())} outside calls",
        "floor": f"{floor:.0f}/s, p50 {floor_p50 * 1000:.1f} ms",
        "ratio": ours / floor,
        "target": ">= 0.60",
        "met": ours / floor >= 0.60 and p50 <= 2 * floor_p50 and not sum(keys.values()),
    }


def _latency(database_url: str) -> dict[str, Any]:
    """Add notes one after the other, and time each from its webhook to Webex's response."""
    options = (f"--connectwise-latency={CONNECTWISE_S}", f"--webex-latency={WEBEX_S}")
    with harness.simulators(*options) as known, harness.server(database_url, known["settings"]) as url:
        connectwise, webex = SimulatorProxy(known["connectwise"]), SimulatorProxy(known["webex"])
        board = connectwise.call("add_board", name="Service Desk")
        connectwise.call("add_member", identifier="ana", first="Ana", last="Alvarez", email="ana@msp.example")
        webex.call("add_person", email="ana@msp.example", name="Ana Alvarez")
        # Several tickets, because from its 100th note on a ticket has two pages of notes (T6).
        tickets = [
            connectwise.call("add_ticket", board=board, summary="Slow", resources=["ana"], notify=False)
            for _ in range(TICKETS)
        ]
        took = []
        for number in range(TICKETS + EVENTS):
            time.sleep(2 * CONNECTWISE_S)  # otherwise the previous event might still read the next note
            ticket = tickets[number % TICKETS]
            if number >= TICKETS:
                connectwise.call("add_note", ticket_id=ticket, text=f"Note {number}", notify=False)
            started = time.perf_counter()
            harness.post_all(f"{url}/hooks/cw/tickets", [harness.signed_webhook(ticket, known)], threads=1)
            webex.call("wait_for_messages", count=number + 1, timeout_s=20)
            took.append(time.perf_counter() - started)
        connectwise.close()
        webex.close()
    took = took[TICKETS:]  # without the new tickets, the first of which looks up the people
    floor = CONNECTWISE_S + WEBEX_S
    p50, p99 = harness.percentile(took, 0.5) / floor, harness.percentile(took, 0.99) / floor
    return {
        "name": "latency",
        "figure": f"p50 {p50 * floor * 1000:.0f} ms, p99 {p99 * floor * 1000:.0f} ms (x {p99:.2f})",
        "floor": f"{floor * 1000:.0f} ms",
        "ratio": p50,
        "target": "p50 <= 1.06, p99 <= 1.20",
        "met": p50 <= 1.06 and p99 <= 1.20,
    }
