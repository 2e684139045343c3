"""What is said of a problem, and when: once at its start, once a day, and once at its end (O10)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

from ticketbot.decide.problems import Finding

REMIND_EVERY = timedelta(hours=24)

State: TypeAlias = Literal["opened", "reminder", "closed"]


class Alert(msgspec.Struct, frozen=True):
    """An alert that is open; `told_at` is None as long as there was nobody to tell."""

    key: str
    since: datetime
    detail: str
    told_at: datetime | None = None


class Step(msgspec.Struct, frozen=True):
    """What to say of a problem now."""

    state: State
    finding: Finding


def steps(found: Sequence[Finding], already: Sequence[Alert], now: datetime, *, has_audience: bool) -> list[Step]:
    """Return what there is to do, given the problems that exist, and the alerts that are open.

    Without an audience, alerts open and close all the same; who is configured later hears of those that are open.
    """
    by_key: Mapping[str, Alert] = {alert.key: alert for alert in already}
    kept = {finding.key for finding in found}
    ended = [Step("closed", Finding(each.key, each.since, each.detail)) for each in already if each.key not in kept]
    return [*ended, *_of_problems(found, by_key, now, has_audience=has_audience)]


def _of_problems(
    found: Sequence[Finding], already: Mapping[str, Alert], now: datetime, *, has_audience: bool
) -> Iterator[Step]:
    for finding in found:
        alert = already.get(finding.key)
        if alert is None or (alert.told_at is None and has_audience):
            yield Step("opened", finding)
        elif has_audience and alert.told_at is not None and now - alert.told_at >= REMIND_EVERY:
            yield Step("reminder", finding)
