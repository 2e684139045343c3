"""What an event decided about one person or room, and why where it did not consider them at all (D8)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby

import msgspec

from ticketbot.decide import forwarding
from ticketbot.decide.reasons import Reason
from ticketbot.decide.values import ASSIGNED_PEOPLE, EVERYBODY, Decision, Facts


class Subject(msgspec.Struct, frozen=True):
    """A person or room, with everything that decisions know them by; `identifiers` of members are in lower case."""

    name: str
    names: frozenset[str]
    recipient_ids: frozenset[int] = frozenset()
    identifiers: frozenset[str] = frozenset()
    is_room: bool = False


def about(subject: Subject, decisions: Sequence[Decision], facts: Facts | None) -> list[Decision]:
    """Return the decisions about somebody or everybody; for topics without any, those that say what was missing.

    Whoever is assigned also gets the rules for assigned people that had no effect. Without the `facts` of the event, it
    is only known that nothing led to them, and any member may have been assigned.
    """
    is_assigned = bool(subject.identifiers if facts is None else subject.identifiers & facts.ticket.assigned)
    found: list[Decision] = []
    for topic, of_topic in groupby(decisions, key=lambda each: each.subject):
        made = list(of_topic)
        theirs = [each for each in made if each.who in subject.names or _is_about_everybody(each)]
        missing = _missing(subject, {each.who for each in made}, facts)
        found += theirs or [Decision(topic, subject.name, "not told", (reason,)) for reason in missing]
        found += [each for each in made if is_assigned and each.who == ASSIGNED_PEOPLE]
    return found


def _is_about_everybody(decision: Decision) -> bool:
    return decision.who == EVERYBODY and decision.reasons[0].code != "no_audience"


def _missing(subject: Subject, others: Collection[str], facts: Facts | None) -> Iterator[Reason]:
    """Yield what would have led to somebody and did not: being assigned, rules, forwards from the `others`."""
    if facts is None:
        yield Reason("not_considered")
        return
    theirs = (rule for rule in facts.rules if rule.recipient and rule.recipient.id in subject.recipient_ids)
    rules = [Reason("rule_elsewhere", (rule.id,)) for rule in theirs]
    if subject.identifiers & facts.ticket.assigned:
        yield Reason("not_for_assigned")
    elif not rules:
        yield Reason("no_rule" if subject.is_room else "not_concerned")
    yield from rules
    for forward in facts.forwards:
        leads_here = forward.destination.id in subject.recipient_ids and forward.source.name in others
        if leads_here and not forwarding.is_active(forward, facts.now):
            yield Reason("forward_inactive", (forward.id,), (forward.source.name, forward.destination.name))
