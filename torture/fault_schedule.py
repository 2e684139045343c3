"""Fault injection: the schedule of a round, drawn from the seed, and the injector that carries it out."""

from __future__ import annotations

import http.server
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from ticketbot.simulators import faults, remote_control
from torture import databases, servers

KILL_EVERY_S = (1.5, 4.0)
FAULT_EVERY_S = 3.0
DATABASE_FAULT_EVERY_S = 30.0
LONG_PAUSE_S = 120.0
LONG_ROUND_S = 150.0  # with a server paused for two minutes, and 20 s in which no message can be sent
WEBEX_BLOCKED_S = 20.0
QUIET_END_S = 6.0  # no fault starts in the last seconds of a round: it would only prolong the round

# Everything but the signing key: without it no webhook is accepted, and that is a fault of its own.
_API = {"path": "/apis/"}


def _throttled(rng: random.Random, *retry_after: str | None, probability: float, **where: Any) -> faults.Fault:
    return faults.throttled(rng.choice(retry_after), probability=probability, **where)


CONNECTWISE_FAULTS: dict[str, Callable[[random.Random], faults.Fault]] = {
    "ConnectWise down": lambda _: faults.down(**_API),
    "ConnectWise slow": lambda rng: faults.slow(rng.uniform(0.5, 4), probability=0.4, **_API),
    "ConnectWise 429": lambda rng: _throttled(rng, "1", "2", None, "soon", "-5", probability=0.6, **_API),
    "ConnectWise 500": lambda _: faults.status(500, probability=0.7, **_API),
    "ConnectWise half a body": lambda _: faults.half_a_body(probability=0.5, **_API),
    "ConnectWise HTML instead of JSON": lambda rng: faults.html(
        rng.choice((200, 502, 503)), probability=0.6, **_API
    ),
    "ConnectWise gives no signing key": lambda _: faults.status(503, path="callbackkey"),
}  # fmt: skip
WEBEX_FAULTS: dict[str, Callable[[random.Random], faults.Fault]] = {
    "Webex down": lambda _: faults.down(),
    "Webex slow": lambda rng: faults.slow(rng.uniform(0.5, 4), probability=0.4),
    "Webex 429 with sense": lambda rng: _throttled(rng, "1", "2", "3", probability=0.5),
    "Webex 429 to everybody": lambda _: faults.throttled("3", path="/messages"),
    "Webex 429 without sense": lambda rng: _throttled(rng, None, "soon", "-1", "1e9x", probability=0.5),
    "Webex 502": lambda _: faults.html(502, probability=0.6),
    "Webex 401": lambda _: faults.status(401, "The request requires a valid access token."),
    "Webex accepts, then drops": lambda _: faults.accept_then_drop(probability=0.3, path="/messages"),
    "Webex wrong JSON": lambda _: faults.wrong_json(probability=0.3, path="/messages"),
    "Webex wrong JSON about people": lambda _: faults.wrong_json(probability=0.5, path="/people"),
    "Webex refuses replies": lambda rng: faults.status(
        rng.choice((400, 403, 404)), "No such parent.", probability=0.5, method="POST", body="parentId"
    ),
    "Webex half a body": lambda _: faults.half_a_body(probability=0.3),
}  # fmt: skip
SERVER_FAULTS = ("rolling restart", "two servers", "server paused", "clock jump")
LONG_PAUSE = "server paused for two minutes"
DATABASE_FAULTS = ("database restart", "database gone", "disk full")


@dataclass(frozen=True)
class PlannedFault:
    """One fault, `at_s` seconds into a round, for `for_s` seconds."""

    at_s: float
    name: str
    for_s: float
    seed: int


def draw(seed: str, length_s: float, *, with_clock: bool, with_disk: bool) -> list[PlannedFault]:
    """Return the schedule of one round, ordered by time. The same seed gives the same schedule."""
    rng = random.Random(seed)
    last_s = length_s - QUIET_END_S
    schedule: list[PlannedFault] = []

    def add(at_s: float, name: str, for_s: float) -> None:
        schedule.append(PlannedFault(at_s, name, min(for_s, max(length_s - at_s, 1.0)), rng.getrandbits(32)))

    at_s = 1.0
    while (at_s := at_s + rng.uniform(*KILL_EVERY_S)) < length_s:
        add(at_s, "kill-random", 0)
    names = [*CONNECTWISE_FAULTS, *WEBEX_FAULTS, *SERVER_FAULTS[: 4 if with_clock else 3]]
    rng.shuffle(names)
    for number in range(int(last_s / FAULT_EVERY_S)):
        name = names[number % len(names)]
        add(1 + number * FAULT_EVERY_S + rng.uniform(0, 2), name, rng.uniform(2, 7))
    if length_s >= LONG_ROUND_S:
        add(2.0, LONG_PAUSE, LONG_PAUSE_S)
        add(rng.uniform(30, 60), "Webex 429 to everybody", WEBEX_BLOCKED_S)
    names = [*DATABASE_FAULTS[: 3 if with_disk else 2]]
    rng.shuffle(names)
    for number in range(max(1, int(last_s / DATABASE_FAULT_EVERY_S))):
        long = length_s > 80 and number == 0
        for_s = 30.0 if long and names[0] == "database gone" else rng.uniform(3, 9)
        first_s = min(5.0, last_s / 3)
        add(first_s + number * DATABASE_FAULT_EVERY_S + rng.uniform(0, 5), names[number % len(names)], for_s)
    return sorted(schedule, key=lambda each: each.at_s)


