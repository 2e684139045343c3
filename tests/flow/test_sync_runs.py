"""S: one run at a time, its progress, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.databases import Outage
from tests.environment import World, wait_for
from tests.sync_fixture import ENDS_WITHIN_S, Syncing, note_texts, phases
from ticketbot import errors
from ticketbot.background import heartbeat
from ticketbot.connectwise import rate_limit
from ticketbot.database import db
from ticketbot.models import syncs
from ticketbot.simulators import faults
from ticketbot.sync import sync_service


@pytest.fixture
def syncing(world: World) -> Iterator[Syncing]:
    syncing = Syncing(world)
    yield syncing
    syncing.syncs.stop()
    assert syncing.syncs.join(10)


def _is_reading_notes(syncing: Syncing, run_id: int) -> bool:
    return phases(syncing.row(run_id)).get("notes", (0, 0, 0))[1] > 0


def _is_nobody_asking() -> bool:
    """Return whether the calls that were left alone at the end of a sync are over."""
    return not any(thread.name.startswith("sync-") for thread in threading.enumerate())


def _start_a_long_one(syncing: Syncing) -> syncs.SyncRun:
    syncing.connectwise.add_many(300, syncing.world.board, notes=1)
    syncing.connectwise.latency_s = 0.05
    run = syncing.syncs.start(sync_service.Request(tickets=True), "ana@msp.example")
    assert wait_for(lambda: _is_reading_notes(syncing, run.id))
    return run


def test_run_shows_its_progress(syncing: Syncing) -> None:
    """S"""
    run = syncing.row(_start_a_long_one(syncing).id)
    total, done, failures = phases(run)["notes"]
    assert (run.state, run.requested_by, total, failures) == ("running", "ana@msp.example", 300, 0)
    assert 0 < done < 300
    assert run.finished_at is None


def test_a_second_run_is_refused_on_every_server(syncing: Syncing) -> None:
    """S"""
    run = _start_a_long_one(syncing)
    for server in (syncing, Syncing(syncing.world)):
        with pytest.raises(errors.Conflict) as caught:
            server.syncs.start(sync_service.Request(boards=True))
        assert caught.value.run_id == run.id


def test_a_run_is_canceled_on_request_and_keeps_what_it_has_stored(syncing: Syncing) -> None:
    """S"""
    run = _start_a_long_one(syncing)
    with db.transaction("test"):
        assert syncs.request_cancel().id == run.id  # type: ignore[union-attr]
    assert syncing.syncs.join(5)
    row = syncing.row(run.id)
    assert (row.state, row.errors) == ("cancelled", ["cancelled on request"])
    assert row.finished_at is not None
    read = len(note_texts())
    syncing.connectwise.latency_s = 0
    assert wait_for(_is_nobody_asking), "calls that were under way do not end"
    syncing.clear_calls()
    assert syncing.run(tickets=True).state == "done"
    assert syncing.count_calls() == 2 + 300 - read


def test_a_server_that_stops_cancels_its_run(syncing: Syncing) -> None:
    """O4"""
    run = _start_a_long_one(syncing)
    syncing.syncs.stop()
    assert syncing.syncs.join(5)
    assert syncing.row(run.id).state == "cancelled"
    with pytest.raises(errors.Unreachable):
        syncing.syncs.start(sync_service.Request(boards=True))


def test_a_server_that_stops_while_the_database_is_away_leaves_its_run_to_be_released(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    """S, O4"""
    with World(outage.url) as world:
        syncing = Syncing(world)
        world.connectwise.faults.add(faults.slow(ENDS_WITHIN_S, path="/service/boards$"))
        run = syncing.syncs.start(sync_service.Request(boards=True))
        assert wait_for(lambda: syncing.count_calls("GET service/boards") == 1)
        outage.begin()
        syncing.syncs.stop()
        assert syncing.syncs.join(10)
        outage.end()
        assert "its result is not recorded" in caplog.text
        assert syncing.row(run.id).state == "running"
        heartbeat.release(syncing.services.server.id, datetime.now(UTC))
        assert syncing.row(run.id).errors == [syncs.VANISHED]


def test_boards_that_neither_we_nor_connectwise_know_are_unknown(syncing: Syncing) -> None:
    """S: those we know and those ConnectWise knows are not."""
    world = syncing.world
    new = world.connectwise.add_board("Night Desk")
    world.add_rule("Help Desk")
    requested_ids = [world.board, new, 999]
    assert syncing.syncs.unknown_boards(requested_ids) == {999}
    assert syncing.syncs.unknown_boards([world.board]) == set()
    world.connectwise.faults.add(faults.down(path="/service/boards$"))
    with pytest.raises(errors.RemoteUnavailable):
        syncing.syncs.unknown_boards(requested_ids)


def test_a_run_whose_server_was_taken_for_dead_does_not_block_the_next_and_ends_itself(syncing: Syncing) -> None:
    """S, L7: it was only paused; then it finds out."""
    run = _start_a_long_one(syncing)
    other = Syncing(syncing.world)
    heartbeat.release(syncing.services.server.id, datetime.now(UTC))
    with db.transaction("test"):
        now = datetime.now(UTC)
        next_run = syncs.start({}, requested_by=None, server_id=other.services.server.id, now=now)
    assert next_run is not None
    assert syncing.syncs.join(5)
    row = syncing.row(run.id)
    assert (row.state, row.errors[-1]) == ("failed", syncs.VANISHED)
    assert syncing.row(next_run.id).state == "running"


def test_bug_makes_a_run_fail(syncing: Syncing) -> None:
    run = syncing.run(tickets=True, board_ids=7)  # no list
    assert run.state == "failed"
    assert "a bug in tbot" in run.errors[-1]


def test_errors_are_all_counted_and_the_first_hundred_named(syncing: Syncing) -> None:
    """S"""
    syncing.connectwise.add_many(120, syncing.world.board, notes=1)
    syncing.connectwise.faults.add(faults.status(400, "No.", path="/allNotes"))
    run = syncing.run(tickets=True)
    assert (run.state, run.error_count, len(run.errors)) == ("done", 120, 100)


def test_a_sync_never_exceeds_the_calls_allowed(world: World) -> None:
    """S3: never above ConnectWise's thousand calls a minute, here 600."""
    syncing = Syncing(world, rate_limit.RateLimiter(600))
    world.connectwise.add_many(20, world.board)
    world.connectwise.calls_per_minute = 600
    assert syncing.run(tickets=True).error_count == 0
    assert {call.status for call in world.connectwise.calls.log()} == {200}
