"""What a trial of a rule found, in words and columns (R6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from operator import attrgetter

from ticketbot.api import calm_responses, trial_responses
from ticketbot.decide import values
from ticketbot.present import words
from ticketbot.present.entities import Column
from ticketbot.present.explain import RULE_WITHOUT_EFFECT

_COUNTS = (Column("decided", attrgetter("decided"), "id"), Column("proposed", attrgetter("proposed"), "id"))
BY_RECIPIENT = (Column("recipient", attrgetter("recipient_name"), "name"), *_COUNTS)
BY_DAY = (Column("day", attrgetter("day")), *_COUNTS)
MATCHED = (Column("recipient", attrgetter("recipient_name"), "name"), Column("matched", attrgetter("matched"), "id"))
MATCHED_SAMPLES = (
    Column("at", attrgetter("at"), "time"),
    Column("ticket", attrgetter("ticket_id"), "id"),
    Column("event", attrgetter("event")),
    Column("recipient", attrgetter("recipient_name"), "name"),
    Column("why", attrgetter("reason"), "name"),
)
SAMPLES = (
    Column("ticket", attrgetter("ticket_id"), "id"),
    Column("event", attrgetter("event")),
    Column("recipient", attrgetter("recipient_name"), "name"),
    Column("change", lambda row: "new" if row.proposed else "gone"),
    Column("why", attrgetter("reason"), "name"),
)


def sentences(trial: trial_responses.Trial) -> Iterator[str]:
    """Yield a sentence for each decision of a trial on one ticket."""
    for each in trial.decisions:
        if RULE_WITHOUT_EFFECT & set(each.codes):
            yield f"{each.who}: {each.reason}"
        elif each.who == values.EVERYBODY:
            yield f"no one would be notified: {each.reason}"
        else:
            yield f"{each.who} would {'' if each.outcome == 'told' else 'not '}be notified: {each.reason}"


def matched(found: calm_responses.SilencePreview) -> Iterator[str]:
    """Yield the totals of the preview of a silence, a sentence each."""
    last = f"the last {words.count(found.days, 'day')}"
    yield f"In {last}, it would have skipped {words.count(found.matched, 'notification')} of those sent"
    if found.left_out:
        yield f"Left out, because what they were decided on is not kept: {words.count(found.left_out, 'event')}"


def differences(change: trial_responses.Change) -> Iterator[str]:
    """Yield a line for each value that a change makes different, such as `enabled: yes > no`."""
    before, after = change.before or {}, change.after or {}
    for name in dict.fromkeys((*before, *after)):
        old, new = words.value(before.get(name)), words.value(after.get(name))
        if change.action != "update":
            yield f"{name}: {new if after else old}"
        elif before.get(name) != after.get(name):
            yield f"{name}: {old} > {new}"


def summary(found: trial_responses.Backtest, moment: Callable[[datetime], str]) -> Iterator[str]:
    """Yield the totals of a backtest, a sentence each."""
    yield f"{words.count(found.events, 'event')} decided again: {words.count(found.decided, 'notification')} sent"
    yield f"With the rule: {words.count(found.proposed, 'notification')}"
    if found.left_out:
        yield f"Left out, because what they were decided on is not kept: {words.count(found.left_out, 'event')}"
    if found.people_from_cache:
        people = words.count(found.people_from_cache, "assigned person", "assigned people")
        yield f"Known only as they were found last: {people}"
    if found.busiest_hour:
        count = words.count(found.busiest_hour.proposed, "notification")
        yield f"Busiest hour: the one from {moment(found.busiest_hour.at)}, with {count}"
