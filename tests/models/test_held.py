"""What quiet hours hold, on its tables (N4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests import ledger
from ticketbot.database import db
from ticketbot.models import held, messages, notifications, recipients, tickets

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _hold(*ticket_ids: int) -> None:
    recipients.Recipient.get_or_create(webex_id="ana", defaults={"type": "person", "name": "Ana"})
    for number in ticket_ids:
        tickets.Ticket.create(id=number, stored_at=NOW)
    notifications.add([ledger.draft(number, 1, NOW, held_until=NOW) for number in ticket_ids])


def test_a_digest_that_another_server_has_taken_over_is_not_split(database: str) -> None:
    """L7: the rest stays with the message."""
    with db.transaction("test"):
        _hold(1, 2)
        held.release(NOW)
    claimed = messages.claim(7, NOW)
    assert claimed is not None
    with db.transaction("test"):
        messages.release(7, NOW)
        assert not messages.split_digest(claimed, claimed.notifications[1:], NOW)
    with db.session():
        assert messages.Message.select().count() == 1


def test_only_what_is_due_of_the_recipients_named_is_released(database: str) -> None:
    with db.transaction("test"):
        _hold(1, 2)
        assert held.release(NOW - timedelta(seconds=1)) == 0
        assert held.release(NOW, {5}) == 0
        assert held.release(NOW, set()) == 0
        assert held.release(NOW, {1}) == 2
        assert held.release(NOW) == 0
        assert not held.rows_of(None)


def test_a_digest_that_carries_nothing_any_more_is_given_up(database: str) -> None:
    """D1"""
    with db.transaction("test"):
        _hold(1, 2)
        held.release(NOW)
        messages.skip_pending([])
        assert [row.state for row in messages.Message.select()] == ["dead"]


def test_what_died_while_it_was_held_can_be_sent_again(database: str) -> None:
    """L5"""
    with db.transaction("test"):
        _hold(1)
        messages.give_up_overdue(NOW + timedelta(hours=24), NOW)
        assert messages.retry_dead(notifications.Notification.id == 1, now=NOW, give_up_at=NOW + timedelta(1)) == 1
    assert messages.claim(7, NOW) is not None
