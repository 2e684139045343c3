"""Renew the leases of what this server is working on, so that only a dead server's work is taken over (T7, L1).

A lease lasts 30 s. A server that was killed and restarted need not wait for that: on the same machine it can see that
the process that held the lease is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ticketbot import metrics
from ticketbot.database import db
from ticketbot.models import event_claims, events, leases, notifications, syncs

EVENT, NOTIFICATION = "event", "notification"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
RENEW_EVERY_S = 10.0  # a lease lasts 30 s: two renewals may fail before it is lost

_logger = logging.getLogger(__name__)


class LeaseKeeper:
    """The leases this server holds. `owner` is unique to this process, so a restarted server is another owner."""

    def __init__(self) -> None:
        host, pid = _host_identity() or socket.gethostname(), os.getpid()
        self.owner = f"{host}/{pid}/{_process_start_time(pid)}/{uuid.uuid4().hex[:8]}"
        self._ids: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def keeping(self, kind: str, row_id: int) -> Iterator[None]:
        """Have the lease of one row renewed while the block runs; if the worker dies, it expires."""
        with self._lock:
            self._ids.add((kind, row_id))
        try:
            yield
        finally:
            with self._lock:
                self._ids.discard((kind, row_id))

    def renew(self, now: datetime) -> None:
        """Renew all leases held."""
        with self._lock:
            ids = sorted(self._ids)
        if not ids:
            return
        with db.transaction("renew"):
            for kind, row_id in ids:
                (events if kind == EVENT else notifications).renew(row_id, self.owner, now)


def release_leases_of_dead_processes(now: datetime) -> None:
    """Release the leases of dead processes: immediately on this machine, otherwise once they have expired."""
    with db.session():
        owners = events.owners() | notifications.owners() | syncs.owners() | leases.owners()
        is_abandoned = event_claims.is_abandoned(now)
    for owner in sorted(filter(process_is_gone, owners)):
        with db.transaction("release"):
            dead = event_claims.requeue_abandoned(events.Event.lease_owner == owner, now)
            notifications.give_up_leases(owner, now)
            syncs.give_up_leases(owner, now)
            leases.give_up_all_of(owner)
        _logger.warning("took over the work of a server process that has ended: %s", owner)
        _report_dead(dead)
    if is_abandoned:
        with db.transaction("release"):
            dead = event_claims.requeue_abandoned(events.Event.lease_until < now, now)
        _report_dead(dead)


def _report_dead(dead: list[events.Event]) -> None:
    for event in dead:
        _logger.error(
            "ticket %d: %s; given up, see `tbot explain %d`", event.ticket_id, event_claims.CRASHED, event.ticket_id
        )
        metrics.EVENTS.labels("dead").inc()


def process_is_gone(owner: str) -> bool:
    """Return whether an owner is certainly gone; on another machine or in another container it counts as alive."""
    place, _, process = owner.partition("/")
    pid, _, rest = process.partition("/")
    started = rest.partition("/")[0]
    if place != _host_identity() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # alive, and owned by another user
    return started != _process_start_time(int(pid))


def _host_identity() -> str | None:
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
