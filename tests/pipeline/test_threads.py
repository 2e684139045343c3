"""N2: the messages about a ticket in a room are a thread, whatever happens to its root."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.environment import ledger
from tests.simulated_time import Stepper, rows_of
from ticketbot.background import retention
from ticketbot.database import db
from ticketbot.models import forwards, messages, plain_messages, recipients, threads
from ticketbot.pipeline import deliver, process_event
from ticketbot.simulators import faults
from ticketbot.simulators.webex import Message

EVENTS = ["new", "customer_note"]


@pytest.fixture
def room(stepper: Stepper) -> int:
    """Return a room that is notified of new tickets and of what customers write."""
    return stepper.world.add_rule("Help Desk", events=EVENTS)


def _add_note(stepper: Stepper, ticket: int, text: str = "more") -> None:
    stepper.clock.advance(minutes=1)
    stepper.note(ticket, text)
    stepper.accept_webhook(ticket)
    stepper.work()


def _process_events(stepper: Stepper) -> None:
    while process_event.process_next(stepper.events):
        pass


def _received(stepper: Stepper, name: str) -> list[Message]:
    people = stepper.world.webex.people
    return [
        message
        for message in stepper.world.webex.messages()
        if name == (people[message.person_id]["displayName"] if message.person_id else message.room_title)
    ]


@pytest.mark.parametrize(("where", "room_replies", "person_replies"), [("rooms", 2, 0), ("all", 2, 2), ("off", 0, 0)])
@pytest.mark.usefixtures("room")
def test_later_messages_are_replies_to_the_first(
    stepper: Stepper, where: str, room_replies: int, person_replies: int
) -> None:
    """N2"""
    stepper.world.configure(threads=where)
    ticket = stepper.announce("ana")
    for _ in range(2):
        _add_note(stepper, ticket)
    for name, replies in (("Help Desk", room_replies), ("Ana Alvarez", person_replies)):
        first, *later = _received(stepper, name)
        assert [each.parent_id for each in later] == [first.id if replies else ""] * 2
        assert [row.thread_root_id for row in rows_of(name)] == [None, *[first.id if replies else None] * 2]


def test_roots_are_recorded_while_threads_are_off(stepper: Stepper, room: int) -> None:
    """N2"""
    stepper.world.configure(threads="off")
    ticket = stepper.announce()
    _add_note(stepper, ticket)
    stepper.world.configure(threads="rooms")
    _add_note(stepper, ticket)
    first, second, third = _received(stepper, "Help Desk")
    assert (second.parent_id, third.parent_id) == ("", first.id)
    with db.session():
        assert [(row.recipient_id, row.root_id) for row in threads.Thread.select()] == [(room, first.id)]


@pytest.mark.usefixtures("room")
def test_a_refused_reply_is_sent_on_its_own_at_once_and_begins_a_new_thread(stepper: Stepper) -> None:
    """N2: as after somebody deleted the first message."""
    ticket = stepper.announce()
    (first,) = _received(stepper, "Help Desk")
    stepper.world.webex.delete(first.id)
    for _ in range(2):
        _add_note(stepper, ticket)
    _, second, third = _received(stepper, "Help Desk")
    assert (second.parent_id, third.parent_id) == ("", second.id)
    assert [row.thread_refused for row in ledger()] == [False, True, False]
    assert [row.attempts for row in ledger()] == [1, 1, 1]


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.usefixtures("room")
def test_only_a_refusal_ends_a_thread(stepper: Stepper, status: int) -> None:
    """N2, L2, L3"""
    ticket = stepper.announce()
    stepper.world.webex.faults.add(faults.status(status, "No.", method="POST", body="parentId", times=1))
    _add_note(stepper, ticket)
    stepper.run(minutes=1)
    first, second = _received(stepper, "Help Desk")
    assert second.parent_id == (first.id if status == 500 else "")


@pytest.mark.usefixtures("room")
def test_a_message_refused_both_ways_is_dead_and_its_thread_stays(stepper: Stepper) -> None:
    """N2, L3"""
    ticket = stepper.announce()
    number = stepper.world.webex.faults.add(faults.status(404, "No.", method="POST", path="/messages"))
    _add_note(stepper, ticket)
    assert [(row.state, row.thread_refused) for row in ledger()] == [("sent", False), ("dead", True)]
    stepper.world.webex.faults.remove(number)
    _add_note(stepper, ticket)
    first, last = _received(stepper, "Help Desk")
    assert last.parent_id == first.id


@pytest.mark.usefixtures("room")
def test_a_refused_reply_that_then_fails_is_retried_on_its_own(stepper: Stepper) -> None:
    """N2: otherwise a reply would become the root, although Webex takes only replies to roots."""
    stepper.world.webex.refuses_replies_to_replies = True
    ticket = stepper.announce()
    webex = stepper.world.webex
    webex.faults.add(faults.status(400, "No such parent.", method="POST", body="parentId", times=1))
    webex.faults.add(faults.status(502, "No.", method="POST", path="/messages", times=1))
    _add_note(stepper, ticket)
    stepper.run(minutes=1)
    _add_note(stepper, ticket)
    _, second, third = _received(stepper, "Help Desk")
    assert (second.parent_id, third.parent_id) == ("", second.id)
    assert [row.thread_refused for row in ledger()] == [False, True, False]


@pytest.mark.usefixtures("room")
def test_a_root_that_dies_leaves_its_place_to_the_next_message(stepper: Stepper) -> None:
    """N2"""
    number = stepper.world.webex.faults.add(faults.status(404, "No.", method="POST", path="/messages"))
    ticket = stepper.announce()
    stepper.world.webex.faults.remove(number)
    for _ in range(2):
        _add_note(stepper, ticket)
    first, second = _received(stepper, "Help Desk")
    assert (first.parent_id, second.parent_id) == ("", first.id)


@pytest.mark.usefixtures("room")
def test_a_root_whose_server_vanished_is_sent_again_as_the_root(stepper: Stepper) -> None:
    """N2, L7"""
    vanished, _ = stepper.server()
    ticket = stepper.add_ticket()
    stepper.accept_webhook(ticket)
    _process_events(stepper)
    assert messages.claim(vanished.server.id, stepper.clock()) is not None
    stepper.note(ticket, "more")
    stepper.accept_webhook(ticket)
    stepper.work()
    assert _received(stepper, "Help Desk") == []
    stepper.mark_dead(vanished.server.id)
    stepper.run(minutes=1)
    first, second = _received(stepper, "Help Desk")
    assert (first.parent_id, second.parent_id) == ("", first.id)


@pytest.mark.usefixtures("room")
def test_a_message_waits_while_another_is_being_sent_that_may_become_the_root(stepper: Stepper) -> None:
    """N2, L4: an older one that may be overtaken becomes due while a younger one is being sent."""
    failing = stepper.world.webex.faults.add(faults.status(502, "No.", method="POST", path="/messages"))
    ticket = stepper.announce()
    stepper.world.webex.faults.remove(failing)
    with db.transaction("test"):
        messages.Message.update(may_be_overtaken=True, possible_duplicate=True).execute()
    stepper.note(ticket, "more")
    stepper.accept_webhook(ticket)
    _process_events(stepper)
    younger = messages.claim(stepper.messages.server.id, stepper.clock())
    assert younger is not None
    with db.transaction("test"):
        messages.Message.update(due_at=stepper.clock()).where(messages.Message.id < younger.message.id).execute()
    assert messages.claim(stepper.messages.server.id, stepper.clock()) is None
    with db.transaction("test"):
        sent = {"state": "sent", "webex_message_id": "the root"}
        assert messages.record(younger, sent, {"sent_at": stepper.clock()})
    stepper.clock.advance(seconds=1)
    older = messages.claim(stepper.messages.server.id, stepper.clock())
    assert older is not None
    assert (older.message.overtaken, older.root_id) == (True, "the root")


def test_a_forward_has_a_thread_of_its_own_and_the_source_returns_to_its_old_one(stepper: Stepper, room: int) -> None:
    """N2"""
    other = stepper.world.add_room("Night Desk")
    ticket = stepper.announce()
    with db.transaction("test"):
        forward = forwards.Forward.create(source=room, destination=other, created_at=stepper.clock())
    _add_note(stepper, ticket)
    _add_note(stepper, ticket)
    with db.transaction("test"):
        forward.delete_instance()
    _add_note(stepper, ticket)
    first, last = _received(stepper, "Help Desk")
    there, reply = _received(stepper, "Night Desk")
    assert (last.parent_id, there.parent_id, reply.parent_id) == (first.id, "", there.id)


@pytest.mark.usefixtures("room")
def test_messages_without_a_ticket_have_no_thread(stepper: Stepper) -> None:
    """L8"""
    with db.transaction("test"):
        plain_messages.add(recipients.Recipient.get(), "**Test**", stepper.clock())
    assert deliver.send_next(stepper.messages)
    with db.session():
        assert threads.Thread.select().count() == 0


@pytest.mark.usefixtures("room")
def test_threads_are_forgotten_with_the_messages_of_a_closed_ticket(stepper: Stepper) -> None:
    """O8"""
    tickets = [stepper.announce(), stepper.announce()]
    stepper.world.connectwise.update_ticket(tickets[0], status=">Closed", notify=False)
    stepper.accept_webhook(tickets[0])
    stepper.work()
    retention.forget(stepper.clock() + timedelta(days=200), lambda: None)
    with db.session():
        assert [row.ticket_id for row in threads.Thread.select()] == [tickets[1]]
