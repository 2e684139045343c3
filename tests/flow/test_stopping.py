"""O4: SIGTERM finishes what is in flight, releases the rest, and exits 0 within 10 seconds."""

from __future__ import annotations

import signal
import time

from tests.environment import World, is_idle, ledger, post_webhook, wait_for
from tests.servers import ServerProcess
from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import events, facts, messages, servers
from ticketbot.simulators import faults, request_log

_MARGIN_S = 3.0


def _terminate(server: ServerProcess) -> tuple[int, float]:
    """Send SIGTERM and return the exit status with the seconds it took."""
    assert server.process is not None
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    status = server.process.wait(30)
    return status, time.monotonic() - started


def _add_tickets(world: World, server: ServerProcess, count: int) -> None:
    for number in range(count):
        ticket = world.connectwise.add_ticket(world.board, f"Ticket {number}", resources=["ana"], notify=False)
        assert post_webhook(server.url, world, world.connectwise.webhook_body(ticket)).ok


def _in_flight(log: request_log.Calls, part: str) -> bool:
    return any(call.status == 0 and part in call.path for call in log.log())


def _claimed() -> int:
    """Return how many servers, events and notifications are claimed."""
    with db.session():
        models = (events.Event, messages.Message)
        claimed = sum(model.select().where(model.server_id.is_null(False)).count() for model in models)
        return claimed + len(servers.all_servers())


def test_work_in_flight_is_finished_and_the_next_server_continues_at_once(world: World) -> None:
    world.add_rule("Help Desk")
    world.connectwise.latency_s = world.webex.latency_s = 0.3
    with ServerProcess(world.environ(TBOT_WORKERS="1")) as server:
        _add_tickets(world, server, 6)
        assert wait_for(lambda: _in_flight(world.webex.calls, "/messages"))
        assert wait_for(lambda: _in_flight(world.connectwise.calls, "/tickets/"))
        status, took_s = _terminate(server)
        assert (status, took_s < 10) == (0, True), server.log()
    assert _claimed() == 0
    assert not is_idle(), "everything was done before the signal came"
    assert all(row.webex_message_id for row in ledger() if row.state == "sent")
    assert {message.id for message in world.webex.messages()} == {
        row.webex_message_id for row in ledger() if row.state == "sent"
    }

    world.connectwise.latency_s = world.webex.latency_s = 0.0
    with ServerProcess(world.environ()):
        assert wait_for(is_idle)
    assert len(world.webex.messages()) == len(ledger()) == 12
    assert not any(row.possible_duplicate for row in ledger())


def test_hanging_work_is_released_after_ten_seconds(sqlite: str) -> None:
    """L2: how a post that hangs has ended is unknown, so it is flagged; an event just runs again."""
    with World(sqlite) as world:
        with ServerProcess(world.environ()) as server:
            world.webex.faults.add(faults.slow(60, path="/messages"))
            _add_tickets(world, server, 1)
            assert wait_for(lambda: _in_flight(world.webex.calls, "/messages"))
            world.connectwise.faults.add(faults.slow(60, path="/tickets/"))
            _add_tickets(world, server, 1)
            assert wait_for(lambda: _in_flight(world.connectwise.calls, "/tickets/"))
            status, took_s = _terminate(server)
            assert (status, took_s < 10 + _MARGIN_S) == (0, True), (status, took_s, server.log())
        assert _claimed() == 0
        world.connectwise.faults.clear()
        world.webex.faults.clear()
        with ServerProcess(world.environ()):
            assert wait_for(lambda: is_idle() and len(ledger()) == 2)
        assert [(row.state, row.possible_duplicate) for row in ledger()] == [("sent", True), ("sent", False)]


def test_a_server_stops_with_7_when_a_newer_release_takes_over_its_database(world: World) -> None:
    """O5: it finishes and releases what it had claimed, so that the newer one need not wait."""
    with ServerProcess(world.environ()) as server:
        _add_tickets(world, server, 2)
        with db.transaction("test"):
            facts.Fact.update(value="99.0.0").where(facts.Fact.name == facts.OLDEST_PROGRAM).execute()
        assert server.process is not None
        assert server.process.wait(20) == errors.SchemaTooNew.exit_status, server.log()
        assert "needs tbot 99.0.0 or newer" in server.log()
    assert _claimed() == 0
    with db.transaction("test"):
        facts.Fact.update(value="0.1.0").where(facts.Fact.name == facts.OLDEST_PROGRAM).execute()
