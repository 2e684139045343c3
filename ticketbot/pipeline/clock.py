"""Time when this machine's clock may be wrong or jump: ConnectWise's clock and a monotonic one (T5, L2)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import facts

NAME = "clock"
EVERY_S = 3600.0
WRONG_AFTER = timedelta(seconds=60)
CONFIRMED_AFTER_S = 180.0
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_logger = logging.getLogger(__name__)


class Clocks:
    """Our clock, and ConnectWise's: its last known time plus the monotonic seconds since, immune to clock jumps.

    Until ConnectWise's time is known, our own clock at the start is used instead.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._heard = now(), self._started_s

    def hear(self, served_at: datetime) -> None:
        """Set ConnectWise's current time, from the `Date` header of a response."""
        self._heard = served_at, self._monotonic()

    def connectwise_now(self) -> datetime:
        """Return the current time by ConnectWise's clock."""
        heard_at, heard_s = self._heard
        return heard_at + timedelta(seconds=self._monotonic() - heard_s)

    def earlier(self) -> datetime:
        """Return the earlier of the two times: nothing is overdue until both clocks say so."""
        return min(self.now(), self.connectwise_now())

    def is_wrong(self) -> bool:
        """Return whether our clock and ConnectWise's are too far apart."""
        return abs(self.now() - self.connectwise_now()) > WRONG_AFTER

    def give_up_until(self) -> datetime:
        """Return the time up to which overdue work is given up: none, long ago, in the first minutes of a process."""
        is_settled = self._monotonic() - self._started_s >= CONFIRMED_AFTER_S
        return self.earlier() if is_settled else LONG_AGO


def check(source: connectwise_client.ConnectWise, clocks: Clocks, heartbeat: Callable[[], None]) -> None:
    """Fetch ConnectWise's time, report a wrong clock, and correct the times stored because of it (T5)."""
    heartbeat()
    source.info()  # the client passes the time of every response on to `Clocks.hear`
    if clocks.is_wrong():
        ours, connectwise_now = clocks.now(), clocks.connectwise_now()
        _logger.error("this machine's clock shows %s, ConnectWise's %s: synchronize it with NTP", ours, connectwise_now)
    with db.transaction("clock"):
        _correct_first_start(clocks)
        _correct_marks(clocks.connectwise_now())


def _correct_first_start(clocks: Clocks) -> None:
    """Have watching begin by ConnectWise's clock: with ours behind, what is history would be announced."""
    since = facts.read_time(facts.WATCHING_SINCE)
    if facts.take(facts.WATCHING_UNCHECKED) and since and clocks.is_wrong():
        facts.write_time(facts.WATCHING_SINCE, since + (clocks.connectwise_now() - clocks.now()))


def _correct_marks(now: datetime) -> None:
    """Reset times stored by a clock that was ahead to `now`: until they pass, everything new counts as history."""
    for name in (facts.WATCHING_SINCE, facts.CATCH_UP_WATERMARK, facts.SKIPPED_UNTIL):
        marked = facts.read_time(name)
        if marked is not None and marked > now + WRONG_AFTER:
            facts.write_time(name, now)
            _logger.warning("%s was in the future (%s), reset it to %s", name, marked, now)
