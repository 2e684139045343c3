"""When to try again, when to give up, and when everybody has to wait (T7, L2, L3, L4)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ticketbot import errors

FIRST_DELAY_S = 1.0
MAX_DELAY_S = 300.0
MAX_RETRY_AFTER_S = 900.0  # L2: whatever a service asks for, we ask again after 15 minutes
GIVE_UP_AFTER = timedelta(hours=24)
MAX_BUGS = 5
OVERTAKEN_AFTER_FAILURES = 5
OVERTAKEN_AFTER = timedelta(minutes=10)


class EventVerdict(msgspec.Struct, frozen=True):
    """What becomes of an event that failed: again at a moment, or dead when `retry_at` is None."""

    reason: str
    attempts: int
    bugs: int
    retry_at: datetime | None
    hold_until: datetime | None = None


class MessageVerdict(msgspec.Struct, frozen=True):
    """What becomes of a message that was not sent: again at a moment, or dead when `retry_at` is None."""

    reason: str
    failures: int
    retry_at: datetime | None
    hold_until: datetime | None = None
    failing_since: datetime | None = None
    possible_duplicate: bool = False
    may_be_overtaken: bool = False
    tracking_id: str | None = None
    needs_person: bool = False  # O2: the token was refused


def delay_s(failures: int, jitter: float) -> float:
    """Return the wait after so many failures in a row: 1 s, doubling to 5 min.

    `jitter`, from 0 to 1, takes up to a quarter off, so that a crowd does not come back at once.
    """
    doubled = FIRST_DELAY_S * 2.0 ** min(max(failures, 1) - 1, 20)
    return float(min(doubled, MAX_DELAY_S) * (1.0 - 0.25 * jitter))


def wait_s(error: Exception, failures: int, jitter: float) -> float:
    """Return the wait a failure asks for: `Retry-After` where the service gave a sensible one, else our own."""
    asked = error.retry_after_s if isinstance(error, errors.RemoteThrottled) else None
    own = delay_s(failures, jitter)
    return own if asked is None else min(max(asked, FIRST_DELAY_S), MAX_RETRY_AFTER_S)


def holds_connectwise(error: Exception) -> bool:
    """Return whether a failure is about our credentials, so that no event can succeed (T7)."""
    return isinstance(error, errors.RemoteDenied) and error.service == "connectwise"


def event_failed(
    error: Exception,
    *,
    now: datetime,
    received_at: datetime,
    attempts: int,
    bugs: int,
    failed_holds: int,
    jitter: float,
    give_up_until: datetime | None = None,
) -> EventVerdict:
    """Judge an event that failed.

    Anything but a `TicketbotError` is a bug of ours: five tries. The outside world gets 24 h from the latest hook.
    `failed_holds` is how often in a row ConnectWise has refused our credentials; `give_up_until` (default: now) is
    the time that the 24 h are counted up to.
    """
    if not isinstance(error, errors.TicketbotError):
        reason = f"a bug in tbot: {type(error).__name__}: {error}"
        retry_at = now + timedelta(seconds=delay_s(bugs + 1, jitter)) if bugs + 1 < MAX_BUGS else None
        return EventVerdict(reason, attempts, bugs + 1, retry_at)
    reason = str(error)
    if (give_up_until or now) - received_at >= GIVE_UP_AFTER:
        return EventVerdict(f"given up after 24 hours: {reason}", attempts + 1, bugs, None)
    if holds_connectwise(error):
        until = now + timedelta(seconds=delay_s(failed_holds + 1, jitter))
        return EventVerdict(reason, attempts + 1, bugs, retry_at=until, hold_until=until)
    retry_at = now + timedelta(seconds=wait_s(error, attempts + 1, jitter))
    return EventVerdict(reason, attempts + 1, bugs, retry_at)


def message_failed(
    error: Exception,
    *,
    now: datetime,
    give_up_at: datetime,
    failures: int,
    failing_since: datetime | None,
    failed_holds: int,
    jitter: float,
    give_up_until: datetime | None = None,
) -> MessageVerdict:
    """Judge a message that was not sent.

    A 429 or a 401 is not the message's own trouble: it holds all sending and does not count towards overtaking. It is
    given up if the next try would come after `give_up_at`, by a clock that shows `give_up_until` (default: now).
    """
    reason, status = str(error), getattr(error, "status", None)
    tracking_id, since = getattr(error, "tracking_id", None), failing_since or now
    if status in (401, 429):
        until = now + timedelta(seconds=wait_s(error, failed_holds + 1, jitter))
        return MessageVerdict(
            reason, failures, until, until, failing_since, tracking_id=tracking_id, needs_person=status == 401
        )
    if not (isinstance(error, errors.TicketbotError) and error.retry_helps):
        return MessageVerdict(reason, failures + 1, None, failing_since=since, tracking_id=tracking_id)
    wait = timedelta(seconds=wait_s(error, failures + 1, jitter))
    retry_at, is_over = now + wait, (give_up_until or now) + wait >= give_up_at
    return MessageVerdict(
        f"given up after 24 hours: {reason}" if is_over else reason,
        failures + 1,
        None if is_over else retry_at,
        failing_since=since,
        # Also of one that is given up: somebody may send it again.
        possible_duplicate=isinstance(error, errors.RemoteUnavailable) and error.outcome_unknown,
        may_be_overtaken=failures + 1 >= OVERTAKEN_AFTER_FAILURES or now - since >= OVERTAKEN_AFTER,
        tracking_id=tracking_id,
    )
