"""D1, L2, N1: ending what waits neither waits for those who send it or add to it, nor loses what they add."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.clock import START
from tests.ledger import add_pending, draft
from ticketbot.background import outbox_upkeep
from ticketbot.database import db
from ticketbot.models import messages, notifications, plain_messages, recipients
from ticketbot.models.messages import Message
from ticketbot.models.notifications import Notification

pytestmark = pytest.mark.postgres

NOTE = {"subject": "note:TicketNote:1", "events": ["team_note"]}


@pytest.fixture
def room(postgres: str) -> int:
    """Return a room for which two messages wait, about tickets 7 and 8."""
    with db.transaction("test"):
        room = recipients.Recipient.create(type=recipients.ROOM, webex_id="ops", name="Ops")
        add_pending([draft(7, room.id, START), draft(8, room.id, START)], START)
    return int(room.id)


@contextmanager
def _meanwhile(work: Callable[[], object]) -> Iterator[None]:
    """Have another thread do something in a transaction, which it commits after the block."""
    done, go_on = threading.Event(), threading.Event()

    def run() -> None:
        with db.transaction("other"):
            work()
            done.set()
            go_on.wait(20)

    thread = threading.Thread(target=run)
    thread.start()
    assert done.wait(20)
    try:
        yield
    finally:
        go_on.set()
        thread.join(20)


def _states() -> list[tuple[str, str | None]]:
    """Return the state of each notification, and of the message that carries it."""
    with db.session():
        rows = list(Notification.select().order_by(Notification.ticket_id, Notification.id))
        return [(row.state, Message.get_by_id(row.message_id).state if row.message_id else None) for row in rows]


def test_the_kill_switch_does_not_wait_for_what_is_being_claimed(room: int) -> None:
    def claim() -> None:
        Message.update(state=notifications.SENDING, server_id=1).where(Message.ticket_id == 7).execute()

    with _meanwhile(claim), db.transaction("switch"):
        assert messages.skip_pending([]) == 1
    assert _states() == [("pending", "sending"), ("skipped", None)]


def test_the_kill_switch_does_not_wait_for_a_message_without_a_ticket_that_is_being_claimed(room: int) -> None:
    """L8. Whoever claims it goes on to older ones, which the switch has locked: to wait for it is a deadlock."""
    with db.transaction("test"):
        first, second = (plain_messages.add(recipients.recipient(room), "", START, about_forward=True) for _ in "12")

    def claim() -> None:
        Message.update(state=notifications.SENDING, server_id=1).where(Message.id == second.id).execute()

    with _meanwhile(claim), db.transaction("switch"):
        db.database.execute_sql("SET LOCAL lock_timeout = '5s'")
        outbox_upkeep.switch_off()
    with db.session():
        states = [Message.get_by_id(each.id).state for each in (first, second)]
    assert states == ["dead", "sending"]


def test_what_joins_a_message_as_that_is_given_up_is_sent(room: int) -> None:
    later = START + timedelta(hours=25)

    def join() -> None:
        row = draft(7, room, later, **NOTE)
        notifications.add([row])
        messages.attach([row], later)

    with _meanwhile(join), db.transaction("tidy"):
        assert messages.give_up_overdue(later, later) == 1
    with db.transaction("tidy"):
        assert messages.give_up_overdue(later, later) == 1
    assert _states() == [("dead", "pending"), ("pending", "pending"), ("dead", "dead")]
    claimed = messages.claim(1, later)
    assert claimed
    assert [row.subject for row in claimed.notifications] == [NOTE["subject"]]
