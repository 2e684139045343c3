"""What goes wrong, and when: a timeline drawn from the seed, and the hands that let it happen."""

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
TWO_MINUTES_S = 120.0
LONG_ROUND_S = 150.0  # in which a server is stopped for two minutes, and all messages pile up for 20 s
PILE_UP_S = 20.0
CALM_AT_THE_END_S = 6.0  # what begins later than this before the end of a round would only prolong it

# All but the signing key: while that cannot be had no hook is taken in, and that is a fault of its own.
_API = {"path": "/apis/"}


def _throttled(chance: random.Random, *retry_after: str | None, probability: float, **where: Any) -> faults.Fault:
    return faults.throttled(chance.choice(retry_after), probability=probability, **where)


CONNECTWISE: dict[str, Callable[[random.Random], faults.Fault]] = {
    "ConnectWise down": lambda _: faults.down(**_API),
    "ConnectWise slow": lambda chance: faults.slow(chance.uniform(0.5, 4), probability=0.4, **_API),
    "ConnectWise 429": lambda chance: _throttled(chance, "1", "2", None, "soon", "-5", probability=0.6, **_API),
    "ConnectWise 500": lambda _: faults.status(500, probability=0.7, **_API),
    "ConnectWise half a body": lambda _: faults.half_a_body(probability=0.5, **_API),
    "ConnectWise HTML instead of JSON": lambda chance: faults.html(
        chance.choice((200, 502, 503)), probability=0.6, **_API
    ),
    "ConnectWise gives no signing key": lambda _: faults.status(503, path="callbackkey"),
}  # fmt: skip
WEBEX: dict[str, Callable[[random.Random], faults.Fault]] = {
    "Webex down": lambda _: faults.down(),
    "Webex slow": lambda chance: faults.slow(chance.uniform(0.5, 4), probability=0.4),
    "Webex 429 with sense": lambda chance: _throttled(chance, "1", "2", "3", probability=0.5),
    "Webex 429 to everybody": lambda _: faults.throttled("3", path="/messages"),
    "Webex 429 without sense": lambda chance: _throttled(chance, None, "soon", "-1", "1e9x", probability=0.5),
    "Webex 502": lambda _: faults.html(502, probability=0.6),
    "Webex 401": lambda _: faults.status(401, "The request requires a valid access token."),
    "Webex accepts, then drops": lambda _: faults.accept_then_drop(probability=0.3, path="/messages"),
    "Webex wrong JSON": lambda _: faults.wrong_json(probability=0.3, path="/messages"),
    "Webex wrong JSON about people": lambda _: faults.wrong_json(probability=0.5, path="/people"),
    "Webex half a body": lambda _: faults.half_a_body(probability=0.3),
}  # fmt: skip
SERVERS = ("rolling restart", "two servers", "server paused", "clock jump")
PAUSED_LONG = "server paused for two minutes"
DATABASES = ("database restart", "database gone", "disk full")
HOOKS = ("hooks duplicated", "hooks reordered", "hooks dropped", "hooks forged", "hooks replayed")  # by the generator


@dataclass(frozen=True)
class PlannedFault:
    """One thing that goes wrong `at_s` seconds into a round, for `for_s`."""

    at_s: float
    name: str
    for_s: float
    seed: int


def draw(seed: str, length_s: float, *, with_clock: bool, with_disk: bool) -> list[PlannedFault]:
    """Return the timeline of one round, by time. The same seed gives the same."""
    chance = random.Random(seed)
    last_s = length_s - CALM_AT_THE_END_S
    found: list[PlannedFault] = []

    def add(at_s: float, name: str, for_s: float) -> None:
        found.append(PlannedFault(at_s, name, min(for_s, max(length_s - at_s, 1.0)), chance.getrandbits(32)))

    at_s = 1.0
    while (at_s := at_s + chance.uniform(*KILL_EVERY_S)) < length_s:
        add(at_s, "kill-random", 0)
    names = [*CONNECTWISE, *WEBEX, *SERVERS[: 4 if with_clock else 3]]
    chance.shuffle(names)
    for number in range(int(last_s / FAULT_EVERY_S)):
        name = names[number % len(names)]
        add(1 + number * FAULT_EVERY_S + chance.uniform(0, 2), name, chance.uniform(2, 7))
    if length_s >= LONG_ROUND_S:
        add(2.0, PAUSED_LONG, TWO_MINUTES_S)
        add(chance.uniform(30, 60), "Webex 429 to everybody", PILE_UP_S)
    troubles = [*DATABASES[: 3 if with_disk else 2]]
    chance.shuffle(troubles)
    for number in range(max(1, int(last_s / DATABASE_FAULT_EVERY_S))):
        long = length_s > 80 and number == 0
        for_s = 30.0 if long and troubles[0] == "database gone" else chance.uniform(3, 9)
        first_s = min(5.0, last_s / 3)
        add(first_s + number * DATABASE_FAULT_EVERY_S + chance.uniform(0, 5), troubles[number % len(troubles)], for_s)
    return sorted(found, key=lambda each: each.at_s)


