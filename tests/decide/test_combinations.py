"""R1, R2, D9: every event that a rule can name, with every target, author, forward, and as a dry run."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import NamedTuple, get_args

import pytest

from ticketbot.api.responses import RuleEvent
from ticketbot.decide import plan, values

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ROOM = values.Recipient(1, "room", "Help Desk")
ANA, CORA = values.Recipient(2, "person", "Ana Alvarez"), values.Recipient(3, "person", "Cora Chen")
TARGETS = {"room": ROOM, "person": ANA, "assigned people": None}

BEFORE = {
    "board": values.Compared(1, "Service Desk"),
    "status": values.Compared(1, "New"),
    "priority": values.Compared(1, "Low"),
    "closed": values.Compared(key=False, shown="open"),
    "summary": values.Compared("Printer", "Printer"),
    "owner": values.Compared((), None),
    "resources": values.Compared(("ana",), "ana"),
}
# What each event changes, as (field, before, after).
CHANGES = {
    "assigned": ("resources", values.Compared((), None), BEFORE["resources"]),
    "status": ("status", BEFORE["status"], values.Compared(2, "Open")),
    "priority": ("priority", BEFORE["priority"], values.Compared(2, "High")),
    "moved": ("board", BEFORE["board"], values.Compared(2, "Projects")),
    "closed": ("closed", BEFORE["closed"], values.Compared(key=True, shown="closed")),
    "reopened": ("closed", values.Compared(key=True, shown="closed"), BEFORE["closed"]),
    "changed": ("summary", BEFORE["summary"], values.Compared("Fire", "Fire")),
}
# Who wrote each kind of note if it was not Ana; a customer note is never hers.
AUTHORS = {"customer_note": None, "team_note": "ben", "internal_note": "ben"}


class Combination(NamedTuple):
    """One case: what happens, whom the rule names, and what else there is."""

    event: str
    target: str
    by_ana: bool
    is_forwarded: bool
    dry_run: bool


ALL = [
    Combination(*each)
    for each in itertools.product(get_args(RuleEvent), TARGETS, (False, True), (False, True), (False, True))
    if not (each[0] == "customer_note" and each[2])
]


def _facts(case: Combination) -> values.Facts:
    target = TARGETS[case.target]
    field, before, after = CHANGES.get(case.event, ("status", BEFORE["status"], BEFORE["status"]))
    author = "ana" if case.by_ana else AUTHORS.get(case.event, "ben")
    ids = frozenset({ANA.id}) if case.by_ana else frozenset()
    note = values.Note(
        "TicketNote",
        1,
        member=author,
        author_recipient_ids=ids,
        internal=case.event == "internal_note",
        entered_at=NOW,
    )
    forwards = (values.Forward(1, target or ANA, CORA),)
    return values.Facts(
        now=NOW,
        watching_since=NOW,
        ticket=values.Ticket(4711, NOW, BEFORE | {field: after}),
        announced=case.event != "new",
        notes=(note,) if case.event in ("new", *AUTHORS) else (),
        rules=(values.Rule(5, target, (case.event,), dry_run=case.dry_run),),
        people=(values.Person("ana", "Ana Alvarez", ("resource",), ANA),),
        forwards=forwards if case.is_forwarded else (),
        policy=values.Policy(assigned_events=()),
        before=BEFORE | {field: before},
        updated_by=author,
        updated_by_recipient_ids=ids,
    )


def _expected(case: Combination) -> dict[str, str]:
    """Return what becomes of whom, by D9: dry run, then forward, then author; an assigned author is left out (D3)."""
    name = (TARGETS[case.target] or ANA).name
    is_author = case.by_ana and case.target != "room" and case.event != "new"
    if case.dry_run:
        return {name: "dry_run"}
    if is_author and (case.target == "assigned people" or not case.is_forwarded):
        return {name: "author"}
    return {name: "forwarded", CORA.name: "sent"} if case.is_forwarded else {name: "sent"}


@pytest.mark.parametrize("case", ALL, ids=lambda case: "-".join(map(str, case)))
def test_every_combination_is_decided_as_the_contract_says(case: Combination) -> None:
    decided = plan.decide(_facts(case)).drafts
    assert {draft.name: "sent" if draft.send else draft.reasons[0].code for draft in decided} == _expected(case)


def test_all_events_have_a_case() -> None:
    assert {case.event for case in ALL} == set(get_args(RuleEvent)) == {"new", *AUTHORS, *CHANGES}


def test_others_becoming_assigned_is_only_a_change_to_whoever_was_assigned_before() -> None:
    """R3: with a list of events wider than the default, both are notified, one of them of being assigned."""
    ben = values.Recipient(4, "person", "Ben Bauer")
    facts = values.Facts(
        now=NOW,
        watching_since=NOW,
        ticket=values.Ticket(4711, NOW, BEFORE | {"resources": values.Compared(("ana", "ben"), "ana, ben")}),
        announced=True,
        people=tuple(values.Person(each.name[:3].lower(), each.name, ("resource",), each) for each in (ANA, ben)),
        policy=values.Policy(assigned_events=("assigned", "changed")),
        before=BEFORE,
    )
    drafts = plan.decide(facts).drafts
    assert [(each.name, each.events) for each in drafts] == [
        ("Ana Alvarez", ("changed",)),
        ("Ben Bauer", ("assigned", "changed")),
    ]
