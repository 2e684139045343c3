"""The clocks of tests: time passes only when a test says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class Clock:
    """The time of day and a monotonic count of seconds, which go together."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """Return the time of day."""
        return self._now

    now = __call__

    def monotonic(self) -> float:
        """Return seconds."""
        return self._now.timestamp()

    def advance(self, seconds: float = 0.0, **duration: float) -> datetime:
        """Let time pass, `clock.advance(minutes=10)`, and return the time of day."""
        self._now += timedelta(seconds=seconds, **duration)
        return self._now

    def set(self, moment: datetime) -> None:
        """Jump ahead; time never goes back."""
        assert moment >= self._now
        self._now = moment


class ImpatientClock(Clock):
    """A clock that passes by a quarter of a second whenever it is read."""

    def monotonic(self) -> float:
        """Let time pass and return seconds."""
        self.advance(0.25)
        return super().monotonic()