class FaultInjector:
    """Carries out a schedule, each fault in its own thread."""

    def __init__(
        self,
        connectwise: remote_control.SimulatorProxy,
        webex: remote_control.SimulatorProxy,
        running: servers.Servers,
        database: databases.Database,
    ) -> None:
        self.injected: Counter[str] = Counter()
        self.clock_jumped = False
        self.problems: list[str] = []
        self._connectwise, self._webex = connectwise.url, webex.url
        self._servers, self._database = running, database
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._database_lock = threading.Lock()

    def start(self, schedule: list[PlannedFault]) -> None:
        """Start to carry out a schedule."""
        self._stopping.clear()
        self.clock_jumped = False
        self._servers.use_fail_points = True
        threading.Thread(target=self._run_schedule, args=(schedule,), daemon=True).start()

    def stop(self) -> None:
        """End all faults and restore normal operation."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._servers.use_fail_points = False
        self._servers.desired_count = self._database.servers
        self._servers.set_clock_offset(0)
        for url in (self._connectwise, self._webex):
            remote_control.SimulatorProxy(url).call("clear_faults")
        self._database.ensure_up()

    def _run_schedule(self, schedule: list[PlannedFault]) -> None:
        started = time.monotonic()
        for fault in schedule:
            if self._stopping.wait(max(0.0, started + fault.at_s - time.monotonic())):
                return
            thread = threading.Thread(target=self._inject, args=(fault,), name=fault.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _inject(self, fault: PlannedFault) -> None:
        rng = random.Random(fault.seed)
        try:
            if fault.name in CONNECTWISE_FAULTS:
                self._inject_simulator_fault(self._connectwise, CONNECTWISE_FAULTS[fault.name](rng), fault.for_s)
            elif fault.name in WEBEX_FAULTS:
                self._inject_simulator_fault(self._webex, WEBEX_FAULTS[fault.name](rng), fault.for_s)
            elif fault.name in DATABASE_FAULTS:
                with self._database_lock:
                    self._inject_database_fault(fault)
            else:
                self._inject_server_fault(fault, rng)
        except Exception as error:  # a bug of the harness: report it, and go on
            self.problems.append(f"harness: {fault.name}: {type(error).__name__}: {error}")
        else:
            self.injected[fault.name] += 1

    def _inject_simulator_fault(self, url: str, fault: faults.Fault, seconds: float) -> None:
        remote = remote_control.SimulatorProxy(url)
        number = remote.call("add_fault", fault=msgspec.to_builtins(fault))
        self._stopping.wait(seconds)
        remote.call("remove_fault", fault_id=number)
        remote.close()

    def _inject_database_fault(self, fault: PlannedFault) -> None:
        if self._stopping.is_set():
            return
        if fault.name == "database restart":
            self._database.restart()
        elif fault.name == "database gone":
            self._database.outage(fault.for_s, self._stopping)
        else:
            with self._database.disk.full():
                self._stopping.wait(fault.for_s)
            self._database.ensure_up()

    def _inject_server_fault(self, fault: PlannedFault, rng: random.Random) -> None:
        number = rng.randrange(max(1, self._servers.desired_count))
        if fault.name == "kill-random":
            self._servers.kill(number)
        elif fault.name == "rolling restart":
            self._servers.rolling_restart()
        elif fault.name == "server paused":
            # With a second server, sometimes long enough to be taken for dead, so that the other one takes over.
            is_long = self._database.servers > 1 and rng.random() < 0.25
            self._servers.pause(number, 33.0 if is_long else fault.for_s, self._stopping)
        elif fault.name == LONG_PAUSE:
            self._servers.pause(number, fault.for_s, self._stopping)
        elif fault.name == "two servers":
            self._servers.desired_count = self._database.servers + 1
            self._stopping.wait(fault.for_s + 5)
            self._servers.desired_count = self._database.servers
        elif fault.name == "clock jump":
            self.clock_jumped = True
            self._servers.set_clock_offset(rng.choice((-25.0, -5.0, 5.0, 40.0)))
            self._stopping.wait(fault.for_s)
            self._servers.set_clock_offset(0)


class AttackerKeyServer:
    """A key server under an attacker's control, which must never get a request (W2, no-stray-requests)."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"signing_key": "attacker-key"}')

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/system/callbackkey/index.rails"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        with suppress(OSError):
            self._server.shutdown()
            self._server.server_close()
