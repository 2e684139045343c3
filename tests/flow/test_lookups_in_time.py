"""T2, D7 in simulated time: what a message needs beyond the ticket, while one of the two services does not tell."""

from __future__ import annotations

import peewee
import pytest

from tests.clock import START
from tests.environment import ledger
from tests.simulated_time import Stepper, event_rows, received_notes, rows_of
from ticketbot.database import db
from ticketbot.models import recipients, tickets
from ticketbot.pipeline import people
from ticketbot.simulators import faults

STALE_MINUTES = 16


def _news(stepper: Stepper, ticket: int, text: str) -> None:
    """Have a note written when everything that was looked up is stale."""
    stepper.clock.advance(minutes=STALE_MINUTES)
    stepper.note(ticket, text)
    stepper.accept_webhook(ticket)
    stepper.work()


def test_only_members_are_looked_up(stepper: Stepper) -> None:
    """T2: a ticket itself names its board, status, company and contact."""
    stepper.announce("ana", company=stepper.world.company, note="zero")
    call_counts = stepper.world.connectwise.calls.counts()
    assert sorted(call_counts) == [
        "GET service/tickets/{id}",
        "GET service/tickets/{id}/allNotes",
        "GET system/members",
    ]
    (message,) = stepper.world.webex.messages()
    assert "Hanrahan Logistics" in message.markdown


def test_ticket_without_board_company_and_contact_notifies_its_people(stepper: Stepper) -> None:
    """T2, D2."""
    stepper.world.add_rule("Help Desk")
    stepper.world.connectwise.faults.add(faults.without("board", "company", "contact", path=r"/tickets/\d+$"))
    stepper.announce("ana", note="zero")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]
    assert received_notes(stepper.world, "Help Desk") == []


def test_a_member_unknown_to_connectwise_is_recorded_as_unknown(stepper: Stepper) -> None:
    """T2, D7: he stops nothing, and everybody else is told."""
    stepper.world.connectwise.faults.add(faults.wrong_json("[]", path="/system/members", query="ben", times=1))
    stepper.announce("ana", note="zero")
    stepper.announce("ben", "ana", note="one")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]
    (row,) = rows_of("ben")
    assert (row.state, row.reason) == ("skipped", "not a member ConnectWise knows")


def _member_calls(stepper: Stepper) -> int:
    return stepper.world.connectwise.calls.count("GET system/members")


def test_an_unknown_member_is_looked_up_no_more_often_than_a_known_one(stepper: Stepper) -> None:
    """T2: once in 15 minutes, and found as soon as they exist after that."""
    stepper.world.connectwise.faults.add(faults.wrong_json("[]", path="/system/members", query="ben"))
    stepper.announce("ben", note="zero")
    calls = _member_calls(stepper)
    stepper.announce("ben", note="one")
    assert _member_calls(stepper) == calls
    stepper.world.connectwise.faults.clear()
    stepper.clock.advance(minutes=STALE_MINUTES)
    stepper.announce("ben", note="two")
    assert received_notes(stepper.world, "Ben Bauer") == ["two"]


def test_an_address_without_an_account_is_looked_up_once_in_fifteen_minutes(stepper: Stepper) -> None:
    """T2"""
    stepper.announce("dan", note="zero")
    calls = len(stepper.world.webex.calls.log())
    stepper.announce("dan", note="one")
    assert len(stepper.world.webex.calls.log()) == calls
    stepper.world.webex.add_person("dan@msp.example", "Dan Doe")
    stepper.clock.advance(minutes=STALE_MINUTES)
    stepper.announce("dan", note="two")
    assert received_notes(stepper.world, "Dan Doe") == ["two"]


def test_lookups_that_found_nothing_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "MAX_REMEMBERED", 2)
    nobody = people.NotFound()
    nobody.add(["a", "b", "c"], START)
    assert nobody.unless_recent(["a", "b", "c"], START) == ["a"]


def test_deleted_member_is_left_out_until_restored(stepper: Stepper) -> None:
    """D7, T4: found by a sync, or because ConnectWise no longer knows them."""
    ticket = stepper.announce("ana", "ben", note="zero")
    with db.transaction("test"):
        tickets.soft_delete(tickets.Member, [row.id for row in tickets.Member.select().where(_named("ana"))], START)
    stepper.note(ticket, "one")
    stepper.accept_webhook(ticket)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]
    assert received_notes(stepper.world, "Ben Bauer") == ["zero", "one"]
    why = [{"code": "excluded", "names": ["deleted member"]}]
    assert ("Ana Alvarez", why) in [(each["who"], each["reasons"]) for each in event_rows()[-1].decisions]

    stepper.world.connectwise.faults.add(faults.wrong_json("[]", path="/system/members", times=1))
    _news(stepper, ticket, "two")
    assert received_notes(stepper.world, "Ben Bauer") == ["zero", "one"]
    _news(stepper, ticket, "three")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "three"]
    assert received_notes(stepper.world, "Ben Bauer") == ["zero", "one", "three"]


