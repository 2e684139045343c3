"""The servers under torture: separate processes that are killed, paused, replaced, and always come back."""

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

STOPS_WITHIN_S = 20.0  # O4 allows 10 s for what is in flight, and a few for threads that wait for a database
SERVES_AT_LEAST_S = 1.0  # before it is killed at random: a server that never gets up proves nothing
STARTS_AGAIN_AFTER_S = 0.5  # after it could not start, as while the database is gone
RARE = ("connectwise", "webex", "claim", "accept")  # passed often: a kill there may wait for many passages


@dataclass
class ServerSlot:
    """The place of one server: its port stays the same, whichever process serves there."""

    number: int
    port: int
    process: subprocess.Popen[bytes] | None = None
    fail_at: str = ""
    machine: Path | None = None
    killed_by_us: bool = False
    asked_to_end: bool = False  # one that is still starting, which may take long, has no handler yet and ends of it
    leaving: bool = False  # a rolling restart is waiting for it
    started_at: float = 0.0
    not_before: float = 0.0
    ready_since: float | None = None

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port


@dataclass
class Counters:
    """What happened to the servers."""

    kills: Counter[str] = field(default_factory=Counter)
    starts: int = 0
    rolling: int = 0
    pauses: int = 0
    moves: int = 0
    failed_starts: int = 0
    problems: list[str] = field(default_factory=list)
    peak_rss_mb: float = 0.0


class Servers:
    """All servers on one database, kept running by a thread of their own."""

    def __init__(self, program: Sequence[str], environ: Mapping[str, str], count: int, folder: Path, seed: int) -> None:
        self.tally = Counters()
        self.slots = [ServerSlot(number, _free_port()) for number in range(count + 1)]  # the last one only at times
        self.wanted = count
        self.arm = False  # whether new processes are to die at a step
        self.clock = folder / "clock"
        self.log_file = folder / "servers.log"
        self._machines = [folder / "machine-1", folder / "machine-2"]
        self._program, self._environ = program, dict(environ)
        self._random = random.Random(f"{seed}/servers")
        self._log: IO[bytes] = self.log_file.open("ab")
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def start(self) -> None:
        """Start them, and start again whatever ends."""
        self.clock.write_text("0")
        for number, machine in enumerate(self._machines):
            machine.write_text(f"boot {number}")
        self._keeper.start()

    def addresses(self) -> list[tuple[str, int]]:
        """Return where a load balancer would send a request now: to whoever listened a moment ago."""
        return [slot.address for slot in self.slots if slot.ready_since is not None]

    def kill(self, number: int) -> None:
        """SIGKILL whoever serves in a slot."""
        with self._lock:
            slot = self.slots[number % self.wanted]
            has_served = slot.ready_since is not None and time.monotonic() - slot.ready_since > SERVES_AT_LEAST_S
            if slot.process and slot.process.poll() is None and not slot.leaving and has_served:
                slot.killed_by_us = True
                slot.process.kill()

    def pause(self, number: int, seconds: float, over: threading.Event) -> None:
        """Stop a process for some seconds where it stands, and let it go on as if nothing had been."""
        process = self.slots[number % self.wanted].process
        if process is None or process.poll() is not None:
            return
        self.tally.pauses += 1
        process.send_signal(signal.SIGSTOP)
        over.wait(seconds)
        process.send_signal(signal.SIGCONT)

    def roll(self) -> None:
        """Replace one server after the other, as a deployment does: SIGTERM, exit 0, the next process."""
        for slot in self.slots[: self.wanted]:
            with self._lock:
                process = slot.process
                if process is None or process.poll() is not None:
                    continue
                slot.leaving, slot.ready_since = True, None
            slot.asked_to_end = True
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.tally.problems.append(f"O4: still there {STOPS_WITHIN_S:.0f} s after SIGTERM")
                slot.killed_by_us = True
                process.kill()
                process.wait()
            else:
                self.tally.rolling += 1
                # One that was killed was killed.
                if status not in (0, -signal.SIGKILL, -signal.SIGTERM):
                    self.tally.problems.append(f"O4: exit status {status} after SIGTERM")
            with self._lock:
                slot.leaving = False

    def jump(self, offset_s: float) -> None:
        """Set the clocks of all servers wrong by so many seconds."""
        self.clock.write_text(str(offset_s))

    def stop(self) -> None:
        """End them all."""
        self._closing.set()
        self._keeper.join()
        for slot in self.slots:
            if slot.process and slot.process.poll() is None:
                slot.process.send_signal(signal.SIGCONT)
                slot.process.terminate()
        for slot in self.slots:
            if slot.process:
                try:
                    slot.process.wait(STOPS_WITHIN_S)
                except subprocess.TimeoutExpired:
                    slot.process.kill()
        self._log.close()

    def _keep(self) -> None:
        while not self._closing.wait(0.02):
            for slot in self.slots:
                with self._lock:
                    self._look_after(slot)

    def _look_after(self, slot: ServerSlot) -> None:
        if slot.leaving:
            return
        if slot.process is not None and (status := slot.process.poll()) is not None:
            self._ended(slot, status)
            slot.process = slot.ready_since = None
        if slot.process is None and slot.number < self.wanted and time.monotonic() >= slot.not_before:
            self._start(slot)
        elif slot.process is not None and slot.number >= self.wanted:
            slot.asked_to_end = True
            slot.process.terminate()
        if slot.process is not None:
            if slot.ready_since is None and _listens(slot.address):
                slot.ready_since = time.monotonic()
            self.tally.peak_rss_mb = max(self.tally.peak_rss_mb, _rss_mb(slot.process.pid))

    def _ended(self, slot: ServerSlot, status: int) -> None:
        if status == -signal.SIGKILL and slot.killed_by_us:
            self.tally.kills["random"] += 1
        elif status == -signal.SIGKILL and slot.fail_at:
            self.tally.kills[slot.fail_at.partition(":")[0]] += 1
        elif status == 0 or slot.number >= self.wanted or (status == -signal.SIGTERM and slot.asked_to_end):
            return
        elif time.monotonic() - slot.started_at < 20:
            self.tally.failed_starts += 1  # the database is gone; whoever runs it lets it start again
            slot.not_before = time.monotonic() + STARTS_AGAIN_AFTER_S
        else:
            self.tally.problems.append(f"a server ended by itself with status {status}")

    def _start(self, slot: ServerSlot) -> None:
        slot.fail_at = self._fail_point() if self.arm else ""
        slot.killed_by_us = slot.asked_to_end = False
        machine = self._random.choice(self._machines)  # both have the same host name
        self.tally.moves += machine != slot.machine
        slot.machine = machine
        own = {"TBOT_PORT": str(slot.port), "TORTURE_CLOCK": str(self.clock), "TORTURE_MACHINE": str(machine)}
        armed = {"TBOT_FAIL_AT": slot.fail_at} if slot.fail_at else {}
        slot.process = subprocess.Popen(
            self._program, env={**self._environ, **own, **armed}, stdout=self._log, stderr=self._log
        )
        slot.started_at = time.monotonic()
        self.tally.starts += 1

    def _fail_point(self) -> str:
        if self._random.random() < 0.4:
            return ""
        name = self._random.choice(failpoints.NAMES)
        return f"{name}:{self._random.randint(1, 60 if name.startswith(RARE) else 15)}"


def program(binary: str | None) -> list[str]:
    """Return what is run as the server: our own source with a clock that can be set, or the packed program as it is."""
    return [binary, "serve"] if binary else [sys.executable, "-m", "torture.shifted_clock", "serve"]


def clean_environ() -> dict[str, str]:
    """Return our environment without any Ticketbot's settings."""
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
