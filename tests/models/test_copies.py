"""O12: what becomes of what waited in a copy of a database, when the copy is first started."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests import ledger
from tests.clock import START
from tests.environment import World
from ticketbot.database import db
from ticketbot.decide.reasons import SKIPPED_IN_COPY
from ticketbot.models import (
    alerts,
    copies,
    events,
    facts,
    held,
    messages,
    notifications,
    plain_messages,
    recipients,
    servers,
    syncs,
    tickets,
)
from ticketbot.server import serve
from ticketbot.settings import table

LATER = START + timedelta(hours=1)
RECIPIENT = 1


@pytest.fixture
def original(database: str) -> str:
    """Return a database in which something of every kind waits, marked as a copy."""
    with db.transaction("test"):
        recipients.Recipient.create(id=RECIPIENT, type=recipients.PERSON, webex_id="ana", name="Ana")
        server_id = servers.add("elsewhere/1/1", "2.0.0", START)
        servers.claim_job("catch-up", server_id)
        syncs.start({}, requested_by=None, server_id=server_id, now=START)
        for ticket_id in (1, 2, 3):
            _add_event(ticket_id)
        events.Event.update(state=events.RUNNING, server_id=server_id).where(events.Event.ticket_id == 3).execute()
        _add(1, "pending")
        _add(2, "sending", server_id=server_id)
        for number in (4, 5):
            notifications.add([_held(number)])
        tickets.Ticket.create(id=1, stored_at=START, compared={"summary": {"key": "Printer"}})
        plain_messages.add(recipients.Recipient.get_by_id(RECIPIENT), "A test", START)
        db.database.execute_sql(copies.MARK.replace("INSERT OR REPLACE", "INSERT"))
    return database


def _add_event(ticket_id: int) -> None:
    events.enqueue([events.Change(ticket_id, "hook", None, None, "", START)])


def _add(ticket_id: int, state: str, **message: Any) -> None:
    ledger.add_with_message(ledger.draft(ticket_id, RECIPIENT, START, state=state), START, **message)


def _held(ticket_id: int) -> dict[str, Any]:
    return ledger.draft(ticket_id, RECIPIENT, START, held_until=LATER, event=1)


def _adopt(*, skip: bool = False) -> int | None:
    with db.transaction("test"):
        return copies.adopt(START, skip_for=[SKIPPED_IN_COPY] if skip else ())


def _messages() -> list[messages.Message]:
    return list(messages.Message.select().order_by(messages.Message.id))


def test_what_waited_in_a_copy_is_flagged_and_no_server_of_the_original_is_left(original: str) -> None:
    assert _adopt() == 5  # two of tickets, two held, one without a ticket
    with db.session():
        assert [(row.state, row.possible_duplicate) for row in _messages()] == [("pending", True)] * 3
        assert {row.state for row in events.Event.select()} == {events.WAITING}
        assert servers.all_servers() == []
        assert not servers.Job.select().exists()
        assert syncs.running() is None
        assert notifications.count_held() == 2


def test_only_the_first_start_of_a_copy_does_that(original: str) -> None:
    _adopt()
    with db.transaction("test"):
        messages.Message.update(possible_duplicate=False).execute()
    assert _adopt() is None
    with db.session():
        assert not any(row.possible_duplicate for row in _messages())


def test_what_quiet_hours_held_in_a_copy_arrives_flagged(original: str) -> None:
    """N4: as a digest, and as an ordinary message if it is about one ticket."""
    _adopt()
    with db.transaction("test"):
        held.take_along(4, RECIPIENT, START, give_up_at=LATER)
        held.release(LATER)
        assert _messages()[-1].possible_duplicate
        notifications.add([_held(6), _held(7)])
        held.release(LATER)
    with db.session():
        assert [(row.ticket_id, row.is_digest, row.possible_duplicate) for row in _messages()[3:]] == [
            (4, False, True),
            (5, False, True),
            (None, True, True),
        ]


def test_what_an_event_of_the_copy_decides_is_flagged_in_one_message_and_later_events_are_not(original: str) -> None:
    """N1: what is news joins nothing that may have arrived."""
    _adopt()
    with db.transaction("test"):
        last = events.Event.create(ticket_id=8, source="hook", correlation="", **_received()).id
    rows = [
        ledger.draft(8, RECIPIENT, START, event=1),
        ledger.draft(8, RECIPIENT, START, event=1, subject="note:TicketNote:1"),
        ledger.draft(8, RECIPIENT, START, event=last, subject="note:TicketNote:2"),
    ]
    with db.transaction("test"):
        ledger.add_pending(rows, START)
    with db.session():
        made = messages.Message.select().where(messages.Message.ticket_id == 8).order_by(messages.Message.id)
        assert [row.possible_duplicate for row in made] == [True, False]


def _received() -> dict[str, Any]:
    return {"first_received_at": START, "received_at": START, "due_at": START}


def test_with_skip_missed_nothing_that_waited_is_sent(original: str) -> None:
    with db.transaction("test"):
        alerts.AlertPost.create(body={}, due_at=START, created_at=START)
    assert _adopt(skip=True) == 5
    with db.session():
        assert {row.state for row in _messages()} == {"dead"}
        rows = list(notifications.Notification.select())
        assert not alerts.AlertPost.select().exists()
    assert {(row.state, row.reasons[0]["code"]) for row in rows} == {("skipped", "skipped_in_copy")}


def test_a_database_that_is_no_copy_stays_as_it_is(original: str) -> None:
    with db.transaction("test"):
        facts.forget(facts.IS_COPY)
    assert _adopt(skip=True) is None
    with db.session():
        assert {row.state for row in _messages()} == {"pending", "sending"}


def test_changes_before_a_start_with_skip_missed_are_unknown(original: str, caplog: pytest.LogCaptureFixture) -> None:
    """T8, C1"""
    settings = table.load({}, World(original).environ())
    serve.prepare_database(settings, skip_missed=True, now=LATER)
    assert "this database is a backup, started for the first time: 5 messages and held notifications skipped" in (
        caplog.text
    )
    with db.session():
        assert tickets.Ticket.get_by_id(1).compared is None