class FaultInjector:
    """Lets a timeline happen, each trouble in a thread of its own."""

    def __init__(
        self,
        connectwise: remote_control.SimulatorProxy,
        webex: remote_control.SimulatorProxy,
        running: servers.Servers,
        database: databases.Database,
    ) -> None:
        self.done: Counter[str] = Counter()
        self.jumped = False
        self.problems: list[str] = []
        self._connectwise, self._webex = connectwise.url, webex.url
        self._servers, self._database = running, database
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._database_turn = threading.Lock()

    def play(self, troubles: list[PlannedFault]) -> threading.Thread:
        """Begin; the thread ends when the last trouble has begun."""
        self._over.clear()
        self.jumped = False
        self._servers.arm = True
        conductor = threading.Thread(target=self._conduct, args=(troubles,), daemon=True)
        conductor.start()
        return conductor

    def stop(self) -> None:
        """End all that goes wrong, and put everything right again."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._servers.arm = False
        self._servers.wanted = self._database.servers
        self._servers.jump(0)
        for url in (self._connectwise, self._webex):
            remote_control.SimulatorProxy(url).call("clear_faults")
        self._database.ensure_up()

    def _conduct(self, troubles: list[PlannedFault]) -> None:
        started = time.monotonic()
        for trouble in troubles:
            if self._over.wait(max(0.0, started + trouble.at_s - time.monotonic())):
                return
            thread = threading.Thread(target=self._suffer, args=(trouble,), name=trouble.name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _suffer(self, trouble: PlannedFault) -> None:
        chance = random.Random(trouble.seed)
        try:
            if trouble.name in CONNECTWISE:
                self._fault(self._connectwise, CONNECTWISE[trouble.name](chance), trouble.for_s)
            elif trouble.name in WEBEX:
                self._fault(self._webex, WEBEX[trouble.name](chance), trouble.for_s)
            elif trouble.name in DATABASES:
                with self._database_turn:
                    self._hurt_database(trouble)
            else:
                self._hurt_servers(trouble, chance)
        except Exception as error:  # the harness must say so and go on
            self.problems.append(f"harness: {trouble.name}: {type(error).__name__}: {error}")
        else:
            self.done[trouble.name] += 1

    def _fault(self, url: str, fault: faults.Fault, seconds: float) -> None:
        remote = remote_control.SimulatorProxy(url)
        number = remote.call("add_fault", fault=msgspec.to_builtins(fault))
        self._over.wait(seconds)
        remote.call("remove_fault", fault_id=number)
        remote.close()

    def _hurt_database(self, trouble: PlannedFault) -> None:
        if self._over.is_set():
            return
        if trouble.name == "database restart":
            self._database.restart()
        elif trouble.name == "database gone":
            self._database.gone(trouble.for_s, self._over)
        else:
            with self._database.disk.full():
                self._over.wait(trouble.for_s)
            self._database.ensure_up()

    def _hurt_servers(self, trouble: PlannedFault, chance: random.Random) -> None:
        number = chance.randrange(max(1, self._servers.wanted))
        if trouble.name == "kill-random":
            self._servers.kill(number)
        elif trouble.name == "rolling restart":
            self._servers.roll()
        elif trouble.name == "server paused":
            # Now and then for longer than it takes to count as dead, where another server can take over meanwhile.
            is_long = self._database.servers > 1 and chance.random() < 0.25
            self._servers.pause(number, 33.0 if is_long else trouble.for_s, self._over)
        elif trouble.name == PAUSED_LONG:
            self._servers.pause(number, trouble.for_s, self._over)
        elif trouble.name == "two servers":
            self._servers.wanted = self._database.servers + 1
            self._over.wait(trouble.for_s + 5)
            self._servers.wanted = self._database.servers
        elif trouble.name == "clock jump":
            self.jumped = True
            self._servers.jump(chance.choice((-25.0, -5.0, 5.0, 40.0)))
            self._over.wait(trouble.for_s)
            self._servers.jump(0)


class AttackerKeyServer:
    """A key server of an attacker. Nobody may ever ask it for anything (W2, no-stray-requests)."""

    def __init__(self) -> None:
        self.visits: list[str] = []
        visits = self.visits

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visits.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"signing_key": "key of the trap"}')

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
