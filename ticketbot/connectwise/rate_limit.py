"""Keep the calls to ConnectWise below the number a minute that they allow."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# ConnectWise counts calls as they arrive, and one may be on its way for less time than those before it.
MINUTE_S = 60.5
BURST_SHARE = 50  # a fiftieth of the minute may go out at once; the rest is spaced, so 98 % is left for the long run
EPSILON_S = 1e-6  # sums of floats do not meet exactly
BACKGROUND_SHARE = 0.7  # what a sync may use while events or messages wait


def never_busy() -> bool:
    """Say that no event and no message waits."""
    return False


class RateLimiter:
    """Let through at most `per_minute` calls in any minute, evenly spaced but for a small burst; 0 is no limit.

    Calls in the background stand back behind all others, and while `busy()` is true they have only 70 %
    of the rate. `busy` is asked before every background call, so it must be cheap; it may be replaced at
    any time. One instance is shared by all threads of a server.

    The spacing is the generic cell rate algorithm: `_due_at` is when the next call would be due at an
    even pace, and a call may come early by the burst. No slot is given out ahead of its time, so a
    waiting sync never stands before an event.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        busy: Callable[[], bool] = never_busy,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.per_minute = per_minute
        self.busy = busy
        self._clock = clock
        self._wait = wait
        self._lock = threading.Lock()
        burst = max(1, per_minute // BURST_SHARE)
        # In any minute: the burst, and what falls due after it. Together exactly per_minute.
        self._spacing_s = MINUTE_S / (per_minute - burst + 1) if per_minute else 0.0
        self._early_s = self._spacing_s * (burst - 1)
        self._due_at = clock()
        self._background_due_at = self._due_at
        self._foreground_waiting = 0

    def acquire(self, *, background: bool = False) -> None:
        """Wait until one more call may go out."""
        if not self.per_minute:
            return
        if background:
            self._wait_for_turn(self._background_turn)
            return
        with self._lock:
            self._foreground_waiting += 1
        try:
            self._wait_for_turn(self._foreground_turn)
        finally:
            with self._lock:
                self._foreground_waiting -= 1

    def _wait_for_turn(self, turn: Callable[[], float]) -> None:
        while (wait_s := turn()) > 0:
            self._wait(wait_s)

    def _foreground_turn(self) -> float:
        with self._lock:
            return self._take(self._clock())

    def _background_turn(self) -> float:
        busy = self.busy()
        with self._lock:
            now = self._clock()
            if self._foreground_waiting:
                return self._spacing_s
            if busy and self._background_due_at - now > EPSILON_S:
                return self._background_due_at - now
            wait_s = self._take(now)
            if not wait_s:
                self._background_due_at = now + self._spacing_s / BACKGROUND_SHARE
            return wait_s

    def _take(self, now: float) -> float:
        """Take the turn and return 0, or return the seconds until there is one."""
        wait_s = self._due_at - self._early_s - now
        if wait_s > EPSILON_S:
            return wait_s
        self._due_at = max(self._due_at, now) + self._spacing_s
        return 0.0
