"""T11: how many calls a mass change costs, and that nothing is read too early for its event."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulated_time import Stepper, event_rows, received_notes
from ticketbot.database import db
from ticketbot.models import events
from ticketbot.pipeline import process_event
from ticketbot.simulators import faults

MANY = 15


@pytest.fixture
def decided(stepper: Stepper, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return many tickets that were announced, each to Ana; here, more than five are a mass change."""
    monkeypatch.setattr(events, "MASS_CHANGE_FROM", 5)
    ticket_ids = [stepper.add_ticket("ana") for _ in range(MANY)]
    for ticket in ticket_ids:
        stepper.accept_webhook(ticket, "added")
    stepper.clock.advance(minutes=1)
    stepper.work()
    stepper.clock.advance(minutes=5)
    stepper.world.connectwise.calls.clear()
    return ticket_ids


def _change_all(stepper: Stepper, tickets: list[int], status: str = "In Progress") -> None:
    for ticket in tickets:
        stepper.world.connectwise.update_ticket(ticket, status=status, notify=False)
        stepper.accept_webhook(ticket)


def test_tickets_of_a_mass_change_are_read_with_few_calls(stepper: Stepper, decided: list[int]) -> None:
    _change_all(stepper, decided)
    stepper.work()
    counts = stepper.world.connectwise.calls.counts()
    ranks = Counter(row.rank for row in event_rows()[MANY:])
    assert ranks == {events.SINGLE: events.MASS_CHANGE_FROM + 1, events.MASS: MANY - events.MASS_CHANGE_FROM - 1}
    assert {row.state for row in event_rows()} == {events.DONE}
    assert counts["GET service/tickets"] == 2, "those that came before it was seen to be one, and those after it"
    assert "GET service/tickets/{id}" not in counts
    assert [row.decisions[0]["subject"] for row in event_rows()[MANY:]] == [
        f"change:{row.id}" for row in event_rows()[MANY:]
    ]


def test_notes_are_read_only_of_tickets_that_are_newer_than_what_was_decided(
    stepper: Stepper, decided: list[int]
) -> None:
    for ticket in decided:  # webhooks without a change
        stepper.accept_webhook(ticket)
    stepper.clock.advance(minutes=1)
    stepper.work()
    counts = stepper.world.connectwise.calls.counts()
    assert "GET service/tickets/{id}/allNotes" not in counts


def test_a_ticket_that_changes_after_it_was_read_is_read_again(stepper: Stepper, decided: list[int]) -> None:
    """no-change-missed: its webhook came in between."""
    _change_all(stepper, decided)
    while not stepper.world.connectwise.calls.count("GET service/tickets"):
        assert process_event.process_next(stepper.events)
    last = decided[-1]
    stepper.note(last, "too late for the list")
    stepper.accept_webhook(last)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["too late for the list"]


def test_service_and_project_tickets_are_read_side_by_side(stepper: Stepper, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of one kind is not read again because of the other."""
    monkeypatch.setattr(events, "MASS_CHANGE_FROM", 5)
    for number in range(2 * MANY):
        is_project = bool(number % 2)
        ticket = stepper.add_ticket("ana", board=stepper.world.project_board if is_project else None)
        stepper.accept_webhook(ticket, kind_hint="project" if is_project else "service")
    stepper.work()
    counts = stepper.world.connectwise.calls.counts()
    assert (counts["GET service/tickets"], counts["GET project/tickets"]) == (1, 1)


def test_many_tickets_that_were_never_decided_are_read_with_few_calls(
    stepper: Stepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the first sync; a single new one is read at once, with its notes beside it."""
    monkeypatch.setattr(events, "MASS_CHANGE_FROM", 5)
    many = [stepper.add_ticket("ana") for _ in range(MANY)]
    _change_all(stepper, many)
    stepper.work()
    counts = stepper.world.connectwise.calls.counts()
    assert counts["GET service/tickets"] == 1
    assert "GET service/tickets/{id}" not in counts


def test_what_was_read_for_an_event_of_another_server_is_not_taken_for_a_later_one(
    stepper: Stepper, decided: list[int]
) -> None:
    """no-change-missed"""
    _change_all(stepper, decided)
    last = decided[-1]
    while stepper.world.connectwise.calls.count("GET service/tickets") < 2:
        assert process_event.process_next(stepper.events)
    with db.transaction("test"):  # another server processes it
        events.Event.update(state=events.DONE).where(
            events.Event.ticket_id == last, events.Event.state == events.WAITING
        ).execute()
    stepper.work()
    stepper.note(last, "too late for the list")
    with db.transaction("test"):
        events.enqueue([events.Change(last, "hook", "updated", None, "c", stepper.clock())])
        events.Event.update(rank=events.MASS).where(events.Event.state == events.WAITING).execute()
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez")[-1:] == ["too late for the list"]


def test_a_ticket_that_the_list_lacks_is_read_alone(stepper: Stepper, decided: list[int]) -> None:
    """W7."""
    _change_all(stepper, decided)
    stepper.world.connectwise.delete_ticket(decided[-1], notify=False)
    stepper.work()
    assert event_rows()[-1].decisions[0]["reasons"] == [{"code": "deleted"}]


def test_a_list_that_cannot_be_read_is_retried_with_its_events(stepper: Stepper, decided: list[int]) -> None:
    """T7."""
    stepper.world.connectwise.faults.add(faults.status(500, path=r"/service/tickets$", times=1))
    _change_all(stepper, decided)
    stepper.run(minutes=2)
    assert {row.state for row in event_rows()} == {events.DONE}
