"""R6: a rule tried on one stored ticket; the ledger and history are ignored."""

from __future__ import annotations

from datetime import UTC, timedelta

import msgspec
import pytest

from tests.environment import ledger
from tests.simulated_time import Stepper
from ticketbot import errors
from ticketbot.api import responses
from ticketbot.database import db
from ticketbot.models import rules, tickets
from ticketbot.pipeline import trials
from ticketbot.present import reasons

EVENTS = responses.RuleEvent.__args__  # type: ignore[attr-defined]


def _told(
    stepper: Stepper, ticket: int, event: str, tried: trials.Proposal | None = None
) -> list[tuple[str, str, str]]:
    with db.session():
        decisions = trials.try_on_ticket(ticket, event, tried, UTC, stepper.clock())
    return [(each.who, each.outcome, reasons.text(each.reasons)) for each in decisions]


def _proposal(**columns: object) -> trials.Proposal:
    with db.session():
        return trials.proposal(rules.Rule(**columns))


def test_what_was_decided_would_be_decided_again(stepper: Stepper) -> None:
    stepper.world.add_rule(
        "Help Desk", condition='severity == "Medium" and contact == "Gus Hanrahan" and priority_sort == 6'
    )
    ticket = stepper.announce("ana", "dan", note="zero", owner="ben")
    stepper.clock.set(stepper.clock() + timedelta(days=30))
    before = len(ledger())
    assert sorted(_told(stepper, ticket, "new")) == [
        ("Ana Alvarez", "told", "assigned (resource)"),
        ("Ben Bauer", "told", "assigned (owner)"),
        ("Dan Doe", "skipped", "not on Webex: nobody found for dan@msp.example"),
        ("Help Desk", "told", "rule 1"),
    ]
    assert len(ledger()) == before


@pytest.mark.parametrize("event", EVENTS)
def test_a_rule_about_each_event_can_be_tried(event: str, stepper: Stepper) -> None:
    """R2: also when nothing of the kind has happened to the ticket yet."""
    ticket = stepper.announce("ana")
    tried = _proposal(recipient=stepper.world.add_room("Help Desk"), events=[event], enabled=False, dry_run=True)
    with db.session():
        assert ("Help Desk", "told", "the proposed rule") in _told(stepper, ticket, event, tried)


def test_a_note_is_the_newest_of_its_kind(stepper: Stepper) -> None:
    ticket = stepper.announce("ana", note="zero")
    for text, more in (
        ("one", {}),
        ("two", {}),
        ("three", {"member": "ben"}),
        ("four", {"member": "ben", "internal": True}),
    ):
        stepper.note(ticket, text, **more)
    stepper.accept_webhook(ticket)
    stepper.work()
    tried = _proposal(
        recipient=stepper.world.add_room("Help Desk"), events=["customer_note"], condition='note.text == "two"'
    )
    assert ("Help Desk", "told", "the proposed rule") in _told(stepper, ticket, "customer_note", tried)
    other = trials.Proposal(msgspec.structs.replace(tried.rule, condition='note.text == "one"'), None)
    assert (
        "Help Desk",
        "not told",
        'the condition of the proposed rule does not match: note.text is "two"',
    ) in _told(stepper, ticket, "customer_note", other)


def test_a_change_of_a_stored_rule_takes_its_place(stepper: Stepper) -> None:
    room = stepper.world.add_rule("Help Desk", condition="closed")
    ticket = stepper.announce("ana")
    assert ("Help Desk", "not told", "the condition of rule 1 does not match: closed is false") in _told(
        stepper, ticket, "new"
    )
    assert ("Help Desk", "told", "rule 1") in _told(stepper, ticket, "new", _proposal(id=1, recipient=room))


def test_a_ticket_that_is_not_stored_is_not_found(stepper: Stepper) -> None:
    with pytest.raises(errors.NotFound, match="There is no ticket 4711"):
        _told(stepper, 4711, "new")


def test_a_ticket_that_only_a_sync_has_stored_can_be_tried(stepper: Stepper) -> None:
    with db.transaction("test"):
        tickets.Ticket.create(id=4711, summary="Printer on fire", stored_at=stepper.clock())
    assert _told(stepper, 4711, "moved") == [
        ("everybody", "not told", "no rule names it, and it concerns no one who is assigned")
    ]
