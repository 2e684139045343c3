"""Leave a trace of refused access: counted by reason, and logged once per address and minute (A2)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import prometheus_client

LOGGED_EVERY_S = 60.0

_MOST_REMEMBERED = 10_000

_logger = logging.getLogger(__name__)


class Refusals:
    """The refused requests of one server, shared by its threads. `clock` is monotonic, `counter` has a `reason`."""

    def __init__(self, clock: Callable[[], float], counter: prometheus_client.Counter) -> None:
        self._clock = clock
        self._counter = counter
        self._lock = threading.Lock()
        self._logged: dict[str, float] = {}

    def note(self, address: str, reason: str, request: str) -> None:
        """Count a refusal; log it unless one of the same address was logged within the last minute."""
        self._counter.labels(reason).inc()
        if self._is_due(address):
            _logger.warning(
                "refused %s from %s: %s; further refusals of this address are only counted for a minute",
                *(request, address, reason.replace("_", " ")),
                extra={"client": address, "reason": reason},
            )

    def _is_due(self, address: str) -> bool:
        now = self._clock()
        with self._lock:
            logged = self._logged.get(address)
            if logged is not None and now < logged + LOGGED_EVERY_S:
                return False
            self._logged.pop(address, None)
            if len(self._logged) >= _MOST_REMEMBERED:
                del self._logged[next(iter(self._logged))]
            self._logged[address] = now
        return True
