"""One run of a sync in progress: its phases and errors, and when it has to stop (S)."""

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
from ticketbot.database import availability, db
from ticketbot.models import runtime_config, servers, syncs
from ticketbot.sync import adaptive_pool
from ticketbot.webex import webex_client

REPORT_EVERY_S = 0.4  # progress is written at least every half second (S)
MAX_ERRORS = 100  # whose texts are stored; all are counted
DATABASE_RETRY_S = 45.0  # while the database is unavailable
MASS_DELETION_FLOOR = 10  # S: no more than half of more than ten rows may vanish in one sync

T = TypeVar("T")

_logger = logging.getLogger(__name__)


class SyncStopped(errors.TicketbotError):
    """The run was canceled, or its server is stopping."""


class TakenForDead(errors.TicketbotError):
    """Another server took this one for dead, and the run as failed; its results no longer count."""


class MassDeletionRefused(errors.TicketbotError):
    """So many rows would vanish that the response cannot be trusted, unless forced (S)."""


class Services(msgspec.Struct, frozen=True):
    """Dependencies of syncs. The ConnectWise client is the background one, which yields to events."""

    connectwise: connectwise_client.ConnectWise
    webex: webex_client.Webex
    server: servers.Current
    now: Callable[[], datetime]


class Phase(msgspec.Struct):
    """The progress of one part of a run; `total` is None until it is known."""

    name: str
    total: int | None = None
    done: int = 0
    errors: int = 0


class Run:
    """A run as its syncs see it. They must call `check` often, directly or not, and let its errors propagate."""

    def __init__(self, row: syncs.SyncRun, services: Services, stopping: threading.Event, *, force: bool) -> None:
        self.id, self.services, self.force = row.id, services, force
        self._row = row
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
        """Raise `SyncStopped` or `TakenForDead` if the run has to end."""
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
            self._stopping.wait(min(left_s, REPORT_EVERY_S))

    def read(self, query: Callable[[], T]) -> T:
        """Return the result of a query, retrying for a while if the database is unavailable."""
        return self._retried(db.session, query)

    def commit(self, name: str, write: Callable[[], object]) -> None:
        """Write in one transaction, retrying for a while if the database is unavailable."""
        self._retried(partial(db.transaction, name), write)

    def _retried(self, enter: Callable[[], AbstractContextManager[None]], do: Callable[[], T]) -> T:
        def work() -> T:
            self.check()  # raises when this run is to stop, so that pausing always goes on
            with enter():
                return do()

        return availability.retry_while_unavailable(
            work, lambda s: self._stopping.wait(s) or True, for_s=DATABASE_RETRY_S
        )

    @contextlib.contextmanager
    def reporting(self) -> Iterator[None]:
        """Write progress and check for cancellation while the block runs."""
        thread = threading.Thread(target=self._report_loop, name="sync-progress", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self.pool.close()

    def finish(self, state: str) -> None:
        """Record how the run ended, retrying if the database is unavailable: nothing else knows the outcome."""

        def write() -> None:
            with db.transaction("sync-end"):
                if self._save_progress():
                    syncs.finish(self._row, state=state, now=self.services.now())

        availability.retry_while_unavailable(write, lambda s: not self._stopping.wait(s), for_s=DATABASE_RETRY_S)

    def _report_loop(self) -> None:
        while not self._ended.wait(REPORT_EVERY_S):
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
        if progress == self._written:
            return
        with db.transaction("sync-progress"):
            still_counts = self._save_progress()
        self._written = progress
        if not still_counts:
            self._end = TakenForDead(f"another server took this one for dead: sync {self.id} stops")

    def _save_progress(self) -> bool:
        phases, texts, count = self._progress()
        return syncs.save_progress(self._row, phases=phases, errors=texts, error_count=count)

    def _progress(self) -> tuple[list[dict[str, object]], list[str], int]:
        return [asdict(phase) for phase in self._phases], list(self._errors), self.error_count
