"""overload: what is claimed is found by index, however long the history and whatever the database believes of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tests.ledger import add_pending, draft
from ticketbot.database import db, sql
from ticketbot.models import event_claims, events, messages, notifications, recipients

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BEFORE, BACKLOG, RECIPIENTS = 300, 600, 5


def _notifications(numbers: range, state: str) -> None:
    made = recipients.Recipient.select().order_by(recipients.Recipient.id)
    targets = list(made) or [
        recipients.Recipient.create(type=recipients.ROOM, webex_id=f"room {number}", name=f"Room {number}")
        for number in range(RECIPIENTS)
    ]
    rows = [draft(number, targets[number % RECIPIENTS].id, NOW, state=state) for number in numbers]
    add_pending(rows, NOW)
    if state != notifications.PENDING:
        messages.Message.update(state=state).execute()


def _after_a_calm_time_everything_waits() -> None:
    """Fill the ledger so that the statistics know of nothing that waits, as when Webex goes down for an hour."""
    with db.transaction("test"):
        _notifications(range(BEFORE), notifications.SENT)
    with db.session():
        db.database.execute_sql("ANALYZE")
    with db.transaction("test"):
        _notifications(range(BEFORE, BEFORE + BACKLOG), notifications.PENDING)


def _plan(statement: str, *values: object) -> str:
    how = "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF)" if db.is_postgres() else "EXPLAIN QUERY PLAN"
    with db.session():
        plan = sql.execute(f"{how} {statement}", *values)
        return "\n".join(str(row[-1]) for row in plan.fetchall())


def test_each_waiting_message_is_compared_only_with_those_of_its_own_recipient(database: str) -> None:
    _after_a_calm_time_everything_waits()
    plan = _plan(messages._CLAIM, 1, NOW, NOW, NOW)
    assert "message_queue" in plan, plan
    if db.is_postgres():
        assert "Join" not in plan, plan
        assert "notification_message_id" in plan, plan
        assert "Index Cond: ((recipient_id = " in plan, plan
    else:
        assert "message_queue (recipient_id=? AND place<?)" in plan, plan
        assert "message_due (due_at<?)" in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_the_oldest_of_a_backlog_is_claimed_and_then_that_of_the_next_recipient(database: str) -> None:
    _after_a_calm_time_everything_waits()
    claimed = [messages.claim(1, NOW) for _ in range(RECIPIENTS + 1)]
    tickets = [row and row.message.ticket_id for row in claimed]
    assert tickets == [*range(BEFORE, BEFORE + RECIPIENTS), None]


def test_a_waiting_event_is_found_by_index(database: str) -> None:
    with db.transaction("test"):
        events.enqueue(events.Change(number, "hook", None, None, "c", NOW) for number in range(200))
    plan = _plan(event_claims._CLAIM.format(event_claims._OLDEST_OF_FIRST_RANK), 1, NOW, NOW, NOW, NOW)
    if db.is_postgres():
        assert re.search(r"event_(rank|due|state|one_waiting)", plan), plan
    else:
        assert "event_rank (rank=? AND due_at<?)" in plan, plan
        assert "TEMP B-TREE" not in plan, plan


def test_dead_notifications_are_counted_and_revived_by_index(database: str) -> None:
    """L5: of a long history only what is dead is read."""
    with db.transaction("test"):
        _notifications(range(BACKLOG), notifications.SENT)
        _notifications(range(BACKLOG, BACKLOG + 5), notifications.DEAD)
    with db.session():
        db.database.execute_sql("ANALYZE")
    dead = notifications.Notification.select().where(notifications.where_died_since(NOW))
    statement, values = dead.sql()
    plan = _plan(statement.replace("%s", "?"), *values)
    assert "notification_died" in plan, plan


def test_the_last_notification_that_was_sent_is_found_by_index(database: str) -> None:
    """O14: it need not be the newest one, as after a retry."""
    with db.transaction("test"):
        _notifications(range(BACKLOG), notifications.SENT)
        notifications.Notification.update(sent_at=NOW).execute()
        first = notifications.Notification.select().order_by(notifications.Notification.id).first()
        notifications.Notification.update(sent_at=NOW + timedelta(hours=1)).where(
            notifications.Notification.id == first.id
        ).execute()
        assert notifications.last_sent_at() == NOW + timedelta(hours=1)
    with db.session():
        db.database.execute_sql("ANALYZE")
    assert "notification_sent" in _plan(notifications.LAST_SENT)
