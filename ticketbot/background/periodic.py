"""Periodic jobs, each run by one server at a time (C1, C2, O8)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import servers
from ticketbot.pipeline import service_outages

AGAIN_AFTER_S = 10.0  # after a failure, or while another server runs the job

_logger = logging.getLogger(__name__)

Heartbeat = Callable[[], None]
"""Raise if the job must stop; call it before every step."""


class Interrupted(errors.TicketbotError):
    """The server is stopping, or another one has taken over the job."""


class PeriodicJob:
    """A job due at the start and then every `every_s()` seconds (0: never); `action` gets a `Heartbeat`.

    `clock` is monotonic.
    """

    def __init__(
        self,
        name: str,
        action: Callable[[Heartbeat], object],
        *,
        every_s: Callable[[], float],
        server: servers.Current,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._action, self._every_s, self._server, self._clock = action, every_s, server, clock
        self._now = now
        self._stopping = threading.Event()
        self._tried_s = float("-inf")
        self._is_done = True
        self.failing_service = ""  # the external service that the last try failed at

    def run_if_due(self) -> bool:
        """Run the job if it is due and return whether it ran; retry after a failure of an external service."""
        every_s = self._every_s()
        if not every_s:
            self._forget_failure()
            return False
        wait_s = every_s if self._is_done else min(every_s, AGAIN_AFTER_S)
        if self._clock() - self._tried_s < wait_s:
            return False
        self._tried_s, self._is_done = self._clock(), False
        try:
            self._is_done = self._done()
            self.failing_service = ""
        except Interrupted as error:
            _logger.info("%s: %s", self.name, error)
        except errors.RemoteError as error:
            self.failing_service = error.service
            self._report_failure(error)
        return self._is_done

    def _forget_failure(self) -> None:
        """A job that is off no longer says anything about its service."""
        if self.failing_service:
            self.failing_service = ""
            with db.transaction("job-off"):
                service_outages.record_success(self.name, self._now())

    def stop(self) -> None:
        """Stop a running job at its next step."""
        self._stopping.set()

    def _done(self) -> bool:
        server_id = self._server.id
        if not self._claim(server_id):
            return False

        def heartbeat() -> None:
            if self._stopping.is_set():
                raise Interrupted("the server is stopping")
            if not self._claim(server_id):
                raise Interrupted("another server has taken over")

        began_at, ended = self._now(), None
        try:
            self._action(heartbeat)
            with db.transaction("job-done"):
                ended = service_outages.record_success(self.name, began_at)
        finally:
            with db.transaction("job"):
                servers.release_job(self.name, server_id)
        service_outages.log_end(ended, self._now())
        return True

    def _report_failure(self, error: errors.RemoteError) -> None:
        now = self._now()
        with db.transaction("job-failed"):
            begun = service_outages.record(self.name, error, now)
        service_outages.log_start(self.name, begun, now)
        if begun is None:
            _logger.log(service_outages.log_level(error, is_dead=False), "%s: %s; will be retried", self.name, error)

    def _claim(self, server_id: int) -> bool:
        with db.transaction("job"):
            return servers.claim_job(self.name, server_id)
