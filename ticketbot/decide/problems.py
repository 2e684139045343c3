"""What counts as a problem (O10): one table, a row per problem, with how it is found and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial

import msgspec

from ticketbot.decide import business_hours

UNAVAILABLE_FOR = timedelta(minutes=5)
DIED_WITHIN = timedelta(hours=24)  # as `tbot retry --dead` takes it
OVERDUE_AFTER = timedelta(hours=26)  # it is started daily, and a day may have 25 hours
SYNC_PARTS = ("boards", "recipients", "tickets")


class Outage(msgspec.Struct, frozen=True):
    """Since when one user of a service fails at it; `denied`: with 401 or 403."""

    service: str
    since: datetime
    denied: bool
    reason: str


class Dead(msgspec.Struct, frozen=True):
    """How many events and notifications died within `DIED_WITHIN` and still are dead, and when the first one did."""

    events: int
    notifications: int
    since: datetime


class EndedSync(msgspec.Struct, frozen=True):
    """How a sync of some `SYNC_PARTS` ended; `error` is its last one."""

    parts: frozenset[str]
    failed: bool
    at: datetime
    error: str = ""


class Vanished(msgspec.Struct, frozen=True):
    """A recipient that Webex no longer has, and the enabled rules that name it."""

    recipient_id: int
    name: str
    rule_ids: tuple[int, ...]


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What problems are found in.

    `running_since` is the start of the oldest server that lives; `silence_after` is None where nobody waits for
    webhooks; `syncs` are the latest ones that were done or failed, the newest first; `scheduled_sync_at` is when the
    last one was started by `sync_schedule`, None without that.
    """

    now: datetime
    running_since: datetime
    outages: tuple[Outage, ...] = ()
    dead: Dead | None = None
    last_webhook_at: datetime | None = None
    silence_after: timedelta | None = None
    business_hours: str = ""
    timezone: tzinfo = UTC
    syncs: tuple[EndedSync, ...] = ()
    scheduled_sync_at: datetime | None = None
    callback_repaired_at: datetime | None = None
    attempt_notify: bool = True
    vanished: tuple[Vanished, ...] = ()


class Finding(msgspec.Struct, frozen=True):
    """A problem that exists; `key` identifies it: the name of its row, perhaps with what it is about."""

    key: str
    since: datetime
    detail: str


Open = Mapping[str, datetime]
"""Since when the problems exist of which there is an alert already, by key."""

Find = Callable[[str, Facts, Open], Iterator[Finding]]


class Problem(msgspec.Struct, frozen=True):
    """One row: what is said when it begins and when it is over, the command that helps, and how it is found."""

    name: str
    title: str
    over: str
    command: str
    find: Find


def find(facts: Facts, already: Open) -> list[Finding]:
    """Return the problems that exist. Some last longer than what they began with, so those known are given."""
    return [found for problem in PROBLEMS for found in problem.find(problem.name, facts, already)]


def of(key: str) -> Problem:
    """Return the row of a finding."""
    return BY_NAME[key.partition(":")[0]]


def is_unable_to_send(facts: Facts) -> bool:
    """Return whether no message can be sent to Webex: the reason why the heartbeat stops (O11)."""
    names = ("webex_unavailable", "webex_refused")
    return any(True for name in names for _ in BY_NAME[name].find(name, facts, {}))


def _unavailable(service: str, name: str, facts: Facts, already: Open) -> Iterator[Finding]:
    """An outage that heals by itself; once there is an alert, until the outage ends, whatever it has become."""
    theirs = [each for each in facts.outages if each.service == service]
    lasting = [
        each
        for each in theirs
        if not each.denied and facts.now - max(each.since, facts.running_since) >= UNAVAILABLE_FOR
    ]
    known = [each for each in theirs if name in already and each.since <= already[name]]
    for each in [*lasting, *known][:1]:
        yield Finding(name, each.since, each.reason)


def _refused(service: str, name: str, facts: Facts, _: Open) -> Iterator[Finding]:
    denied = (each for each in facts.outages if each.service == service and each.denied)
    for each in list(denied)[:1]:
        yield Finding(name, each.since, each.reason)


def _dead(name: str, facts: Facts, _: Open) -> Iterator[Finding]:
    if facts.dead:
        counts = ((facts.dead.events, "event"), (facts.dead.notifications, "notification"))
        shown = " and ".join(f"{count} {noun}{'s' * (count > 1)}" for count, noun in counts if count)
        yield Finding(name, facts.dead.since, f"{shown} within the last 24 hours")


