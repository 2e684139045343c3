"""T6, T2, B2, B3: notes and tickets as ConnectWise really has them, through the whole road and both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.environment import ledger
from tests.simulated_time import Stepper, event_rows, received_notes, rows_of
from ticketbot.database import db
from ticketbot.models import tickets
from ticketbot.pipeline import process_event
from ticketbot.simulators import faults

_TICKET_PARTS = (
    "company", "contact", "contactName", "status", "priority", "owner", "_info", "recordType", "closedFlag", "summary",
)  # fmt: skip
_NOTE_PARTS = (
    "text", "member", "contact", "originalAuthor", "noteType", "ticket", "detailDescriptionFlag", "_info",
    "internalAnalysisFlag", "resolutionFlag", "createdBy",
)  # fmt: skip


@pytest.fixture
def stepper_of_old(database: str) -> Iterator[Stepper]:
    """Return a server whose ConnectWise is of an old model, which says null for what is not set."""
    with Stepper(database, explicit_nulls=True) as everything:
        yield everything


def _stored_notes() -> list[tuple[str, int]]:
    with db.session():
        rows = tickets.Note.select().order_by(tickets.Note.kind, tickets.Note.note_id)
        return [(row.kind, row.note_id) for row in rows]


def test_a_time_entry_and_a_note_of_the_same_id_are_two_notes(stepper: Stepper) -> None:
    """T6."""
    ticket = stepper.announce("ana")
    note = stepper.note(ticket, "a note")
    stepper.accept_webhook(ticket)
    stepper.work()
    assert stepper.note(ticket, "an hour", member="ben", kind="TimeEntryNote") == note
    stepper.accept_webhook(ticket)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["a note", "an hour"]
    assert _stored_notes() == [("TicketNote", note), ("TimeEntryNote", note)]


def test_note_shared_by_two_tickets_decided_at_once_is_announced_once(stepper: Stepper) -> None:
    """D5, T6: neither of the two workers knows what the other is about to commit."""
    child, parent = stepper.announce("ana", note="child"), stepper.announce("ana", "ben", note="parent")
    stepper.world.connectwise.bundle(child, parent, notify=False)
    stepper.note(child, "news")
    stepper.accept_webhook(parent)
    stepper.accept_webhook(child)

    def let_the_child_be_decided() -> None:
        assert process_event.process_next(stepper.server()[0])

    assert process_event.process_next(stepper.paused_before_its_commit(let_the_child_be_decided))
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["child", "parent", "news"]
    assert received_notes(stepper.world, "Ben Bauer") == ["parent", "news"]
    assert {row.state for row in event_rows()} == {"done"}


@pytest.mark.parametrize("how", ["merge", "bundle"])
def test_notes_of_a_merged_or_bundled_ticket_are_announced_once(stepper: Stepper, how: str) -> None:
    """T6: they come again with the other ticket."""
    child = stepper.announce("ana", note="child")
    stepper.note(child, "child again")
    parent = stepper.announce("ana", note="parent")
    stepper.accept_webhook(child)
    stepper.work()
    getattr(stepper.world.connectwise, how)(child, parent, notify=False)
    stepper.clock.advance(seconds=5)
    stepper.note(child, "after")
    for ticket in (parent, child, parent):
        stepper.accept_webhook(ticket)
    stepper.run(minutes=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["child", "parent", "child again", "after"]


def test_edited_note_is_not_announced_again(stepper: Stepper) -> None:
    """T6."""
    ticket = stepper.announce("ana", note="zero")
    note = stepper.note(ticket, "one")
    stepper.accept_webhook(ticket)
    stepper.work()
    stepper.world.connectwise.edit_note(ticket, note, "one, corrected", notify=False)
    stepper.accept_webhook(ticket)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]


def test_time_entry_entered_weeks_later_is_news(stepper: Stepper) -> None:
    """T6: what counts is when it was entered, not when the work began."""
    ticket = stepper.announce("ana", note="zero")
    long_ago = stepper.clock() - timedelta(days=40)
    stepper.note(ticket, "an hour in January", member="ben", kind="TimeEntryNote", work_at=long_ago)
    stepper.accept_webhook(ticket)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "an hour in January"]


def _announce_with_notes(stepper: Stepper, numbers: range) -> int:
    """Announce a ticket, and write notes on it, one a second, without a webhook."""
    ticket = stepper.announce("ana", note="zero")
    for number in numbers:
        stepper.clock.advance(seconds=1)
        stepper.note(ticket, f"note {number}")
    return ticket


@pytest.mark.parametrize("order", ["", "_info/sortByDate", "refused"], ids=["as asked", "oldest first", "refused"])
def test_time_entry_for_old_work_is_found_behind_a_hundred_notes(stepper: Stepper, order: str) -> None:
    """T6: by when its work began a time entry would not stand on the first page, and the order may be ignored."""
    if order == "refused":  # then we ask for that of `sortByDate`
        stepper.world.connectwise.faults.add(faults.status(400, path="/allNotes", query="orderBy=_info/dateEntered"))
    else:
        stepper.world.connectwise.note_order = order
    ticket = _announce_with_notes(stepper, range(150))
    stepper.accept_webhook(ticket)
    stepper.work()
    count_before = len(received_notes(stepper.world, "Ana Alvarez"))
    stepper.clock.advance(minutes=1)
    long_ago = stepper.clock() - timedelta(days=40)
    stepper.note(ticket, "an hour in January", member="ben", kind="TimeEntryNote", work_at=long_ago)
    stepper.accept_webhook(ticket)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez")[count_before:] == ["an hour in January"]


def test_where_the_order_is_not_kept_all_notes_are_read(stepper: Stepper) -> None:
    """T6: the newest are on the last page."""
    stepper.world.connectwise.note_order = "_info/sortByDate"
    ticket = _announce_with_notes(stepper, range(250))
    stepper.accept_webhook(ticket)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez")[-1] == "note 249"


def test_of_very_many_new_notes_200_are_read_and_the_newest_announced(stepper: Stepper) -> None:
    """T6, D5."""
    ticket = _announce_with_notes(stepper, range(1, 251))
    stepper.world.connectwise.calls.clear()
    stepper.accept_webhook(ticket)
    stepper.work()

    assert stepper.world.connectwise.calls.count("GET service/tickets/{id}/allNotes") == 2
    assert received_notes(stepper.world, "Ana Alvarez")[1:] == [f"note {number}" for number in range(246, 251)]
    first_update = stepper.world.webex.messages()[1]
    assert "195 earlier notes not shown" in first_update.markdown
    assert len([row for row in rows_of("Ana Alvarez") if row.state == "skipped"]) == 195

    stepper.world.connectwise.calls.clear()
    stepper.accept_webhook(ticket)
    stepper.work()
    assert stepper.world.connectwise.calls.count("GET service/tickets/{id}/allNotes") == 1
    assert len(received_notes(stepper.world, "Ana Alvarez")) == 6


@pytest.mark.parametrize("absent", [faults.without, faults.nulls], ids=["missing", "null"])
def test_ticket_without_optional_fields_is_announced_once(
    stepper: Stepper, absent: Callable[..., faults.Fault]
) -> None:
    """T2."""
    stepper.world.add_rule("Help Desk")
    stepper.world.connectwise.faults.add(absent(*_TICKET_PARTS, path=r"/tickets/\d+$"))
    stepper.world.connectwise.faults.add(absent(*_NOTE_PARTS, path="/allNotes$"))
    ticket = stepper.announce("ana", note="a description that the role does not show")
    stepper.accept_webhook(ticket)
    stepper.run(hours=1)

    assert {row.state for row in event_rows()} == {"done"}
    assert [(row.recipient_name, row.state) for row in ledger()] == [("Help Desk", "sent"), ("Ana Alvarez", "sent")]
    assert all("(no summary)" in message.markdown for message in stepper.world.webex.messages())


def test_old_models_with_nulls_for_unset_fields_are_understood(stepper_of_old: Stepper) -> None:
    """T2."""
    stepper = stepper_of_old
    stepper.world.add_rule("Help Desk")
    ticket = stepper.world.connectwise.add_ticket(stepper.world.board, "Nobody's", notify=False)
    stepper.world.connectwise.add_note(ticket, None, notify=False)
    stepper.accept_webhook(ticket)
    stepper.work()
    assert [row.state for row in event_rows()] == ["done"]
    assert [(row.recipient_name, row.state) for row in ledger()] == [("Help Desk", "sent")]


@pytest.mark.parametrize(
    "text",
    [
        "<@all> <@personEmail:ana@msp.example|Ana> " * 2500,
        "\0".join(["cut", "by", "zeros"]) * 8000,
        "🔥👩‍🚒" * 8000,
        "> quote\n# heading\n```\n[a](https://evil.example)\n" * 2000,
        "x" * 100_000,
        "half an emoji \ud83d and a bell \x07",
    ],
    ids=["mentions", "NUL characters", "emoji", "marks", "one long word", "broken"],
)
def test_100_kb_note_is_stored_announced_and_harmless(stepper: Stepper, text: str) -> None:
    """B2, B3, harmless-text."""
    stepper.world.configure(max_message_length=4000)
    ticket = stepper.announce("ana", note="zero")
    stepper.world.connectwise.faults.add(_note_of(text))
    stepper.note(ticket, "one")
    stepper.accept_webhook(ticket)
    stepper.work()

    assert [row.state for row in ledger()] == ["sent", "sent"], [row.error for row in ledger()]
    markdown = stepper.world.webex.messages()[-1].markdown
    assert len(markdown.encode()) <= 7439
    assert "<@" not in markdown
    assert not re.search(r"(?<!\\)\]\(https://evil", markdown)
    assert "\0" not in markdown
    with db.session():
        stored = tickets.Note.select().order_by(tickets.Note.id.desc()).first()
    assert stored.text.startswith(text[:3])


def _note_of(text: str) -> faults.Fault:
    """Return a fault that answers `allNotes` with a note written at this moment, as raw JSON of any text."""
    note = {"id": 9001, "noteType": "TicketNote", "text": text, "detailDescriptionFlag": True}
    return faults.Fault(effect="answer", status=200, content=json.dumps([note]), path="/allNotes$", times=1)
