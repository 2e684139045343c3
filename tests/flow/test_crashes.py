"""T7: an event that ends the process it runs in does not hold up the others, and ends up dead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.simulated_time import Stepper, event_rows, received_notes
from ticketbot import metrics
from ticketbot.database import db
from ticketbot.models import event_claims, events, holds

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=31)
GONE, ONE, TWO, STOPPED = 1, 2, 3, 4  # servers


def _queue(*tickets: int) -> None:
    with db.transaction("accept"):
        events.enqueue(
            events.Change(ticket, "hook", "updated", None, f"hook-{ticket}", NOW + timedelta(seconds=place))
            for place, ticket in enumerate(tickets)
        )


def _claim(server: int, now: datetime = LATER) -> int | None:
    event = event_claims.claim(server, now)
    return event and event.ticket_id


def _finish(ticket: int) -> None:
    with db.transaction("finish-event"):
        (event,) = [row for row in event_rows() if row.ticket_id == ticket and row.state == events.RUNNING]
        assert events.finish(event, now=NOW, decisions=[])


def _crash(server: int) -> None:
    with db.transaction("release"):
        event_claims.requeue_abandoned(server, NOW)


def test_event_that_ended_a_process_is_claimed_alone(database: str) -> None:
    _queue(7)
    assert _claim(GONE) == 7
    _queue(8, 9)
    assert _claim(ONE) == 8
    _crash(GONE)
    assert _claim(ONE) is None
    _finish(8)
    assert _claim(ONE) == 7


def test_server_claims_nothing_beside_an_event_that_ended_a_process(database: str) -> None:
    _queue(7, 8)
    assert _claim(GONE, NOW) == 7
    _crash(GONE)
    assert _claim(ONE) == 7
    assert _claim(ONE) is None
    assert _claim(TWO) == 8, "other servers go on"
    _finish(7)
    _queue(9)
    assert _claim(ONE) == 9


def test_event_is_dead_after_five_processes_ended_while_it_ran_alone(stepper: Stepper) -> None:
    counted = metrics.EVENTS.labels("dead")._value.get()
    ticket = stepper.add_ticket("ana", note="kills")
    stepper.accept_webhook(ticket)
    for _ in range(1 + event_claims.MAX_CRASHES_ALONE):
        assert event_claims.claim(GONE, stepper.clock())
        stepper.mark_dead(GONE)
    (event,) = event_rows()
    assert (event.state, event.error) == (events.DEAD, event_claims.CRASHED)
    assert metrics.EVENTS.labels("dead")._value.get() == counted + 1

    with db.transaction("retry"):
        assert events.retry_dead(events.Event.id == event.id, now=stepper.clock())
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["kills"]


def test_a_server_that_was_stopped_never_counts_against_its_events(database: str) -> None:
    _queue(7, 8)
    for _ in range(2 * event_claims.MAX_CRASHES_ALONE):
        assert _claim(STOPPED) == 7
        assert _claim(STOPPED) == 8, "neither runs alone"
        with db.transaction("release"):
            events.release(STOPPED, NOW)
    assert {row.state for row in event_rows()} == {events.WAITING}


def test_no_event_is_claimed_while_connectwise_refuses_everything(stepper: Stepper) -> None:
    """T7: during a hold nothing is claimed, alone or not."""
    stepper.accept_webhook(stepper.add_ticket("ana", note="kills"))
    assert event_claims.claim(GONE, stepper.clock())
    stepper.mark_dead(GONE)
    until = stepper.clock() + timedelta(minutes=1)
    with db.transaction("test"):
        holds.begin("connectwise", until=until, now=stepper.clock(), reason="401")
    assert event_claims.claim(ONE, stepper.clock()) is None


def test_process_found_dead_twice_counts_once(database: str) -> None:
    _queue(7)
    assert _claim(GONE) == 7
    _crash(GONE)
    _crash(GONE)
    assert [row.crashes_alone for row in event_rows()] == [0]
