"""The clock of the simulated services, and the time formats of each."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time of this machine; the default clock of the simulators."""
    return datetime.now(UTC)


def in_seconds(at: datetime) -> str:
    """Format a time as ConnectWise does: UTC, whole seconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_milliseconds(at: datetime) -> str:
    """Format a time as Webex does: UTC, milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
