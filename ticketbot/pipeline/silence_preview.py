"""What a silence would have matched in the last days, from the facts that events have kept (N3, T9)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from ticketbot.decide import calm, plan, values
from ticketbot.pipeline import backtest

DAYS = 7


class Matched(msgspec.Struct):
    """What a preview found; `samples` are the last notifications with when they were decided."""

    events: int = 0
    left_out: int = 0
    by_recipient: Counter[str] = msgspec.field(default_factory=Counter)
    samples: deque[tuple[values.Facts, values.PlannedNotification]] = msgspec.field(
        default_factory=lambda: deque(maxlen=backtest.SAMPLES)
    )


def run(silence: values.Silence, now: datetime) -> Matched:
    """Return the notifications that were decided in the last days and that a silence would have skipped.

    Its period does not matter. Call it outside of sessions.
    """
    found = Matched()
    for facts in backtest.kept(now - timedelta(days=DAYS)):
        found.events += 1
        if facts is None:
            found.left_out += 1
            continue
        for draft in _silenced(facts, silence):
            found.by_recipient[draft.name] += 1
            found.samples.append((facts, draft))
    return found


def _silenced(facts: values.Facts, silence: values.Silence) -> Iterator[values.PlannedNotification]:
    """Yield what would be sent without a silence, and not with it."""
    now = facts.now
    others = tuple(each for each in facts.silences if each.id != silence.id)
    active = msgspec.structs.replace(silence, start=now, until=now + timedelta(seconds=1))
    without = msgspec.structs.replace(facts, silences=others)
    with_it = msgspec.structs.replace(facts, silences=(*others, active))
    if active not in calm.silences_of_ticket(with_it):
        return
    sent = {(each.subject, each.target) for each in plan.decide(with_it).drafts if each.send}
    for draft in plan.decide(without).drafts:
        if draft.send and (draft.subject, draft.target) not in sent:
            yield draft
