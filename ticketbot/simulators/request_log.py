"""The log of the calls that a simulated service received: requests, statuses, and how many ran in parallel."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime

import msgspec

LOG_SIZE = 100_000  # calls kept in the log; the counters cover all

_NUMBER = re.compile(r"(?<=/)\d+(?=/|$)")
_VERSIONED = re.compile(r"^/[^/]+/apis/3\.0/|^/(v1/)?")


class Call(msgspec.Struct, kw_only=True):
    """One call; `status` is 0 while it runs, and if the connection was closed without a response."""

    number: int
    method: str
    path: str
    query: str = ""
    at: datetime
    status: int = 0
    duration_s: float = 0.0
    fault: int = 0  # id of the fault that applied, 0 for none
    handled: bool = False  # whether the service carried out the request, whatever the response
    body: str = ""  # only of calls that failed or hit a fault
    destination: str = ""  # of a message; likewise

    @property
    def operation(self) -> str:
        """Return the endpoint without host, version and ids: `GET service/tickets/{id}/allNotes`."""
        return f"{self.method} {_NUMBER.sub('{id}', _VERSIONED.sub('/', self.path)).strip('/')}"


class Calls:
    """All calls to one service, newest last; thread-safe."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Remove all calls and reset the counters and the peak."""
        with self._lock:
            self._log: deque[Call] = deque(maxlen=LOG_SIZE)
            self._counts: Counter[str] = Counter()
            self._number = 0
            self._running = 0
            self.peak = 0  # most calls in parallel

    def begin(self, method: str, path: str, query: str) -> Call:
        """Log an incoming call."""
        with self._lock:
            self._number += 1
            call = Call(number=self._number, method=method, path=path, query=query, at=self._now())
            call.duration_s = -time.perf_counter()
            self._log.append(call)
            self._counts[call.operation] += 1
            self._running += 1
            self.peak = max(self.peak, self._running)
        return call

    def end(self, call: Call, status: int) -> None:
        """Log the status of the response to `call`; 0 without a response."""
        with self._lock:
            call.status = status
            call.duration_s += time.perf_counter()
            self._running = max(0, self._running - 1)  # `clear` may have been called in between

    def log(self) -> list[Call]:
        """Return the calls, oldest first."""
        with self._lock:
            return list(self._log)

    def counts(self) -> dict[str, int]:
        """Return the number of calls by operation."""
        with self._lock:
            return dict(self._counts)

    def count(self, operation: str = "") -> int:
        """Return the number of calls to operations that start with `operation`; "" counts all."""
        return sum(n for name, n in self.counts().items() if name.startswith(operation))
