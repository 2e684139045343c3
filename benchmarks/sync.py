"""sync: calls, time and memory of a ticket sync, against the minimum.

`CALL_S` is the latency of ConnectWise. The first sync has `SIZE` tickets, 30 % of them without notes.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from benchmarks import harness
from ticketbot.simulators.remote_control import SimulatorProxy

SIZE = 10_000
CALL_S = 0.100
CONCURRENCY = 10
CHANGED = 100
LIMITED_SIZE, LIMIT_PER_MINUTE = 1_500, 1_000
SMALL, LARGE = 2_000, 20_000
EMAIL, KEY = "bench@example.com", "benchmark-key-of-some-length"
ENTERED_AT = datetime.now(UTC) - timedelta(days=30)  # history, which is never announced


def run() -> list[dict[str, Any]]:
    """Measure calls and time of a first and a second sync, the rate under a limit, and memory."""
    rows = []
    for name in ("SQLite", "PostgreSQL"):
        with harness.databases() as urls:
            rows += _calls_and_time(name, urls[name])
    with harness.databases() as urls:
        rows.append(_limited(urls["SQLite"]))
    rows.append(_memory())
    return rows


class _Fixture:
    """A server and its simulated ConnectWise with tickets."""

    def __init__(self, url: str, connectwise: str) -> None:
        self.url = url
        self.site = SimulatorProxy(connectwise, timeout_s=300)
        self.headers = {"Authorization": f"Bearer {KEY}"}
        self.board = self.site.call("add_board", name="Service Desk")
        requests.put(
            f"{url}/config",
            json={"max_concurrent_syncs": CONCURRENCY, "catch_up_interval": 0},
            headers=self.headers,
            timeout=10,
        ).raise_for_status()

    def add(self, count: int) -> list[int]:
        """Open tickets, 30 % of them without notes."""
        bare, written = int(count * 0.3), count - int(count * 0.3)
        at = ENTERED_AT.isoformat()
        ticket_ids: list[int] = self.site.call("add_many", count=written, board=self.board, notes=1, entered_at=at)
        ticket_ids += self.site.call("add_many", count=bare, board=self.board, entered_at=at)
        return ticket_ids

    def sync(self) -> tuple[int, float]:
        """Sync the tickets and return the number of calls and the seconds."""
        self.site.call("clear_calls")
        started = time.perf_counter()
        run = requests.post(f"{self.url}/sync", json={"tickets": True}, headers=self.headers, timeout=10).json()
        while run["state"] == "running":
            time.sleep(0.05)
            run = requests.get(f"{self.url}/sync/runs/{run['id']}", headers=self.headers, timeout=30).json()
        if (run["state"], run["error_count"]) != ("done", 0):
            raise RuntimeError(f"the sync is {run['state']}: {run['errors'][:3]}")
        took = time.perf_counter() - started
        counts = self.site.call("call_counts")
        return sum(count for name, count in counts.items() if "tickets" in name), took


def _server(url: str, known: dict[str, Any], **more: str) -> Any:
    return harness.server(url, known["settings"], TBOT_ADMIN_EMAIL=EMAIL, TBOT_ADMIN_KEY=KEY, **more)


def _calls_and_time(name: str, database_url: str) -> list[dict[str, Any]]:
    with (
        harness.simulators(f"--connectwise-latency={CALL_S}") as known,
        _server(database_url, known, TBOT_CW_CALLS_PER_MINUTE="0") as url,
    ):
        fixture = _Fixture(url, known["connectwise"])
        ticket_ids = fixture.add(SIZE)
        pages = -(-SIZE // 1000) + 1  # and an empty page of project tickets
        first = _row(f"sync first of {SIZE}, {name}", fixture.sync(), pages + SIZE)
        for ticket in ticket_ids[:CHANGED]:
            fixture.site.call("add_note", ticket_id=ticket, text="changed", notify=False)
        second = _row(f"sync again, {CHANGED} changed, {name}", fixture.sync(), pages + CHANGED)
        fixture.site.close()
    return [first, second]


def _row(name: str, measured: tuple[int, float], needed: int) -> dict[str, Any]:
    calls, took = measured
    floor = needed * CALL_S / CONCURRENCY
    is_long = needed > 1000  # a short one is dominated by pages, which are sequential
    return {
        "name": name,
        "figure": f"{calls} calls in {took:.1f} s",
        "floor": f"{needed} calls, x {CALL_S * 1000:.0f} ms / {CONCURRENCY} = {floor:.1f} s",
        "ratio": took / floor,
        "target": "calls <= 1.02 x; " + ("time <= 1.10 x" if is_long else "<= 1.5 s"),
        "met": calls <= needed * 1.02 and took <= (1.10 * floor if is_long else 1.5),
    }


def _limited(database_url: str) -> dict[str, Any]:
    """Sync under a limit of calls per minute, which the simulated ConnectWise enforces with 429."""
    with harness.simulators("--connectwise-latency=0.02") as known, _server(database_url, known) as url:
        fixture = _Fixture(url, known["connectwise"])
        fixture.add(LIMITED_SIZE)
        fixture.site.call("configure", calls_per_minute=LIMIT_PER_MINUTE)
        calls, took = fixture.sync()
        log = fixture.site.call("calls")
        refused = sum(call["status"] == 429 for call in log)
        call_times = sorted(datetime.fromisoformat(call["at"]).timestamp() for call in log)
        fixture.site.close()
    busiest = max(sum(at <= each < at + 60 for each in call_times) for at in call_times)
    rate = calls / took * 60
    return {
        "name": f"sync {LIMITED_SIZE} tickets at {LIMIT_PER_MINUTE} calls a minute",
        "figure": f"{rate:.0f} a minute, busiest minute {busiest}, {refused} times 429",
        "floor": f"{LIMIT_PER_MINUTE} a minute",
        "ratio": rate / LIMIT_PER_MINUTE,
        "target": ">= 0.95, never above",
        "met": rate / LIMIT_PER_MINUTE >= 0.95 and busiest <= LIMIT_PER_MINUTE and not refused,
    }


def _memory() -> dict[str, Any]:
    small, large = (_peak_mib(count) for count in (SMALL, LARGE))
    return {
        "name": f"sync peak memory, {LARGE} tickets",
        "figure": f"{large:.1f} MiB",
        "floor": f"{small:.1f} MiB with {SMALL}",
        "ratio": large / small,
        "target": "<= 1.30",
        "met": large / small <= 1.30,
    }


def _peak_mib(count: int) -> float:
    with (
        harness.databases() as urls,
        harness.simulators() as known,
        _server(urls["SQLite"], known, TBOT_CW_CALLS_PER_MINUTE="0") as url,
    ):
        fixture = _Fixture(url, known["connectwise"])
        fixture.add(count)
        fixture.sync()
        fixture.site.close()
        return harness.memory_mib(url, "VmHWM")
