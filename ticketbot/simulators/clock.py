"""The time of the simulated services: injected from outside, and written as each of them writes it."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time of this machine, the default clock of the simulators."""
    return datetime.now(UTC)


def in_seconds(moment: datetime) -> str:
    """Write `moment` as ConnectWise does: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_milliseconds(moment: datetime) -> str:
    """Write `moment` as Webex does: UTC, milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"
