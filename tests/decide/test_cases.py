"""The table of cases, decided from facts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.cases import ASSIGNED, CASES, CAST, CONTACT, SUMMARY, Case, CaseForward, CaseNote, CaseRule
from ticketbot.decide import plan, values
from ticketbot.present import reasons

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TICKET = 4711
PRIORITY = "Priority 3 - Normal Response"
_PEOPLE = {
    identifier: values.Recipient(100 + number, "person", member.name)
    for number, (identifier, member) in enumerate(CAST.items())
    if member.on_webex
}
_BY_NAME = {recipient.name: recipient for recipient in _PEOPLE.values()}


def _note(note: CaseNote, number: int) -> values.Note:
    member = None if note.by == "contact" else note.by
    return values.Note(
        kind=note.kind,
        id=number,
        text=note.text,
        author=CAST[member].name if member else CONTACT,
        member=member,
        author_recipient_ids=frozenset({_PEOPLE[member].id}) if member in _PEOPLE else frozenset(),
        internal=note.internal,
        entered_at=NOW - timedelta(minutes=note.minutes_ago),
    )


def _forward(number: int, forward: CaseForward) -> values.Forward:
    ends = (_BY_NAME[name] for name in (forward.source, forward.destination))
    limits = {"public_only": forward.public_only, "only_if_sole": forward.only_if_sole}
    return values.Forward(number, *ends, keep_copy=forward.keep_copy, **limits)


def _person(identifier: str, owner: str | None, resources: Sequence[str]) -> values.Person:
    member = CAST[identifier]
    roles = [role for role, given in (("resource", identifier in resources), ("owner", identifier == owner)) if given]
    excluded_because = "inactive member" if member.inactive else "API member" if member.license_class == "A" else None
    return values.Person(
        identifier,
        member.name,
        tuple(roles),
        recipient=_PEOPLE.get(identifier),
        email=member.email(identifier),
        excluded_because=excluded_because,
    )


def _compared(case: Case, changed: Mapping[str, Any]) -> dict[str, values.Compared]:
    """Return the compared values of a ticket: as the case starts, and with its change."""
    given = {"summary": SUMMARY, "status": "New", "priority": PRIORITY, "board": "here", **case.start, **changed}
    owner, resources = given.get("owner", case.owner), given.get("resources", case.resources)
    closed = given["status"].startswith(">")
    return {
        "owner": values.Compared((owner,) if owner else (), CAST[owner].name if owner else None),
        "resources": values.Compared(tuple(sorted(resources)), ", ".join(resources) or None),
        "closed": values.Compared(closed, "closed" if closed else "open"),
        **{field: values.Compared(given[field], given[field]) for field in ("summary", "status", "priority", "board")},
    }


def _rule(number: int, rule: CaseRule) -> values.Rule:
    room = values.Recipient(1000 + len(rule.to), "room", rule.to)
    return values.Rule(
        number,
        None if rule.to == ASSIGNED else _BY_NAME.get(rule.to, room),
        tuple(rule.events),
        rule.when,
        rule.name,
        enabled=not rule.disabled,
        dry_run=rule.dry_run,
        is_for_all_boards=rule.all_boards,
    )


def facts_of(case: Case) -> values.Facts:
    """Build the facts a case describes."""
    after = _compared(case, case.change)
    owner, resources = case.change.get("owner", case.owner), case.change.get("resources", case.resources)
    details = values.Details(owner=owner, resources=tuple(resources), priority_sort=6)
    entered = NOW - timedelta(minutes=case.minutes_ago)
    return values.Facts(
        now=NOW,
        watching_since=NOW - timedelta(days=2),
        ticket=values.Ticket(TICKET, entered, after, details),
        event_id=7,
        before=_compared(case, {}) if case.change else {},
        updated_by=case.changed_by,
        updated_by_recipient_ids=frozenset({_PEOPLE[case.changed_by].id} if case.changed_by in _PEOPLE else ()),
        hour=12,
        weekday="mon",
        announced=case.known,
        notes=tuple(_note(note, number) for number, note in enumerate(case.notes, 1)),
        rules=tuple(_rule(number, rule) for number, rule in enumerate(case.all_rules, 1)),
        people=tuple(
            _person(each, owner, resources) for each in dict.fromkeys([*resources, *([owner] if owner else [])])
        ),
        forwards=tuple(_forward(number, each) for number, each in enumerate(case.forwards, 1)),
        policy=values.Policy(**case.config),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.clause}-{case.name.replace(' ', '-')}")
def test_a_case_leads_to_exactly_these_notifications(case: Case) -> None:
    known = facts_of(case)

    decided = plan.decide(known)

    assert sorted(
        (draft.name, "sent" if draft.send else "skipped", reasons.text(draft.reasons)) for draft in decided.drafts
    ) == sorted((each.who, each.state, each.reason) for each in case.expect)
    assert {note.key for note in known.notes} == set(decided.decided)
    assert decided.decisions, "every event leaves a trace (D8)"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_deciding_again_on_what_was_written_tells_nobody_anything(case: Case) -> None:
    """D5, T5: the facts that a plan leaves behind make the same event silent."""
    known = facts_of(case)
    first = plan.decide(known)
    after = msgspec.structs.replace(
        known,
        announced=known.announced or first.announced,
        decided=known.decided | set(first.decided),
        before=known.ticket.compared,
        ledger=frozenset((draft.subject, draft.target) for draft in first.drafts),
    )

    assert plan.decide(after).drafts == ()