def _no_webhook(name: str, facts: Facts, already: Open) -> Iterator[Finding]:
    """Silence begins with the last webhook, or the start of the server; only a webhook ends it."""
    if facts.silence_after is None:
        return
    last, detail = facts.last_webhook_at, f"Business hours are {facts.business_hours}"
    if name in already:
        if last is None or last <= already[name]:
            yield Finding(name, already[name], detail)
        return
    since = facts.running_since if last is None else max(last, facts.running_since)
    periods = business_hours.parse(facts.business_hours)
    is_open = business_hours.is_within(periods, facts.timezone, facts.now)
    if is_open and business_hours.time_within(periods, facts.timezone, since, facts.now) >= facts.silence_after:
        yield Finding(name, since, detail)


def _failed_sync(name: str, facts: Facts, _: Open) -> Iterator[Finding]:
    """The latest sync of each part counts: one of boards says nothing about tickets."""
    latest = {part: next((each for each in facts.syncs if part in each.parts), None) for part in SYNC_PARTS}
    failed = [(part, each) for part, each in latest.items() if each is not None and each.failed]
    if failed:
        first = min((each for _, each in failed), key=lambda each: each.at)
        error = f": {first.error}" if first.error else ""
        yield Finding(name, first.at, f"{', '.join(part for part, _ in failed)}{error}")


def _overdue_sync(name: str, facts: Facts, already: Open) -> Iterator[Finding]:
    """A day without the scheduled sync, nor any other, as when one hangs; what this server has seen of it counts."""
    if facts.scheduled_sync_at is None:
        return
    last = max([facts.scheduled_sync_at, *(each.at for each in facts.syncs if not each.failed)])
    is_known = name in already and last <= already[name]
    if is_known or facts.now - max(last, facts.running_since) > OVERDUE_AFTER:
        yield Finding(name, last, "None has been started or done for more than a day")


def _repaired_callback(name: str, facts: Facts, _: Open) -> Iterator[Finding]:
    if facts.callback_repaired_at is not None:
        detail = "It was missing or inactive, and works again; the next hourly check must find it right"
        yield Finding(name, facts.callback_repaired_at, detail)


def _notifications_off(name: str, facts: Facts, _: Open) -> Iterator[Finding]:
    if not facts.attempt_notify:
        yield Finding(name, facts.now, "Nobody is notified of anything, and what is decided meanwhile is never sent")


def _vanished(name: str, facts: Facts, _: Open) -> Iterator[Finding]:
    for each in facts.vanished:
        rules = f"rule{'s' * (len(each.rule_ids) > 1)} {', '.join(map(str, each.rule_ids))}"
        detail = f"{each.name}, recipient {each.recipient_id}, of {rules}: the last sync did not find it in Webex"
        yield Finding(f"{name}:{each.recipient_id}", facts.now, detail)


def _service_rows(service: str, label: str) -> Iterable[Problem]:
    yield Problem(
        f"{service}_unavailable",
        f"{label} is unavailable",
        f"{label} is available again",
        "tbot status",
        partial(_unavailable, service),
    )
    yield Problem(
        f"{service}_refused",
        f"{label} refuses our credentials",
        f"{label} accepts our credentials again",
        "tbot doctor",
        partial(_refused, service),
    )


PROBLEMS = (
    *_service_rows("connectwise", "ConnectWise"),
    *_service_rows("webex", "Webex"),
    Problem(
        "dead",
        "Something was given up",
        "Nothing given up within the last 24 hours is left",
        "tbot retry --dead",
        _dead,
    ),
    Problem("no_webhook", "No webhook has arrived", "Webhooks arrive again", "tbot doctor", _no_webhook),
    Problem("sync_failed", "A sync has failed", "The sync has succeeded", "tbot sync --all", _failed_sync),
    Problem(
        "sync_overdue",
        "The scheduled sync is overdue",
        "The scheduled sync has been started",
        "tbot sync status",
        _overdue_sync,
    ),
    Problem(
        "callback_repaired",
        "The ConnectWise callback had to be repaired",
        "The ConnectWise callback is right",
        "tbot doctor",
        _repaired_callback,
    ),
    Problem(
        "notifications_off",
        "Notifications are turned off",
        "Notifications are turned on",
        "tbot update config --attempt-notify=true",
        _notifications_off,
    ),
    Problem(
        "recipient_vanished",
        "A rule notifies a recipient that has vanished",
        "The rule's recipient is back, or no rule names it",
        "tbot sync --recipients",
        _vanished,
    ),
)
BY_NAME = {problem.name: problem for problem in PROBLEMS}
