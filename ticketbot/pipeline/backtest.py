"""Decide the last days again, as it was and with other rules, from the facts that events have kept (T9, R6).

Nothing is asked, sent or stored. Events are read in chunks, and between them neither a connection is held nor the
processor: webhooks go first.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

import msgspec

from ticketbot import errors
from ticketbot.database import db, sql
from ticketbot.decide import plan, topics, values
from ticketbot.models import policies, rules
from ticketbot.pipeline import kept_facts, load_facts
from ticketbot.pipeline.trials import Proposal

EVENTS_PER_READ = 200
EVENTS_PER_BREATH = 10  # some milliseconds of deciding, about as long as Python keeps the processor from others
BREATH_S = 0.0005
SAMPLES = 10

_one_at_a_time = threading.Lock()

_READ = """
    SELECT id, facts, policies_id FROM event WHERE state = 'done' AND id > ? AND finished_at >= ? ORDER BY id LIMIT ?
"""


class Pair(NamedTuple):
    """One target of a topic: what was decided, and what would be; None where there is nothing."""

    facts: values.Facts
    decided: values.PlannedNotification | None
    proposed: values.PlannedNotification | None

    @property
    def draft(self) -> values.PlannedNotification:
        """Return what would be decided, or else what was."""
        draft = self.proposed or self.decided
        assert draft is not None
        return draft

    @property
    def was_sent(self) -> bool:
        """Return whether it was sent."""
        return self.decided is not None and self.decided.send

    @property
    def would_be_sent(self) -> bool:
        """Return whether it would be sent."""
        return self.proposed is not None and self.proposed.send


class Outcome:
    """What a backtest found so far."""

    def __init__(self, timezone: tzinfo) -> None:
        self.events = self.left_out = 0
        self.cached_people: set[str] = set()
        self.by_recipient: dict[str, Counter[str]] = {}
        self.by_day: dict[str, Counter[str]] = {}
        self.by_hour: Counter[datetime] = Counter()
        self.samples: deque[Pair] = deque(maxlen=SAMPLES)
        self._names: dict[str, str] = {}
        self._timezone = timezone

    @property
    def totals(self) -> Counter[str]:
        """Return how many notifications were and would be sent."""
        return sum(self.by_day.values(), Counter())

    def name_of(self, target: str) -> str:
        """Return the name of a recipient of `by_recipient`."""
        return self._names[target]

    def add(self, facts: values.Facts, pairs: Iterable[Pair]) -> None:
        """Count what one event decided, and would decide."""
        local = facts.now.astimezone(self._timezone)
        hour, of_day = local.replace(minute=0, second=0, microsecond=0), Counter[str]()
        for pair in pairs:
            was_sent, would_be_sent = pair.was_sent, pair.would_be_sent
            if was_sent != would_be_sent:
                self.samples.append(pair)
            if was_sent or would_be_sent:
                draft = pair.draft
                self._names[draft.target] = draft.name
                count = self.by_recipient.setdefault(draft.target, Counter())
                for each in (count, of_day):
                    each["decided"] += was_sent
                    each["proposed"] += would_be_sent
        if of_day:
            self.by_day.setdefault(f"{local:%Y-%m-%d}", Counter()).update(of_day)
            self.by_hour[hour] += of_day["proposed"]


def run(days: int, tried: Proposal | None, timezone: tzinfo, now: datetime) -> Outcome:
    """Return what was decided in the last days, and what would have been with another rule.

    Without one: with the present rules. Call it outside of sessions.
    """
    outcome, rules_in = Outcome(timezone), _Rules(tried)
    for facts in kept(now - timedelta(days=days)):
        outcome.events += 1
        if facts is None or facts.hour is None:
            outcome.left_out += 1
            continue
        outcome.add(facts, _pairs(facts, _with_people(facts, rules_in.place_of(facts), outcome)))
    return outcome


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let one thread at a time decide again what was decided; raises `Conflict`."""
    if not _one_at_a_time.acquire(blocking=False):
        raise errors.Conflict("A backtest is running on this server. Try again when it is done")
    try:
        yield
    finally:
        _one_at_a_time.release()