def _named(identifier: str) -> peewee.Expression:
    return tickets.Member.lookup == identifier


def test_one_account_with_two_addresses_belongs_to_both_members(stepper: Stepper) -> None:
    """D7: such as a person who has a second member for another office."""
    person = stepper.world.accounts["ana"]
    stepper.world.webex.change_person(person, {"emails": ["ana@msp.example", "dan@msp.example"]})
    ticket = stepper.announce("ana", "dan", note="zero")
    _news(stepper, ticket, "one")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]
    assert {row.state for row in ledger()} == {"sent"}


def test_an_account_that_lost_one_of_its_addresses_keeps_the_other(stepper: Stepper) -> None:
    """D7"""
    person = stepper.world.accounts["ana"]
    stepper.world.webex.change_person(person, {"emails": ["ana@msp.example", "dan@msp.example"]})
    stepper.announce("ana", "dan", note="zero")
    stepper.world.webex.change_person(person, {"emails": ["ana@msp.example"]})
    stepper.clock.advance(minutes=STALE_MINUTES)
    stepper.announce("dan", note="for nobody")
    stepper.announce("ana", note="one")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]

    stepper.world.webex.remove_person(person)
    stepper.clock.advance(minutes=STALE_MINUTES)
    stepper.announce("ana", note="two")
    with db.session():
        assert [row.active for row in recipients.Recipient.select().where(recipients.Recipient.webex_id == person)] == [
            False
        ]


def test_account_whose_primary_address_moved_keeps_the_others(stepper: Stepper) -> None:
    """D7"""
    person = stepper.world.accounts["ana"]
    stepper.world.webex.change_person(person, {"emails": ["ana@msp.example", "dan@msp.example"]})
    stepper.announce("ana", "dan", note="zero")
    stepper.world.webex.change_person(person, {"emails": ["dan@msp.example"]})
    other = stepper.world.webex.add_person("ana@msp.example", "Ana the Second")
    stepper.clock.advance(minutes=STALE_MINUTES)
    stepper.announce("ana", "dan", note="one")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]
    assert received_notes(stepper.world, "Ana the Second") == ["one"]
    with db.session():
        emails = {row.webex_id: row.email for row in recipients.Recipient.select()}
    assert emails == {person: "dan@msp.example", other: "ana@msp.example"}


def test_cached_member_is_used_while_connectwise_is_unavailable(stepper: Stepper) -> None:
    """T2"""
    ticket = stepper.announce("ana", note="zero")
    stepper.world.connectwise.faults.add(faults.status(500, path="/system/members"))
    _news(stepper, ticket, "one")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]


def test_lookup_of_an_unknown_member_is_retried(stepper: Stepper) -> None:
    """T7, D7: not telling him would be final."""
    stepper.announce("ana", note="zero")
    stepper.world.connectwise.faults.add(faults.status(500, path="/system/members", times=2))
    stepper.announce("ana", "ben", note="one")
    assert len(ledger()) == 1
    assert event_rows()[-1].state == "waiting"
    stepper.run(minutes=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]
    assert received_notes(stepper.world, "Ben Bauer") == ["one"]


def test_cached_account_is_used_while_webex_is_unavailable(stepper: Stepper) -> None:
    """D7, T2"""
    ticket = stepper.announce("ana", note="zero")
    stepper.world.webex.faults.add(faults.status(500, path="/people"))
    _news(stepper, ticket, "one")
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]


def test_lookup_of_an_address_without_an_account_is_retried(stepper: Stepper) -> None:
    """D7, T7"""
    stepper.world.webex.faults.add(faults.status(500, path="/people", times=2))
    stepper.announce("ana", note="zero")
    assert ledger() == []
    stepper.run(minutes=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]


@pytest.mark.parametrize("status", [400, 404])
def test_address_refused_by_webex_has_no_account(stepper: Stepper, status: int) -> None:
    """D7: it will never be anything else, so the event is not tried again."""
    stepper.world.webex.faults.add(faults.status(status, "No valid address.", path="/people", query="ana"))
    stepper.announce("ana", "ben", note="zero")
    (row,) = rows_of("Ana Alvarez")
    assert (row.state, row.reason) == ("skipped", "not on Webex: nobody found for ana@msp.example")
    assert received_notes(stepper.world, "Ben Bauer") == ["zero"]


def test_bot_with_the_address_of_a_member_is_not_notified(stepper: Stepper) -> None:
    """D7"""
    stepper.world.webex.add_person("dan@msp.example", "Dan's helper", kind="bot")
    stepper.announce("dan", note="zero")
    assert [row.state for row in rows_of("Dan Doe")] == ["skipped"]
    assert stepper.world.webex.messages() == []
