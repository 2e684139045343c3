"""The `Retry-After` header: seconds or an HTTP date (RFC 9110, 10.2.3)."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_WAIT_S = 900.0  # L2: Retry-After is capped at 15 min


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, at most 15 min.

    Nonsense counts as absent: Webex has sent the literal `rand(30),add(30)`. So does a date in the past.
    """
    value = (value or "").strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), MAX_WAIT_S)
    until = http_date(value)
    wait_s = (until - now).total_seconds() if until else -1.0
    return min(wait_s, MAX_WAIT_S) if wait_s >= 0 else None


def http_date(value: str) -> datetime | None:
    """Return the time that an HTTP date stands for, None if it is not one."""
    try:
        found = parsedate_to_datetime(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
