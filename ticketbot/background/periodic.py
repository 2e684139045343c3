"""Periodic jobs, each run by one server at a time under a lease (C1, C2, O8)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import leases

LEASE_S = 60.0  # renewed at every step; longer than any call to ConnectWise may take
AGAIN_AFTER_S = 10.0  # after a failure, or while another server runs the job

_logger = logging.getLogger(__name__)

Heartbeat = Callable[[], None]
"""Renew the lease, or raise if the job must stop; call it before every step."""


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
        owner: str,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._action, self._every_s, self._owner, self._now, self._clock = action, every_s, owner, now, clock
        self._stopping = threading.Event()
        self._tried_s = float("-inf")
        self._is_done = True
        self.failing_service = ""  # the external service that the last try failed at

    def run_if_due(self) -> bool:
        """Run the job if it is due and return whether it ran; retry after a failure of an external service."""
        every_s = self._every_s()
        if not every_s:
            self.failing_service = ""
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
            _logger.warning("%s: %s; will retry in %d s", self.name, error, min(every_s, AGAIN_AFTER_S))
        return self._is_done

    def stop(self) -> None:
        """Stop a running job at its next step."""
        self._stopping.set()

    def _done(self) -> bool:
        if not self._take_lease():
            return False
        try:
            self._action(self._renew_lease)
        finally:
            with db.transaction("lease"):
                leases.give_up(self.name, owner=self._owner)
        return True

    def _take_lease(self) -> bool:
        with db.transaction("lease"):
            return leases.take(self.name, owner=self._owner, now=self._now(), seconds=LEASE_S)

    def _renew_lease(self) -> None:
        if self._stopping.is_set():
            raise Interrupted("the server is stopping")
        if not self._take_lease():
            raise Interrupted("another server has taken over")