class _Rules:
    """The rules with which events are decided again."""

    def __init__(self, tried: Proposal | None) -> None:
        self._tried = tried
        self._present = functools.cache(_present_rules)

    def place_of(self, facts: values.Facts) -> tuple[values.Rule, ...]:
        """Return the rules in place of those that an event was decided on."""
        board = facts.ticket.compared.get("board")
        board_id = board.key if board else None
        if self._tried is None:
            return self._present(board_id)
        return self._tried.among(facts.rules, board_id)


def _present_rules(board_id: int | None) -> tuple[values.Rule, ...]:
    with db.session():
        return tuple(load_facts.rule_fact(row) for row in rules.rules_of(board_id))


def kept(since: datetime) -> Iterator[values.Facts | None]:
    """Yield the facts of each event that was done since a time, in their order; None where they are not kept.

    Whoever deals with them is paused every so often. Call it outside of sessions.
    """
    for number, facts in enumerate(_read(since)):
        if number % EVENTS_PER_BREATH == 0:
            time.sleep(BREATH_S)
        yield facts


def _read(since: datetime) -> Iterator[values.Facts | None]:
    shared = functools.lru_cache(maxsize=200)(_shared)
    last_id = 0
    while True:
        with db.session():
            rows = sql.execute(_READ, last_id, since, EVENTS_PER_READ).fetchall()
        for _, facts, policies_id in rows:
            common = None if facts is None else shared(policies_id)
            yield None if common is None else _unpacked(facts, common)
        if len(rows) < EVENTS_PER_READ:
            return
        last_id = rows[-1][0]


def _shared(policies_id: int) -> kept_facts.Shared | None:
    with db.session(), contextlib.suppress(policies.Policies.DoesNotExist, msgspec.ValidationError):
        return kept_facts.shared(policies_id)
    return None  # removed meanwhile with its events, or of another version


def _unpacked(facts: bytes, common: kept_facts.Shared) -> values.Facts | None:
    with contextlib.suppress(msgspec.ValidationError):
        return kept_facts.unpack(facts, common)
    return None


def _with_people(facts: values.Facts, others: tuple[values.Rule, ...], outcome: Outcome) -> values.Facts:
    """Return the facts with other rules; people that were not looked up then come from the cache."""
    changed = msgspec.structs.replace(facts, rules=others)
    missing = facts.ticket.assigned - {person.identifier.lower() for person in facts.people}
    if others == facts.rules or not missing or not plan.needs_people(changed):
        return changed
    outcome.cached_people |= missing
    details = facts.ticket.details
    with db.session():
        found = load_facts.people_from_cache(load_facts.roles_of(details.owner, details.resources))
    return msgspec.structs.replace(changed, people=found)


def _is_same(before: values.Facts, after: values.Facts) -> bool:
    """Return whether other rules cannot matter: they are equal, or those that differ name nothing that happened."""
    if before.rules == after.rules:
        return True
    kept = {id(rule) for rule in before.rules} & {id(rule) for rule in after.rules}
    differing = {event for rule in (*before.rules, *after.rules) if id(rule) not in kept for event in rule.events}
    happened = (event for topic in topics.topics(before) for event in topic.events)
    return not before.policy.require_board_rule and differing.isdisjoint(happened)


def _pairs(before: values.Facts, after: values.Facts) -> list[Pair]:
    decided = {(draft.subject, draft.target): draft for draft in plan.decide(before).drafts}
    if _is_same(before, after):
        return [Pair(before, draft, draft) for draft in decided.values()]
    proposed = {(draft.subject, draft.target): draft for draft in plan.decide(after).drafts}
    return [Pair(before, decided.get(key), proposed.get(key)) for key in dict.fromkeys((*decided, *proposed))]
