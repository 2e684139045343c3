"""One run of a sync in progress: its phases, errors and lease, and when it has to stop (S)."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import TypeVar

import msgspec
from msgspec.structs import asdict

from ticketbot import errors
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import runtime_config, syncs
from ticketbot.sync import adaptive_pool
from ticketbot.webex import webex_client

HEARTBEAT_S = 0.4  # progress is written at least every half second (S)
RENEW_AFTER_S = 10.0  # a lease lasts 60 s
MAX_ERRORS = 100  # whose texts are stored; all are counted
DATABASE_RETRY_S = 45.0  # while the database is unavailable: less than the lease
MASS_DELETION_FLOOR = 10  # S: no more than half of more than ten rows may vanish in one sync

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class SyncStopped(errors.TicketbotError):
    """The run was canceled, or its server is stopping."""


class LeaseLost(errors.TicketbotError):
    """The run was considered abandoned; its results no longer count."""


class MassDeletionRefused(errors.TicketbotError):
    """So many rows would vanish that the response cannot be trusted, unless forced (S)."""


class Services(msgspec.Struct, frozen=True):
    """Dependencies of syncs. The ConnectWise client is the background one, which yields to events."""

    connectwise: connectwise_client.ConnectWise
    webex: webex_client.Webex
    owner: str
    now: Callable[[], datetime]


class Phase(msgspec.Struct):
    """The progress of one part of a run; `total` is None until it is known."""

    name: str
    total: int | None = None
    done: int = 0
    errors: int = 0


class Run:
    """A run as its syncs see it. They must call `check` often, directly or not, and let its errors propagate."""

    def __init__(self, run_id: int, services: Services, stopping: threading.Event, *, force: bool) -> None:
        self.id, self.services, self.force = run_id, services, force
        self.has_failed = False
        self._stopping = stopping
        self._ended = threading.Event()
        self._end: errors.TicketbotError | None = None
        self._phases: list[Phase] = []
        self._errors: list[str] = []
        self.error_count = 0
        with db.session():
            self._width = runtime_config.load().max_concurrent_syncs
        self._written: object = None
        self._written_s = float("-inf")
        self.pool = adaptive_pool.AdaptivePool(lambda: self._width, self.check)

    def phase(self, name: str, total: int | None = None) -> Phase:
        """Begin a phase of the run."""
        phase = Phase(name, total)
        self._phases.append(phase)
        return phase

    def report(self, phase: Phase | None, text: str) -> None:
        """Count and record an error; the rest continues."""
        if phase is not None:
            phase.errors += 1
        self.error_count += 1
        if len(self._errors) < MAX_ERRORS:
            self._errors.append(text)
        _logger.warning("sync %d: %s", self.id, text)

    def fail(self, phase: Phase | None, text: str) -> None:
        """Count and record the failure of a whole part: the rest continues, but the run ends as failed."""
        self.has_failed = True
        self.report(phase, text)

    def note(self, text: str) -> None:
        """Log a problem that has a fallback."""
        _logger.info("sync %d: %s", self.id, text)

    def check(self) -> None:
        """Raise `SyncStopped` or `LeaseLost` if the run has to end."""
        if self._stopping.is_set():
            raise SyncStopped("the server is stopping")
        if self._end is not None:
            raise self._end

    def check_mass_deletion(self, name: str, known: int, gone: int) -> None:
        """Raise `MassDeletionRefused` if more than half of more than ten rows would vanish, unless forced."""
        if known > MASS_DELETION_FLOOR and gone * 2 > known and not self.force:
            raise MassDeletionRefused(
                f"{gone} of {known} {name} would be removed, so nothing was. If that is right, sync again with force"
            )

    def wait_until(self, at_s: float) -> None:
        """Wait until `at_s` on the monotonic clock."""
        while (left_s := at_s - time.monotonic()) > 0:
            self.check()
            self._stopping.wait(min(left_s, HEARTBEAT_S))

    def read(self, query: Callable[[], T]) -> T:
        """Return the result of a query, retrying for a while if the database is unavailable."""
        return self._retry_while_database_is_away(db.session, query)

    def commit(self, name: str, write: Callable[[], object]) -> None:
        """Write in one transaction, retrying for a while if the database is unavailable."""
        self._retry_while_database_is_away(partial(db.transaction, name), write)

    def _retry_while_database_is_away(
        self, enter: Callable[[], AbstractContextManager[None]], do: Callable[[], T]
    ) -> T:
        deadline_s = time.monotonic() + DATABASE_RETRY_S
        while True:
            self.check()
            try:
                with enter():
                    return do()
            except errors.Unreachable:
                if time.monotonic() > deadline_s:
                    raise
                self._stopping.wait(1.0)

    @contextlib.contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Write progress, renew the lease and check for cancellation while the block runs."""
        thread = threading.Thread(target=self._heartbeat_loop, name="sync-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self.pool.close()

    def finish(self, state: str) -> None:
        """Record how the run ended, retrying if the database is unavailable: nothing else knows the outcome."""
        deadline_s = time.monotonic() + DATABASE_RETRY_S
        while True:
            try:
                with db.transaction("sync-end"):
                    if self._renew():
                        syncs.finish(self.id, self.services.owner, state=state, now=self.services.now())
            except errors.Unreachable:
                if time.monotonic() > deadline_s or self._stopping.wait(1.0):
                    raise
            else:
                return

    def _heartbeat_loop(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            try:
                self._write_progress()
            except errors.Unreachable as error:
                _logger.warning("sync %d: %s", self.id, error)
            except Exception:
                _logger.exception("a bug in tbot; sync %d continues", self.id)

    def _write_progress(self) -> None:
        with db.session():
            self._width = runtime_config.load().max_concurrent_syncs
            if syncs.is_cancelled(self.id):
                self._end = self._end or SyncStopped("cancelled on request")
        progress = self._progress()
        if progress == self._written and time.monotonic() - self._written_s < RENEW_AFTER_S:
            return
        with db.transaction("sync-progress"):
            is_ours = self._renew()
        self._written, self._written_s = progress, time.monotonic()
        if not is_ours:
            self._end = LeaseLost(f"sync {self.id} was considered abandoned and stops")

    def _renew(self) -> bool:
        phases, texts, count = self._progress()
        now = self.services.now()
        return syncs.renew(self.id, self.services.owner, phases=phases, errors=texts, error_count=count, now=now)

    def _progress(self) -> tuple[list[dict[str, object]], list[str], int]:
        return [asdict(phase) for phase in self._phases], list(self._errors), self.error_count
