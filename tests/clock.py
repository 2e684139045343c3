"""Clocks for tests: time passes only when a test advances it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """A wall clock and a monotonic clock that advance together."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Return the time."""
        return self._now

    now = __call__

    def monotonic(self) -> float:
        """Return seconds."""
        return self._now.timestamp()

    def advance(self, seconds: float = 0.0, **duration: float) -> datetime:
        """Advance the clock, `clock.advance(minutes=10)`, and return the time."""
        self._now += timedelta(seconds=seconds, **duration)
        return self._now

    def set(self, at: datetime) -> None:
        """Advance the clock to a later time."""
        assert at >= self._now
        self._now = at


class TickingClock(Clock):
    """A clock that advances by a quarter of a second whenever it is read."""

    def monotonic(self) -> float:
        """Advance the clock and return seconds."""
        self.advance(0.25)
        return super().monotonic()
