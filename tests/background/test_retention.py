"""O8: what is old is forgotten, and never what keeps somebody from being told twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ticketbot.background import retention
from ticketbot.database import db
from ticketbot.models import audit, erasure, events, notifications, policies, runtime_config, syncs, tickets

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
OPEN, CLOSED, DELETED = 1, 2, 3


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@pytest.fixture(autouse=True)
def _three_tickets(database: str) -> None:
    with db.transaction("test"):
        for number, is_open, deleted_at in ((OPEN, True, None), (CLOSED, False, None), (DELETED, True, ago(100))):
            tickets.Ticket.insert(id=number, open=is_open, deleted_at=deleted_at, stored_at=NOW).execute()


def forget(**config: int) -> dict[str, int]:
    with db.transaction("test"):
        runtime_config.save(config)
    return retention.forget(NOW, lambda: None)


def note(number: int, ticket: int, **more: Any) -> None:
    row = {"kind": "TicketNote", "note_id": number, "ticket_id": ticket, "stored_at": NOW, **more}
    with db.transaction("test"):
        tickets.Note.insert(row).execute()


def event(ticket: int, state_: str, finished_at: datetime | None) -> None:
    at = finished_at or ago(200)
    row = {"first_received_at": at, "received_at": at, "due_at": at, "correlation": "", "source": "hook"}
    with db.transaction("test"):
        events.Event.insert(ticket_id=ticket, state=state_, finished_at=finished_at, **row).execute()


def notification(ticket: int, state_: str, created_at: datetime) -> None:
    subject = f"new:{ticket}:{state_}:{created_at}"
    row = {"ticket_id": ticket, "subject": subject, "target": "recipient:1", "give_up_at": NOW}
    with db.transaction("test"):
        notifications.Notification.insert(state=state_, created_at=created_at, **row).execute()


def left(model: Any, column: Any) -> list[Any]:
    with db.session():
        return [row[0] for row in model.select(column).order_by(model._meta.primary_key).tuples()]


def test_done_events_of_closed_tickets_are_removed_after_90_days() -> None:
    for ticket in (OPEN, CLOSED, DELETED, 99):
        event(ticket, "done", ago(91))
        event(ticket, "done", ago(89))
    forget()
    assert left(events.Event, events.Event.ticket_id) == [OPEN, OPEN, CLOSED, DELETED, 99]


def test_unfinished_events_are_kept_and_dead_ones_removed() -> None:
    for state_ in ("waiting", "running"):
        event(CLOSED, state_, None)
    for ticket, days in ((CLOSED, 89), (CLOSED, 91), (OPEN, 91)):
        event(ticket, "dead", ago(days))
    assert forget() == {"Event": 1}
    assert left(events.Event, events.Event.state) == ["waiting", "running", "dead", "dead"]


def test_finished_notifications_of_closed_tickets_are_removed() -> None:
    for ticket in (OPEN, CLOSED):
        for state_ in ("sent", "skipped", "dead", "pending", "sending"):
            notification(ticket, state_, ago(91))
    notification(CLOSED, "sent", ago(89))
    forget()
    rows = left(notifications.Notification, notifications.Notification.subject)
    assert [row.split(":")[1:3] for row in rows] == [
        *([str(OPEN), state_] for state_ in ("sent", "skipped", "dead", "pending", "sending")),
        [str(CLOSED), "pending"],
        [str(CLOSED), "sending"],
        [str(CLOSED), "sent"],
    ]


def test_removed_event_leaves_its_notification() -> None:
    event(CLOSED, "done", ago(91))
    with db.transaction("test"):
        (row,) = events.Event.select()
        notifications.Notification.insert(
            ticket_id=CLOSED, event=row.id, subject="new:2", target="recipient:1", state="sent",
            created_at=ago(1), give_up_at=NOW,
        ).execute()  # fmt: skip
    forget()
    assert left(notifications.Notification, notifications.Notification.event) == [None]


@pytest.mark.parametrize("days", [1, 7, 90])
def test_decided_note_younger_than_8_days_is_never_removed(days: int) -> None:
    """T5: what was entered up to seven days ago would be told again."""
    note(1, CLOSED, entered_at=ago(7.9), decided_at=ago(7.9))
    note(2, CLOSED, entered_at=ago(7.9))
    note(3, CLOSED, entered_at=ago(400), decided_at=ago(7.9))
    notification(CLOSED, "sent", ago(7.9))
    assert forget(retention_days=days) == {}


def test_notes_of_closed_tickets_are_removed_and_those_of_open_ones_kept() -> None:
    for number, ticket in enumerate((OPEN, CLOSED, DELETED), start=1):
        note(number, ticket, entered_at=ago(91), decided_at=ago(91))
    note(4, CLOSED, entered_at=ago(89), decided_at=ago(89))
    assert forget() == {"Note": 2}
    assert left(tickets.Note, tickets.Note.note_id) == [1, 4]


def test_note_without_a_date_is_never_removed() -> None:
    """Nothing but its row says that it was told; what it said is blanked."""
    note(1, CLOSED, entered_at=None, decided_at=ago(400), stored_at=ago(400), text="Secret", author="Contact")
    note(2, CLOSED, entered_at=None, decided_at=ago(400), stored_at=ago(400), text="Secret")
    note(3, CLOSED, entered_at=None, stored_at=ago(1), text="New")
    note(4, OPEN, entered_at=None, stored_at=ago(400), text="Open")
    assert forget() == {}
    assert left(tickets.Note, tickets.Note.text) == ["", "", "New", "Open"]
    assert left(tickets.Note, tickets.Note.author) == [None] * 4


def test_zero_days_keep_everything_but_message_ids_and_the_audit_trail() -> None:
    event(CLOSED, "done", ago(5000))
    note(1, CLOSED, entered_at=ago(5000), decided_at=ago(5000))
    with db.transaction("test"):
        for days in (6.9, 7.1):
            events.ProcessedMessage.insert(message_id=str(days), received_at=ago(days)).execute()
        for days in (364, 366):
            audit.Audit.insert(at=ago(days), action="create", object="rule").execute()
    assert forget(retention_days=0) == {"ProcessedMessage": 1, "Audit": 1}


def test_finished_syncs_are_removed_after_90_days() -> None:
    with db.transaction("test"):
        for finished_at in (ago(91), ago(89), None):
            state_ = "done" if finished_at else "running"
            syncs.SyncRun.insert(state=state_, started_at=ago(91), finished_at=finished_at).execute()
    assert forget() == {"SyncRun": 1}


def test_removal_runs_in_small_batches_and_can_be_interrupted() -> None:
    with db.transaction("test"):
        rows = [{"message_id": str(number), "received_at": ago(8)} for number in range(1200)]
        events.ProcessedMessage.insert_many(rows).execute()
    heartbeat = []

    def keep() -> None:
        heartbeat.append(1)
        if len(heartbeat) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        retention.forget(NOW, keep)
    assert len(left(events.ProcessedMessage, events.ProcessedMessage.message_id)) == 1200 - 2 * retention.BATCH
    assert forget() == {"ProcessedMessage": 1200 - 2 * retention.BATCH}


def test_facts_are_kept_for_ninety_days_even_of_an_open_ticket() -> None:
    """T9."""
    for days in (89, 91):
        event(OPEN, "done", ago(days))
    with db.transaction("test"):
        known = policies.id_of(b"rules")
        events.Event.update(facts=b"facts", policies_id=known).execute()
    forget()
    assert [kept and bytes(kept) for kept in left(events.Event, events.Event.facts)] == [b"facts", None]
    with db.transaction("test"):
        events.Event.update(facts=None, policies_id=None).execute()
    forget()
    assert left(policies.Policies, policies.Policies.id) == []


@pytest.mark.parametrize(
    ("fate", "is_blank"),
    [
        ({"open": False, "updated_at": ago(91)}, True),
        ({"open": False, "updated_at": ago(89)}, False),
        ({"open": False, "updated_at": None, "stored_at": ago(91)}, True),
        ({"open": False, "updated_at": None, "stored_at": ago(89)}, False),
        ({"open": True, "updated_at": ago(91)}, False),
        ({"open": True, "updated_at": ago(91), "deleted_at": ago(91)}, True),
        ({"open": True, "updated_at": ago(91), "deleted_at": ago(89)}, False),
    ],
)
def test_texts_of_a_ticket_are_blanked_when_it_has_been_closed_or_deleted_for_90_days(
    fate: dict[str, Any], is_blank: bool
) -> None:
    """What is no text stays, so that a reopened ticket reports what has really changed (T8)."""
    compared = {"summary": ["Printer", "Printer"], "company": [7, "Contoso"], "closed": [True, "closed"]}
    texts = {"summary": "Printer", "company": "Contoso", "contact": "Cleo", "details": {"contact": "Cleo"}}
    with db.transaction("test"):
        row = {"id": 7, "status": "Closed", "compared": compared, "stored_at": ago(1), **texts, **fate}
        tickets.Ticket.insert(row).execute()
    forget(retention_days=0)
    assert left(tickets.Ticket, tickets.Ticket.summary)[-1] == "Printer"
    forget(retention_days=90)
    with db.session():
        found = tickets.Ticket.get_by_id(7)
    blank = {"summary": "", "company": None, "contact": None, "details": {}}
    assert {name: getattr(found, name) for name in texts} == (blank if is_blank else texts)
    assert found.compared == ({"closed": [True, "closed"]} if is_blank else compared)
    assert found.status == "Closed"


def test_a_ticket_that_is_fetched_meanwhile_keeps_its_texts() -> None:
    with db.transaction("test"):
        tickets.Ticket.insert(id=7, open=True, summary="Printer", stored_at=NOW).execute()
        erasure.blank_tickets([7], NOW)
    assert left(tickets.Ticket, tickets.Ticket.summary)[-1] == "Printer"


def test_values_to_compare_with_that_were_texts_only_become_unknown() -> None:
    """T8"""
    row = {"id": 7, "open": False, "updated_at": ago(91), "stored_at": NOW, "compared": {"summary": ["Old", "Old"]}}
    with db.transaction("test"):
        tickets.Ticket.insert(row).execute()
    forget()
    assert left(tickets.Ticket, tickets.Ticket.compared)[-1] is None
