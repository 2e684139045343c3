"""The servers of a run: separate processes that are killed, paused, replaced, and always restarted."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ticketbot import failpoints

STOP_TIMEOUT_S = 20.0  # O4: 10 s for what is in flight, and a few more for threads that wait for a database
MIN_UPTIME_S = 1.0  # before a random kill: a server that never gets to work proves nothing
RESTART_DELAY_S = 0.5  # after a failed start, for example without a database
FREQUENT = (
    "connectwise",
    "webex",
    "claim",
    "accept",
)  # fail points that are passed often: a kill may wait for many passes


@dataclass
class ServerSlot:
    """A port and the process that serves it at the moment."""

    number: int
    port: int
    process: subprocess.Popen[bytes] | None = None
    fail_at: str = ""
    machine: Path | None = None
    killed_by_us: bool = False
    terminated_by_us: bool = False  # while it still starts it has no handler yet, and ends with -SIGTERM
    is_stopping: bool = False  # a rolling restart is waiting for it
    started_at: float = 0.0
    not_before: float = 0.0
    ready_since: float | None = None

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port


@dataclass
class Counters:
    """What was done to the servers, and what went wrong with them."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    rolling: int = 0
    pauses: int = 0
    moves: int = 0
    failed_starts: int = 0
    problems: list[str] = field(default_factory=list)
    peak_rss_mb: float = 0.0


