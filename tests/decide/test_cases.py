"""The table of cases, decided from facts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tests.cases import CASES, CAST, CONTACT, Case, CaseNote
from ticketbot.decide import plan, values
from ticketbot.present import reasons

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TICKET = 4711
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


def _person(identifier: str, case: Case) -> values.Person:
    member = CAST[identifier]
    roles = [
        role
        for role, given in (("resource", identifier in case.resources), ("owner", identifier == case.owner))
        if given
    ]
    excluded_because = "inactive member" if member.inactive else "API member" if member.license_class == "A" else None
    return values.Person(
        identifier,
        member.name,
        tuple(roles),
        recipient=_PEOPLE.get(identifier),
        email=member.email(identifier),
        excluded_because=excluded_because,
    )


def facts_of(case: Case) -> values.Facts:
    """Build the facts a case describes."""
    rooms = [values.Recipient(number, "room", name) for number, name in enumerate(case.rooms, 1)]
    entered = NOW - timedelta(minutes=case.minutes_ago)
    return values.Facts(
        now=NOW,
        watching_since=NOW - timedelta(days=2),
        ticket=values.Ticket(TICKET, entered_at=entered),
        announced=case.known,
        notes=tuple(_note(note, number) for number, note in enumerate(case.notes, 1)),
        rules=tuple(values.Rule(room.id, room) for room in rooms if room.name not in case.disabled),
        people=tuple(
            _person(each, case) for each in dict.fromkeys([*case.resources, *([case.owner] if case.owner else [])])
        ),
        forwards=tuple(
            values.Forward(number, _BY_NAME[each.source], _BY_NAME[each.destination], keep_copy=each.keep_copy)
            for number, each in enumerate(case.forwards, 1)
        ),
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
        ledger=frozenset((draft.subject, draft.target) for draft in first.drafts),
    )

    assert plan.decide(after).drafts == ()
