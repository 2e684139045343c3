"""S: syncs through the HTTP API of a running server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.environment import World, wait_for
from tests.servers import ServerProcess
from ticketbot import errors
from ticketbot.api import sync_responses
from ticketbot.api.client import Client
from ticketbot.simulators import faults

EMAIL, KEY = "ana@msp.example", "a-key-that-is-long-enough"


class Served(Client):
    """A client of a running server, and the world it is in."""

    def __init__(self, url: str, world: World) -> None:
        super().__init__(url, KEY)
        self.url, self.world = url, world

    def await_end(self, run_id: int) -> sync_responses.SyncRun:
        """Wait until a run has ended."""
        assert wait_for(lambda: self.sync_run(run_id).state != "running")
        return self.sync_run(run_id)

    def start_a_long_one(self) -> sync_responses.SyncRun:
        """Start a sync that takes some seconds."""
        self.world.connectwise.add_many(200, self.world.board)
        self.world.connectwise.latency_s = 0.1
        return self.start_sync(tickets=True)


def _environ(world: World) -> dict[str, str]:
    return world.environ(TBOT_ADMIN_EMAIL=EMAIL, TBOT_ADMIN_KEY=KEY, TBOT_CW_CALLS_PER_MINUTE="0")


@pytest.fixture
def served(world: World) -> Iterator[Served]:
    with world.server(TBOT_ADMIN_EMAIL=EMAIL, TBOT_ADMIN_KEY=KEY, TBOT_CW_CALLS_PER_MINUTE="0") as server:
        yield Served(server.url, world)


def test_sync_is_started_followed_and_listed(served: Served) -> None:
    assert served.sync_status() == sync_responses.SyncStatus(syncing=False, run=None)
    run = served.start_sync(boards=True, recipients=True, tickets=True)
    assert (run.state, run.requested_by, run.finished_at) == ("running", EMAIL, None)
    ended = served.await_end(run.id)
    assert (ended.state, ended.errors) == ("done", [])
    assert {"boards", "rooms", "notes"} <= {phase.name for phase in ended.phases}
    assert served.sync_runs() == [ended]
    assert served.sync_status() == sync_responses.SyncStatus(syncing=False, run=ended)
    assert [(entry.action, entry.object, entry.object_id) for entry in served.audit()] == [
        ("start", "sync", str(run.id))
    ]
    with pytest.raises(errors.NotFound):
        served.sync_run(99)


def test_running_sync_blocks_the_next_which_gets_its_id(served: Served) -> None:
    run = served.start_a_long_one()
    assert served.sync_status().syncing
    headers = {"Authorization": f"Bearer {KEY}"}
    response = requests.post(f"{served.url}/sync", json={"boards": True}, headers=headers, timeout=10)
    assert (response.status_code, response.json()["run_id"]) == (409, run.id)
    served.cancel_sync()
    assert served.await_end(run.id).state == "cancelled"


def test_progress_is_written_while_it_runs(served: Served) -> None:
    run = served.start_a_long_one()
    seen = set()

    def has_moved_twice() -> bool:
        seen.update(phase.done for phase in served.sync_run(run.id).phases if phase.name == "notes")
        return len(seen) >= 3

    assert wait_for(has_moved_twice)


def test_canceling_without_a_running_sync_is_an_error(served: Served) -> None:
    with pytest.raises(errors.Conflict):
        served.cancel_sync()


def test_nothing_selected_and_unknown_boards_are_invalid(served: Served) -> None:
    for body in ({}, {"tickets": True, "board_ids": [4711]}):
        with pytest.raises(errors.InvalidInput):
            served.start_sync(**body)
    run = served.start_sync(tickets=True, board_ids=[served.world.board])  # known to ConnectWise, not yet to us
    assert served.await_end(run.id).state == "done"


def test_a_sync_of_a_new_board_while_connectwise_is_down_is_not_the_fault_of_the_request(served: Served) -> None:
    served.world.connectwise.faults.add(faults.status(503, path="/service/boards"))
    with pytest.raises(errors.RemoteUnavailable, match="503"):
        served.start_sync(tickets=True, board_ids=[served.world.board])


def test_a_server_that_stops_ends_its_sync_within_its_ten_seconds(world: World) -> None:
    """O4"""
    with ServerProcess(_environ(world)) as server:
        Served(server.url, world).start_a_long_one()
    with ServerProcess(_environ(world)) as server:
        assert Served(server.url, world).sync_runs()[0].state == "cancelled"


def test_a_server_that_was_killed_does_not_block_the_next(world: World) -> None:
    """S"""
    with ServerProcess(_environ(world)) as server:
        run = Served(server.url, world).start_a_long_one()
        server.kill()
    world.connectwise.latency_s = 0
    with ServerProcess(_environ(world)) as server:
        served = Served(server.url, world)
        assert served.await_end(run.id).state == "failed"
        assert served.await_end(served.start_sync(tickets=True).id).state == "done"


def test_metrics_show_catch_up_finds_and_the_end_of_the_last_sync(served: Served) -> None:
    """O3"""
    served.await_end(served.start_sync(boards=True).id)
    text = requests.get(f"{served.url}/metrics", timeout=10).text
    assert 'tbot_sync_last_ended_timestamp_seconds{state="done"}' in text
    assert "tbot_sync_running 0.0" in text
    assert "tbot_catch_up_finds_total" in text
