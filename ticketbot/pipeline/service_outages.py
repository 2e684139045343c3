"""Two log lines for an outage, however many events and messages fail in it: its start and its end (O1)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import NamedTuple

from ticketbot import errors
from ticketbot.models import events, notifications, outages
from ticketbot.present import words

# The sources of outages that are not periodic jobs. Lookups are those of people in Webex that events need.
EVENTS, LOOKUPS, MESSAGES = "events", "lookups", "messages"

_logger = logging.getLogger(__name__)


class Ended(NamedTuple):
    """An outage that is over, and what still waits."""

    outage: outages.Outage
    events: int
    messages: int


def is_outage(error: Exception) -> bool:
    """Return whether a failure is one of the service, not of the single request."""
    return isinstance(error, errors.RemoteUnavailable | errors.RemoteDenied)


def log_level(error: Exception, *, is_dead: bool) -> int:
    """Return how loud a single failure is: those of an outage have its two lines (O1)."""
    if is_dead:
        return logging.ERROR
    return logging.DEBUG if is_outage(error) else logging.WARNING


def of_event(error: Exception) -> str:
    """Return the source of an outage in which an event fails: of a lookup in Webex, ConnectWise knows nothing."""
    return LOOKUPS if isinstance(error, errors.RemoteError) and error.service != "connectwise" else EVENTS


def record(source: str, error: Exception, now: datetime) -> errors.RemoteError | None:
    """Record a failure inside a transaction; return it if an outage begins with it."""
    if not isinstance(error, errors.RemoteUnavailable | errors.RemoteDenied):
        return None
    is_denied = isinstance(error, errors.RemoteDenied)
    is_first = outages.begin(source, error.service, denied=is_denied, reason=str(error), now=now)
    return error if is_first else None


def log_start(source: str, error: errors.RemoteError | None, now: datetime) -> None:
    """Say that an outage has begun with a failure, if it has, what it means and what to do."""
    if error is None:
        return
    is_denied = isinstance(error, errors.RemoteDenied)
    _logger.warning(
        "%s (%s): %s since %s: %s; %s",
        error.service,
        source,
        "refuses us" if is_denied else "away",
        words.moment(now, form="%H:%M:%S"),
        error,
        "this needs a person, see `tbot doctor`" if is_denied else "what needs it waits and is retried",
        extra={"service": error.service},
    )


def record_success(source: str, called_at: datetime) -> Ended | None:
    """End an outage inside the transaction of a success; return it if there was one."""
    outage = outages.end(source, called_at=called_at)
    if outage is None:
        return None
    return Ended(outage, events.open_counts()[events.WAITING], notifications.open_counts()[notifications.PENDING])


def log_end(ended: Ended | None, now: datetime) -> None:
    """Say that an outage is over, how long it took and what waited."""
    if ended is None:
        return
    since: datetime = ended.outage.since
    _logger.warning(
        "%s (%s): back after %s; waiting: %s, %s",
        ended.outage.service,
        ended.outage.source,
        words.duration(since, max(now, since)),
        words.count(ended.events, "event"),
        words.count(ended.messages, "notification"),
        extra={"service": ended.outage.service},
    )
