"""Which rules match a topic: by their events and conditions, live, as a dry run, or not at all, and why (R1 to R4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from ticketbot.decide import conditions
from ticketbot.decide.reasons import Reason
from ticketbot.decide.topics import Changed, NewNote, Topic
from ticketbot.decide.values import Compared, Facts, Note, Rule


class Match(msgspec.Struct, frozen=True):
    """A rule that names an event of a topic, with the reason why it notifies, would notify, or does not."""

    rule: Rule
    effect: Literal["live", "dry_run", "none"]
    reason: Reason


def matches(facts: Facts, topic: Topic) -> list[Match]:
    """Return every rule that names an event of the topic, in the order of the rules."""
    events = topic.events
    happened = frozenset(events)
    named = [rule for rule in facts.rules if not happened.isdisjoint(rule.events)]
    asks = any(rule.enabled and rule.condition for rule in named)
    values = condition_values(facts, topic) if asks else {}
    return [_match(rule, events, values) for rule in named]


def condition_values(facts: Facts, topic: Topic) -> dict[str, Any]:
    """Return the fields that conditions are about, by name; what a ticket does not have is None."""
    ticket, details = facts.ticket, facts.ticket.details
    changes = topic.changes if isinstance(topic, Changed) else ()
    company = ticket.compared.get("company")
    return {
        "id": ticket.id,
        **{field: _shown(ticket.compared.get(field)) for field in ("summary", "board", "status", "priority", "type")},
        "closed": _key(ticket.compared.get("closed")),
        "company": _shown(company),
        "company_id": _key(company),
        **msgspec.structs.asdict(details),
        "assigned_count": len(ticket.assigned),
        "event": "changed" if isinstance(topic, Changed) else topic.events[0],
        "changed": tuple(change.field for change in changes),
        "old": _old(facts.before if changes else {}),
        "note": _note(topic.note),
        "hour": facts.hour,
        "weekday": facts.weekday,
    }


def _match(rule: Rule, events: Sequence[str], values: Mapping[str, Any]) -> Match:
    if not rule.enabled:
        return Match(rule, "none", Reason("rule_disabled", (rule.id,)))
    failed: tuple[Reason, ...] = ()
    if rule.condition:
        found = conditions.evaluate(rule.condition, values)
        if found.nulls:
            return Match(rule, "none", Reason("condition_null", (rule.id,), found.nulls))
        if not found.matches:
            return Match(
                rule, "none", Reason("condition", (rule.id,), tuple(part for pair in found.values for part in pair))
            )
        failed = (Reason("condition_failed", names=(found.failure,)),) if found.failure else ()
    if rule.dry_run:
        return Match(rule, "dry_run", Reason("dry_run", (rule.id,)))
    event = next(name for name in events if name in rule.events)
    return Match(rule, "live", Reason("rule", (rule.id,), (event, *([rule.name] if rule.name else [])), failed))


def _old(before: Mapping[str, Compared]) -> dict[str, Any]:
    """Return the values before a change; of the members their identifiers."""
    owner, resources = (before[field].key if field in before else None for field in ("owner", "resources"))
    shown = ("status", "priority", "board", "company", "summary", "type")
    return {
        "owner": owner[0] if isinstance(owner, tuple) and owner else None,
        "resources": resources,
        "closed": _key(before.get("closed")),
        **{field: _shown(before.get(field)) for field in shown},
    }


def _note(note: Note | None) -> dict[str, Any]:
    if note is None:
        return dict.fromkeys(("text", "author", "by_customer", "internal", "kind"))
    return {
        "text": note.text,
        "author": note.member,
        "by_customer": NewNote(note).events == ("customer_note",),
        "internal": note.internal,
        "kind": note.kind,
    }


def _shown(value: Compared | None) -> str | None:
    return None if value is None else value.shown


def _key(value: Compared | None) -> Any:
    return None if value is None else value.key