class Servers:
    """All servers on one database; a supervisor thread restarts whichever ends."""

    def __init__(self, program: Sequence[str], environ: Mapping[str, str], count: int, folder: Path, seed: int) -> None:
        self.counters = Counters()
        self.slots = [
            ServerSlot(number, _free_port()) for number in range(count + 1)
        ]  # the last one serves only at times
        self.desired_count = count
        self.use_fail_points = False  # whether new processes kill themselves at a fail point
        self.clock = folder / "clock"
        self.log_file = folder / "servers.log"
        self._machines = [folder / "machine-1", folder / "machine-2"]
        self._program, self._environ = program, dict(environ)
        self._random = random.Random(f"{seed}/servers")
        self._log: IO[bytes] = self.log_file.open("ab")
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the servers and the supervisor."""
        self.clock.write_text("0")
        for number, machine in enumerate(self._machines):
            machine.write_text(f"boot {number}")
        self._supervisor.start()

    def addresses(self) -> list[tuple[str, int]]:
        """Return the servers to which a load balancer would send a request: those seen listening."""
        return [slot.address for slot in self.slots if slot.ready_since is not None]

    def kill(self, number: int) -> None:
        """SIGKILL the server of a slot."""
        with self._lock:
            slot = self.slots[number % self.desired_count]
            has_served = slot.ready_since is not None and time.monotonic() - slot.ready_since > MIN_UPTIME_S
            if slot.process and slot.process.poll() is None and not slot.is_stopping and has_served:
                slot.killed_by_us = True
                slot.process.kill()

    def pause(self, number: int, seconds: float, stop: threading.Event) -> None:
        """SIGSTOP a server, and SIGCONT it some seconds later."""
        process = self.slots[number % self.desired_count].process
        if process is None or process.poll() is not None:
            return
        self.counters.pauses += 1
        process.send_signal(signal.SIGSTOP)
        stop.wait(seconds)
        process.send_signal(signal.SIGCONT)

    def rolling_restart(self) -> None:
        """Restart one server after the other, as a deployment does: SIGTERM, exit 0, a new process."""
        for slot in self.slots[: self.desired_count]:
            with self._lock:
                process = slot.process
                if process is None or process.poll() is not None:
                    continue
                slot.is_stopping, slot.ready_since = True, None
            slot.terminated_by_us = True
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGCONT)  # it may be paused; systemd does the same
            try:
                status = process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.counters.problems.append(f"O4: still running {STOP_TIMEOUT_S:.0f} s after SIGTERM")
                slot.killed_by_us = True
                process.kill()
                process.wait()
            else:
                self.counters.rolling += 1
                if status not in (0, -signal.SIGKILL, -signal.SIGTERM):  # a kill or an early SIGTERM is no violation
                    self.counters.problems.append(f"O4: exit status {status} after SIGTERM")
            with self._lock:
                slot.is_stopping = False

    def set_clock_offset(self, offset_s: float) -> None:
        """Shift the clocks of all servers by so many seconds."""
        self.clock.write_text(str(offset_s))

    def stop(self) -> None:
        """Stop all servers and the supervisor."""
        self._closing.set()
        self._supervisor.join()
        for slot in self.slots:
            if slot.process and slot.process.poll() is None:
                slot.process.send_signal(signal.SIGCONT)
                slot.process.terminate()
        for slot in self.slots:
            if slot.process:
                try:
                    slot.process.wait(STOP_TIMEOUT_S)
                except subprocess.TimeoutExpired:
                    slot.process.kill()
        self._log.close()

    def _supervise(self) -> None:
        while not self._closing.wait(0.02):
            for slot in self.slots:
                with self._lock:
                    self._supervise_slot(slot)

    def _supervise_slot(self, slot: ServerSlot) -> None:
        if slot.is_stopping:
            return
        if slot.process is not None and (status := slot.process.poll()) is not None:
            self._record_exit(slot, status)
            slot.process = slot.ready_since = None
        if slot.process is None and slot.number < self.desired_count and time.monotonic() >= slot.not_before:
            self._start(slot)
        elif slot.process is not None and slot.number >= self.desired_count:
            slot.terminated_by_us = True
            slot.process.terminate()
        if slot.process is not None:
            if slot.ready_since is None and _listens(slot.address):
                slot.ready_since = time.monotonic()
            self.counters.peak_rss_mb = max(self.counters.peak_rss_mb, _rss_mb(slot.process.pid))

    def _record_exit(self, slot: ServerSlot, status: int) -> None:
        if status == -signal.SIGKILL and slot.killed_by_us:
            self.counters.kills["random"] += 1
        elif status == -signal.SIGKILL and slot.fail_at:
            self.counters.kills[slot.fail_at.partition(":")[0]] += 1
        elif status == 0 or slot.number >= self.desired_count or (status == -signal.SIGTERM and slot.terminated_by_us):
            return
        elif time.monotonic() - slot.started_at < 20:
            self.counters.failed_starts += 1  # without a database; an init system would restart it, too
            slot.not_before = time.monotonic() + RESTART_DELAY_S
        else:
            self.counters.problems.append(f"a server ended unexpectedly with status {status}")

    def _start(self, slot: ServerSlot) -> None:
        slot.fail_at = self._fail_point() if self.use_fail_points else ""
        slot.killed_by_us = slot.terminated_by_us = False
        machine = self._random.choice(self._machines)  # both have the same host name
        self.counters.moves += machine != slot.machine
        slot.machine = machine
        own = {"TBOT_PORT": str(slot.port), "TORTURE_CLOCK": str(self.clock), "TORTURE_MACHINE": str(machine)}
        fail_at = {"TBOT_FAIL_AT": slot.fail_at} if slot.fail_at else {}
        slot.process = subprocess.Popen(
            self._program, env={**self._environ, **own, **fail_at}, stdout=self._log, stderr=self._log
        )
        slot.started_at = time.monotonic()
        self.counters.starts += 1

    def _fail_point(self) -> str:
        if self._random.random() < 0.4:
            return ""
        name = self._random.choice(failpoints.NAMES)
        return f"{name}:{self._random.randint(1, 60 if name.startswith(FREQUENT) else 15)}"


def program(binary: str | None) -> list[str]:
    """Return the server's command line: the source with an adjustable clock, or the packed program as it is."""
    return [binary, "serve"] if binary else [sys.executable, "-m", "torture.shifted_clock", "serve"]


def clean_environ() -> dict[str, str]:
    """Return the environment without settings of Ticketbot."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TBOT_")}


def _listens(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=0.2).close()
    except OSError:
        return False
    return True


def _rss_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, IndexError, ValueError):
        return 0.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
