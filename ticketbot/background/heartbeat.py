"""This server's heartbeat, and what becomes of servers whose heart has stopped (L7).

A server counts as dead when its heart has not beaten for 30 s by our own monotonic clock, or at once if it ran on this
boot of this machine, in our pid namespace, and its process is gone. No clock is compared with another machine's.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ticketbot import __version__, metrics
from ticketbot.database import db
from ticketbot.models import event_claims, events, messages, servers, syncs

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
LOOK_EVERY_S = 2.5
LOOKS_PER_BEAT = 2
DEAD_AFTER_S = 30.0
DEAD_AFTER_LOOKS = 10  # a server that was paused itself has seen nothing, whatever its clock says

_logger = logging.getLogger(__name__)


class _Observed(NamedTuple):
    """What a server's heart was last seen to do: its beats, since when, and how often they were the same."""

    beats: int
    since_s: float
    looks: int = 0


class Heartbeat:
    """Beats for this process, and releases the claims of dead servers. `clock` is monotonic."""

    def __init__(
        self, server: servers.Current, now: Callable[[], datetime], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._server, self._now, self._clock = server, now, clock
        self._identity = _identity()
        self._observed: dict[int, _Observed] = {}
        self._looks = 0
        self._without_hand: set[servers.Claim] = set()  # at the last beat

    def start(self) -> None:
        """Register this process, and release at once what an earlier one on this machine had claimed."""
        with db.transaction("heartbeat"):
            self._server.id = servers.add(self._identity, __version__, self._now())
        self.look()

    def look(self) -> None:
        """Beat, if it is time, and release the claims of servers that are dead."""
        self._looks += 1
        if self._looks % LOOKS_PER_BEAT == 0:
            self._beat()
            self._release_lost_claims()
        with db.session():
            known = servers.all_servers()
        self._observed = {row.id: self._observe(row) for row in known if row.id != self._server.id}
        for row in known:
            if row.id != self._server.id and self._is_dead(row):
                release(row.id, self._now())
                _logger.warning("took over the work of a server that has ended: %s", row.identity)

    def stop(self) -> None:
        """Release what this process still claims (O4)."""
        with db.transaction("release"):
            events.release(self._server.id, self._now())
        release(self._server.id, self._now())

    def _release_lost_claims(self) -> None:
        """Release our own claims that no thread has in hand, when they were lost at the last beat, too.

        If the database goes away while a claim is committed, a row may be claimed although its thread got an error;
        and a thread that cannot hand a row back leaves it claimed.
        """
        with db.session():
            without_hand = servers.claims(self._server.id) - self._server.in_hand
        lost, self._without_hand = without_hand & self._without_hand, without_hand
        if lost:
            with db.transaction("release"):
                events.release(self._server.id, self._now(), [claim.row_id for claim in lost if claim.kind == "event"])
                messages.release(
                    self._server.id, self._now(), [claim.row_id for claim in lost if claim.kind == "message"]
                )
            _logger.warning("%d events and messages were claimed and left: they are processed again", len(lost))

    def _beat(self) -> None:
        with db.transaction("heartbeat"):
            if servers.beat(self._server.id, self._now()):
                return
            self._server.id = servers.add(self._identity, __version__, self._now())
        _logger.warning("other servers took this one for dead, and its work over: was it paused?")

    def _observe(self, row: servers.Server) -> _Observed:
        before = self._observed.get(row.id)
        if before is None or before.beats != row.beats:
            return _Observed(row.beats, self._clock())
        return before._replace(looks=before.looks + 1)

    def _is_dead(self, row: servers.Server) -> bool:
        seen = self._observed[row.id]
        has_stopped = seen.looks >= DEAD_AFTER_LOOKS and self._clock() - seen.since_s >= DEAD_AFTER_S
        return has_stopped or process_is_gone(row.identity)


def release(server_id: int, now: datetime) -> None:
    """Release everything a dead server had claimed, in one transaction, and forget the server."""
    with db.transaction("release"):
        dead = event_claims.requeue_abandoned(server_id, now)
        repeated = messages.release(server_id, now)
        syncs.release(server_id, now)
        servers.remove(server_id)
    if repeated:
        _logger.warning(
            "%d messages will be sent again: their sender vanished, and it is unknown whether they arrived", repeated
        )
    for event in dead:
        number = event.ticket_id
        _logger.error("ticket %d: %s; given up, see `tbot explain %d`", number, event_claims.CRASHED, number)
        metrics.EVENTS.labels("dead").inc()


def process_is_gone(identity: str) -> bool:
    """Return whether a process is certainly gone; one on another machine or in another container counts as alive."""
    place, pid, started = identity.rsplit("/", 2)
    if place != _place() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # alive, and owned by another user
    return started != _process_start_time(int(pid))


def process_is_here(identity: str) -> bool:
    """Return whether a process ran on this boot of this machine, and is not gone."""
    return identity.rsplit("/", 2)[0] == _place() and not process_is_gone(identity)


def _identity() -> str:
    pid = os.getpid()
    return f"{_place() or socket.gethostname()}/{pid}/{_process_start_time(pid)}"


def _place() -> str | None:
    """Return the scope in which process ids are unique, or None if the system does not reveal it.

    That is one boot of one machine and a pid namespace. Host name or namespace alone will not do: cloned machines share
    a host name, and the initial namespace of every host has the same inode (Linux, `PROC_PID_INIT_INO`).
    """
    try:
        return f"{socket.gethostname()}:{BOOT_ID.read_text().strip()}:{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return None


def _process_start_time(pid: int) -> str:
    """Return when a process started, in the kernel's clock ticks: a reused pid has another start time."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "?"
