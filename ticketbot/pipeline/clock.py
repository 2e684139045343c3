"""What time it is when our own clock may be wrong or jump: ConnectWise's clock, and one that only counts (T5, L2)."""

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
WRONG_AFTER = timedelta(seconds=60)  # as long as the longest lease: with more, what we hold would be anybody's
CONFIRMED_AFTER_S = 180.0

_logger = logging.getLogger(__name__)


class Clocks:
    """Our clock, and ConnectWise's as last heard plus the seconds counted since, which no jump of ours moves.

    Until ConnectWise has been heard, our own clock at the start takes its place.
    """

    def __init__(self, now: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._monotonic = monotonic
        self._started_s = monotonic()
        self._heard = now(), self._started_s

    def hear(self, served_at: datetime) -> None:
        """Take over what time it is at ConnectWise, from the `Date` of a response."""
        self._heard = served_at, self._monotonic()

    def connectwise_now(self) -> datetime:
        """Return what time it is at ConnectWise."""
        heard_at, heard_s = self._heard
        return heard_at + timedelta(seconds=self._monotonic() - heard_s)

    def earlier(self) -> datetime:
        """Return the earlier of the two times: nothing is overdue as long as one of them says that it is not."""
        return min(self.now(), self.connectwise_now())

    def is_wrong(self) -> bool:
        """Tell whether our clock and ConnectWise's are too far apart."""
        return abs(self.now() - self.connectwise_now()) > WRONG_AFTER

    def give_up_until(self) -> datetime:
        """Return up to when something had to be done to be given up now; never, in the first minutes of a process."""
        is_settled = self._monotonic() - self._started_s >= CONFIRMED_AFTER_S
        return self.earlier() if is_settled else datetime.min.replace(tzinfo=UTC)


def check(source: connectwise_client.ConnectWise, clocks: Clocks, heartbeat: Callable[[], None]) -> None:
    """Ask ConnectWise what time it is, report a clock that is wrong, and correct what it made us write down (T5)."""
    heartbeat()
    source.info()  # the client passes the time of every response on to `Clocks.hear`
    if clocks.is_wrong():
        ours, connectwise_now = clocks.now(), clocks.connectwise_now()
        _logger.error(
            "the clock of this machine shows %s, and that of ConnectWise %s: let NTP set it", ours, connectwise_now
        )
    correct_marks(clocks.connectwise_now())


def correct_marks(now: datetime) -> None:
    """Move to `now` what was written down with a clock that was ahead: until then, everything new would be history."""
    with db.transaction("clock"):
        for name in (facts.WATCHING_SINCE, facts.CATCH_UP_WATERMARK, facts.SKIPPED_UNTIL):
            marked = facts.read_time(name)
            if marked is not None and marked > now + WRONG_AFTER:
                facts.write_time(name, now)
                _logger.warning("%s was %s, in the future: it is %s now", name, marked, now)
