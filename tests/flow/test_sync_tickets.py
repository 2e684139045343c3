"""S3: ticket syncs against the simulated ConnectWise, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.environment import World, ledger, minutes_ago
from tests.sync_fixture import Syncing, note_texts, open_tickets, phases, stored
from ticketbot.database import db
from ticketbot.models import events, tickets
from ticketbot.simulators import faults
from ticketbot.sync import adaptive_pool

LISTS = ("GET service/tickets", "GET project/tickets")


@pytest.fixture
def syncing(world: World) -> Iterator[Syncing]:
    syncing = Syncing(world)
    yield syncing
    syncing.syncs.stop()
    assert syncing.syncs.join(10)


def test_open_tickets_and_their_notes_are_stored_with_one_call_for_each_and_one_for_each_page(syncing: Syncing) -> None:
    """S3"""
    world = syncing.world
    written = world.connectwise.add_many(12, world.board, notes=2)
    bare = world.connectwise.add_many(5, world.board)
    planned = world.connectwise.add_many(3, world.project_board, notes=1)
    world.connectwise.add_ticket(world.board, "Done", status=">Closed", notify=False)
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert open_tickets() == sorted([*written, *bare, *planned])
    assert len(note_texts()) == 12 * 2 + 3
    assert syncing.count_calls() == 2 + 20
    assert phases(run) == {
        "service tickets": (17, 17, 0),
        "project tickets": (3, 3, 0),
        "closed tickets": (0, 0, 0),
        "notes": (20, 20, 0),
    }


def test_a_second_sync_reads_only_the_notes_of_what_changed(syncing: Syncing) -> None:
    """S3"""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(20, world.board, notes=1)
    syncing.run(tickets=True)
    for ticket in ticket_ids[3:6]:
        world.connectwise.add_note(ticket, f"news of {ticket}", contact=world.contact)
    syncing.clear_calls()
    run = syncing.run(tickets=True)
    assert run.state == "done"
    assert syncing.count_calls() == 2 + 3
    assert sum("news of" in text for text in note_texts()) == 3


def test_a_note_of_the_second_that_was_just_read_is_not_missed_by_the_next_sync(syncing: Syncing) -> None:
    """S3: dates are whole seconds."""
    world = syncing.world
    world.connectwise.now = lambda: datetime.now(UTC)
    (ticket,) = world.connectwise.add_many(1, world.board, notes=1)
    syncing.run(tickets=True)
    world.connectwise.add_note(ticket, "in the same second?", contact=world.contact)
    syncing.clear_calls()
    syncing.run(tickets=True)
    assert "in the same second?" in note_texts()
    syncing.run(tickets=True)
    assert syncing.count_calls("GET service/tickets/{id}/allNotes") == 1


def test_a_ticket_is_stored_as_its_list_row_describes_it(syncing: Syncing) -> None:
    """S3: no ticket is fetched twice."""
    world = syncing.world
    ticket = world.connectwise.add_ticket(
        world.board, "Printer", owner="ana", resources=["ana", "ben"], contact=world.contact, company=world.company
    )
    syncing.run(tickets=True)
    row = stored(ticket)
    assert (row.summary, row.board_name, row.company, row.contact) == (
        "Printer",
        "Service Desk",
        "Hanrahan Logistics",
        "Gus Hanrahan",
    )
    assert (row.owner, row.resources, row.open, row.kind) == ("ana", ["ana", "ben"], True, "service")


def test_a_sync_stores_and_never_decides(syncing: Syncing) -> None:
    """S3"""
    world = syncing.world
    world.add_rule("Help Desk")
    ticket = world.connectwise.add_ticket(world.board, "Printer", resources=["ana"], note="Smoke", notify=False)
    syncing.run(boards=True, recipients=True, tickets=True)
    row = stored(ticket)
    assert (row.announced_at, row.decided_at_update) == (None, None)
    with db.session():
        assert [note.decided_at for note in tickets.Note.select()] == [None]
        assert events.Event.select().count() == 0
    assert ledger() == world.webex.messages() == []


def test_closed_and_deleted_tickets_are_noticed_without_a_call_for_each(syncing: Syncing) -> None:
    """S3"""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(30, world.board)
    moved = world.connectwise.add_ticket(world.project_board, "Plan", notify=False)
    syncing.run(tickets=True)
    for ticket in ticket_ids[:15]:
        world.connectwise.update_ticket(ticket, status=">Closed", notify=False)
    world.connectwise.delete_ticket(ticket_ids[15], notify=False)
    world.connectwise.delete_ticket(moved, notify=False)
    syncing.clear_calls()
    run = syncing.run(tickets=True)
    assert open_tickets() == ticket_ids[16:]
    assert stored(ticket_ids[0]).status == ">Closed"
    assert stored(ticket_ids[15]).deleted_at is not None
    assert stored(moved).deleted_at is not None
    assert phases(run)["closed tickets"] == (17, 17, 0)
    # Two lists, one question by id for each kind, two single tickets under both paths.
    assert syncing.count_calls() == 2 + 2 + 4


def test_a_ticket_that_comes_back_is_open_again(syncing: Syncing) -> None:
    """T4"""
    world = syncing.world
    ticket = world.connectwise.add_ticket(world.board, "Printer", notify=False)
    other = world.connectwise.add_ticket(world.board, "Scanner", notify=False)
    syncing.run(tickets=True)
    world.connectwise.delete_ticket(ticket, notify=False)
    syncing.run(tickets=True)
    assert open_tickets() == [other]
    world.connectwise.restore_ticket(ticket, notify=False)
    syncing.run(tickets=True)
    assert open_tickets() == [ticket, other]


def test_only_the_given_boards_are_synced(syncing: Syncing) -> None:
    """S3"""
    world = syncing.world
    other = world.connectwise.add_board("Night Desk")
    mine, theirs = (world.connectwise.add_many(3, board) for board in (world.board, other))
    syncing.run(tickets=True, board_ids=[other])
    assert open_tickets() == theirs
    syncing.run(tickets=True)
    world.connectwise.update_ticket(mine[0], status=">Closed", notify=False)
    syncing.run(tickets=True, board_ids=[other])
    assert open_tickets() == sorted([*mine, *theirs])


def test_an_older_row_never_overwrites_a_newer_one(syncing: Syncing) -> None:
    """T3"""
    world = syncing.world
    ticket = world.connectwise.add_ticket(world.board, "Old", entered_at=minutes_ago(60), notify=False)
    with db.transaction("test"):
        newer = {"id": ticket, "summary": "New", "updated_at": minutes_ago(1), "stored_at": minutes_ago(1)}
        tickets.Ticket.insert(newer).execute()
    syncing.run(tickets=True)
    assert stored(ticket).summary == "New"


def test_an_older_note_never_overwrites_a_newer_one(syncing: Syncing) -> None:
    """T3"""
    ticket = syncing.world.connectwise.add_ticket(syncing.world.board, "Printer", note="old text", notify=False)
    syncing.run(tickets=True)
    with db.transaction("test"):
        tickets.Note.update(text="new text", updated_at=minutes_ago(-1)).execute()
    syncing.world.connectwise.update_ticket(ticket, status="In Progress", notify=False)
    syncing.run(tickets=True)
    with db.session():
        assert [note.text for note in tickets.notes_of(ticket)] == ["new text"]


def test_an_empty_open_set_closes_nothing_unless_forced(syncing: Syncing) -> None:
    """S: more than ten known open tickets do not vanish at once."""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(11, world.board)
    syncing.run(tickets=True)
    for ticket in ticket_ids:
        world.connectwise.update_ticket(ticket, status=">Closed", notify=False)
    run = syncing.run(tickets=True)
    assert run.state == "failed"
    assert "11 of 11 open tickets would be removed" in run.errors[0]
    assert open_tickets() == ticket_ids
    assert syncing.run(tickets=True, force=True).state == "done"
    assert open_tickets() == []


def test_ten_open_tickets_may_all_close(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    for ticket in world.connectwise.add_many(10, world.board):
        with db.transaction("test"):
            tickets.Ticket.insert(id=ticket, board_id=world.board, stored_at=minutes_ago(9)).execute()
        world.connectwise.update_ticket(ticket, status=">Closed", notify=False)
    assert syncing.run(tickets=True).state == "done"
    assert open_tickets() == []


def test_a_page_that_fails_once_is_asked_for_again(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(4, world.board, notes=1)
    world.connectwise.faults.add(faults.status(502, path="/service/tickets$", times=1))
    world.connectwise.faults.add(faults.half_a_body(path="/allNotes", times=1))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert open_tickets() == ticket_ids


def test_notes_that_cannot_be_read_are_named_and_the_rest_goes_on(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(6, world.board, notes=1)
    world.connectwise.faults.add(faults.status(400, "No.", path=f"/{ticket_ids[2]}/allNotes"))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert f"notes of ticket {ticket_ids[2]}" in run.errors[0]
    assert len(note_texts()) == 5
    world.connectwise.faults.clear()
    syncing.clear_calls()
    assert syncing.run(tickets=True).error_count == 0
    assert (len(note_texts()), syncing.count_calls("GET service/tickets/{id}/allNotes")) == (6, 1)


@pytest.mark.parametrize("too_many", ["1000", "(1000|250)"])
def test_page_that_times_out_is_requested_in_smaller_ones(
    syncing: Syncing, monkeypatch: pytest.MonkeyPatch, too_many: str
) -> None:
    """S: large systems answer large questions too late."""
    monkeypatch.setattr(adaptive_pool, "TRIES", 1)
    world = syncing.world
    ticket_ids = world.connectwise.add_many(60, world.board)
    world.connectwise.faults.add(faults.status(504, path="/service/tickets$", query=f"pageSize={too_many}(&|$)"))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert open_tickets() == ticket_ids


def test_possibly_closed_tickets_stay_open_until_confirmed(syncing: Syncing) -> None:
    """S3: no answer closes nothing."""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(4, world.board)
    syncing.run(tickets=True)
    for ticket in ticket_ids[:2]:
        world.connectwise.update_ticket(ticket, status=">Closed", notify=False)
    world.connectwise.faults.add(faults.status(400, "No.", path="/service/tickets$", query=r"id in \("))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert run.errors[0].startswith("2 tickets that may have closed: ")
    assert open_tickets() == ticket_ids
    world.connectwise.faults.clear()
    assert syncing.run(tickets=True).error_count == 0
    assert open_tickets() == ticket_ids[2:]


def test_possibly_deleted_ticket_stays_until_confirmed(syncing: Syncing) -> None:
    """S3, W7"""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(3, world.board)
    syncing.run(tickets=True)
    world.connectwise.delete_ticket(ticket_ids[0], notify=False)
    world.connectwise.faults.add(faults.status(400, "No.", path=f"/tickets/{ticket_ids[0]}$"))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert run.errors[0].startswith(f"ticket {ticket_ids[0]}: ")
    assert open_tickets() == ticket_ids
    world.connectwise.faults.clear()
    assert syncing.run(tickets=True).error_count == 0
    assert open_tickets() == ticket_ids[1:]


def test_a_ticket_that_became_a_project_ticket_is_found_there(syncing: Syncing) -> None:
    """S3, W7: gone means gone under both paths."""
    world = syncing.world
    ticket = world.connectwise.add_ticket(world.project_board, "Plan", status=">Closed", notify=False)
    with db.transaction("test"):
        tickets.Ticket.insert(id=ticket, board_id=world.board, kind="service", stored_at=minutes_ago(9)).execute()
    assert syncing.run(tickets=True).error_count == 0
    row = stored(ticket)
    assert (row.kind, row.open, row.deleted_at) == ("project", False, None)


def test_ticket_deleted_while_its_notes_are_read_is_no_error(syncing: Syncing) -> None:
    """S3: the next sync finds out."""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(3, world.board, notes=1)
    gone = faults.Fault(
        effect="answer", status=404, content='{"code":"NotFound"}', path=f"/{ticket_ids[0]}/(allNotes|notes)"
    )
    world.connectwise.faults.add(gone)
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert phases(run)["notes"] == (3, 3, 0)
    assert len(note_texts()) == 2


def test_missing_permission_for_projects_is_an_error_but_no_failure(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(2, world.board)
    world.connectwise.faults.add(faults.no_endpoint("/project/tickets"))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert "inquiry rights" in run.errors[0]
    assert open_tickets() == ticket_ids


def test_wrong_credentials_fail_the_run(syncing: Syncing) -> None:
    """S"""
    syncing.connectwise.private_key = "changed"
    run = syncing.run(boards=True, tickets=True)
    assert run.state == "failed"
    assert any("boards" in text and "401" in text for text in run.errors)


def test_a_merged_ticket_brings_its_notes_once(syncing: Syncing) -> None:
    """T6: notes are known by kind and id together, over all tickets."""
    world = syncing.world
    child, parent = world.connectwise.add_many(2, world.board, notes=2)
    world.connectwise.merge(child, parent, notify=False)
    assert syncing.run(tickets=True).error_count == 0
    assert len(note_texts()) == 4


def test_429_slows_a_sync_down_without_losing_anything(syncing: Syncing) -> None:
    """S3, S4"""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(30, world.board, notes=1)
    world.connectwise.faults.add(faults.throttled("0", path="/allNotes", skip=6, times=3))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert len(note_texts()) == len(ticket_ids)


def test_parallel_calls_stay_within_max_concurrent_syncs(syncing: Syncing) -> None:
    """S4"""
    world = syncing.world
    world.configure(max_concurrent_syncs=3)
    world.connectwise.latency_s = 0.01
    world.connectwise.add_many(30, world.board)
    syncing.run(tickets=True)
    assert world.connectwise.calls.peak == 3


def test_a_ticket_without_dates_is_stored_and_ends_no_sync(syncing: Syncing) -> None:
    """An API member of a narrow role sees no `_info`."""
    world = syncing.world
    ticket_ids = world.connectwise.add_many(3, world.board, notes=1)
    world.connectwise.faults.add(faults.without("_info"))
    for _ in range(2):
        assert syncing.run(tickets=True).state == "done"
    assert open_tickets() == ticket_ids
    assert len(note_texts()) == 3
