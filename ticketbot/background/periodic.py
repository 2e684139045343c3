"""What some server has to do every so often, each under a lease: no two of them do the same at once (C1, C2, O8)."""

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
AGAIN_AFTER_S = 10.0  # after a failure, or while another server is at it

_logger = logging.getLogger(__name__)

Heartbeat = Callable[[], None]
"""Renews the lease, and raises when the duty must not go on; to be called before every step."""


class Interrupted(errors.TicketbotError):
    """The server stops, or somebody else has taken the duty over."""


class PeriodicJob:
    """One duty: due at the start and then every `every_s()` seconds, 0 being never. `action` is handed a `Keep`.

    Time is counted by a clock that never jumps.
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
        self.failing_service = ""  # the outside service that the last try failed at

    def run_if_due(self) -> bool:
        """Do it if it is due. Tells whether it was done; what the outside world does not let happen is tried again."""
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
            _logger.warning("%s: %s; tried again in %d s", self.name, error, min(every_s, AGAIN_AFTER_S))
        return self._is_done

    def stop(self) -> None:
        """Let what is going on end at its next step."""
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
            raise Interrupted("the server stops")
        if not self._take_lease():
            raise Interrupted("another server has taken over")
