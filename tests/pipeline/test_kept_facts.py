"""T9, trial-is-true: deciding again on the facts that were kept gives what was decided."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tests.environment import ledger
from tests.simulated_time import Stepper, event_rows
from ticketbot.database import db
from ticketbot.decide import plan, values
from ticketbot.models import events, policies, quiet_hours, silences
from ticketbot.pipeline import kept_facts


def _again(row: events.Event) -> tuple[values.Decision, ...]:
    with db.session():
        facts = kept_facts.load(row)
    assert facts is not None
    return plan.decide(facts).decisions


def test_deciding_again_gives_what_was_decided(stepper: Stepper) -> None:
    stepper.world.add_rule("Help Desk")
    ticket = stepper.announce("ana", "ben", "dan", "eve", note="zero")
    for number in range(8):
        stepper.note(ticket, f"note {number}", **({"member": "ben"} if number % 3 == 0 else {}))
    stepper.accept_webhook(ticket)
    stepper.work()
    stepper.world.connectwise.update_ticket(ticket, resources=["ana", "ben", "cora"], notify=False)
    stepper.accept_webhook(ticket)
    stepper.work()
    stepper.accept_webhook(ticket)
    stepper.work()
    stored = [tuple(msgspec.convert(row.decisions, list[values.Decision])) for row in event_rows()]
    assert [_again(row) for row in event_rows()] == stored
    assert len(stored) == 4


def test_facts_hold_the_notes_that_are_topics_and_share_rules_and_forwards(stepper: Stepper) -> None:
    ticket = stepper.announce("ana", note="zero")
    for text in ("one", "two"):
        stepper.note(ticket, text)
        stepper.accept_webhook(ticket)
        stepper.work()
    with db.session():
        kept = [kept_facts.load(row) for row in event_rows()]
        assert policies.Policies.select().count() == 1
    assert [[note.text for note in facts.notes] for facts in kept if facts] == [["zero"], ["one"], ["two"]]


def test_an_event_without_facts_has_none(stepper: Stepper) -> None:
    """T9: as those of 1.x, or those that are too old."""
    gone = stepper.add_ticket("ana")
    stepper.world.connectwise.delete_ticket(gone, notify=False)
    stepper.accept_webhook(gone)
    stepper.work()
    assert kept_facts.load(event_rows()[0]) is None


def test_silences_and_quiet_hours_are_kept_as_they_were(stepper: Stepper) -> None:
    """T9: what was skipped and held is decided the same after they are over."""
    now, ana = stepper.clock(), stepper.world.recipient("ana").id
    period = {"start": now, "until": now + timedelta(hours=1), "created_at": now}
    hours = {"days": ["mon"], "start": "08:00", "end": "10:00", "timezone": "UTC", "created_at": now}
    with db.transaction("test"):
        silences.Silence.create(recipient=ana, comment="Vacation", **period)
        quiet_hours.QuietHours.create(**hours)
    stepper.announce("ana", "ben")
    assert [row.reason for row in ledger()] == [
        "silence 1: Vacation (assigned (resource))",
        "assigned (resource), held by quiet hours 1",
    ]
    with db.transaction("test"):
        silences.Silence.delete().execute()
        quiet_hours.QuietHours.delete().execute()
        (event,) = events.Event.select()
        facts = kept_facts.load(event)
    assert facts is not None
    again = plan.decide(facts)
    assert again.decisions == msgspec.convert(event.decisions, tuple[values.Decision, ...])
    assert [draft.held_until for draft in again.drafts] == [None, now + timedelta(hours=1)]
