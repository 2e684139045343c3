"""T10: in which order events are claimed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ticketbot.database import db
from ticketbot.models import event_claims, events, tickets

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MANY = events.MASS_CHANGE_FROM + 10


@pytest.fixture(autouse=True)
def _no_turn_for_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_claims, "OLDEST_EVERY", 10**9)


def _store_decided(*ids: int) -> None:
    with db.transaction("test"):
        for number in ids:
            tickets.Ticket.create(id=number, stored_at=NOW, decided_at=NOW)


def _hook(ticket: int, action: str = "updated", *, minute: int = 0) -> None:
    with db.transaction("accept"):
        at = NOW + timedelta(minutes=minute)
        events.enqueue([events.Change(ticket, "hook", action, None, f"hook-{ticket}", at)])


def _claimed(count: int) -> list[int]:
    found = [event_claims.claim(1, NOW + timedelta(hours=1)) for _ in range(count)]
    return [event.ticket_id for event in found if event]


def test_a_new_ticket_is_claimed_before_a_mass_change_that_was_there_first(database: str) -> None:
    _store_decided(*range(1, MANY))
    for ticket in range(1, MANY):
        _hook(ticket)
    _hook(5000, "added", minute=1)
    assert _claimed(1) == [5000]


def test_a_ticket_that_was_never_decided_counts_as_added(database: str) -> None:
    _store_decided(1, 2)
    _hook(1)
    _hook(2)
    _hook(3)
    assert _claimed(3) == [3, 1, 2]


def test_added_survives_folding(database: str) -> None:
    _store_decided(1, 2)
    _hook(1)
    _hook(2, "Added")
    _hook(2, "updated", minute=1)
    assert _claimed(2) == [2, 1]


def test_event_that_arrived_alone_is_claimed_before_a_mass_change(database: str) -> None:
    _store_decided(*range(1, MANY))
    for ticket in range(1, MANY):
        _hook(ticket)
    last = MANY - 1
    with db.transaction("test"):
        events.Event.update(rank=events.SINGLE).where(events.Event.ticket_id == last).execute()
    alone = _claimed(events.MASS_CHANGE_FROM + 2)
    assert alone == [*range(1, events.MASS_CHANGE_FROM + 2), last]


def test_every_fourth_event_is_simply_the_oldest(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits forever."""
    monkeypatch.setattr(event_claims, "OLDEST_EVERY", 4)
    _store_decided(1)
    _hook(1)
    for ticket in range(100, 110):
        _hook(ticket, "added", minute=1)
    assert 1 in _claimed(4)


def test_what_changes_again_and_again_keeps_its_place(database: str) -> None:
    """T10: nothing waits forever."""
    _store_decided(1, 2)
    _hook(1)
    _hook(2, minute=1)
    _hook(1, minute=2)
    assert _claimed(2) == [1, 2]


def test_added_survives_that_an_earlier_event_has_failed(database: str) -> None:
    """T10: what waits meanwhile is folded into the event that waits again."""
    _store_decided(1, 2)
    _hook(2)
    failed = event_claims.claim(1, NOW)
    assert failed
    _hook(1)
    _hook(2, "added")
    with db.transaction("test"):
        assert events.requeue(failed, due_at=NOW + timedelta(minutes=1), error="no answer")
    assert _claimed(2) == [2, 1]
