"""T5, L2, O2: a clock that is wrong, or jumps, silences nothing and kills nothing, and is reported."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from tests.clock import START
from tests.environment import ledger
from tests.flow.test_health import Server
from tests.simulated_time import Stepper, event_rows, received_notes
from ticketbot.background import outbox_upkeep
from ticketbot.database import db
from ticketbot.models import events, facts, notifications
from ticketbot.pipeline import clock, deliver, process_event
from ticketbot.simulators import faults

AHEAD = [timedelta(hours=8), timedelta(days=40)]


class SkewedServer:
    """A server whose own clock is off from ConnectWise's, which is that of the stepper."""

    def __init__(self, stepper: Stepper, off: timedelta = timedelta(0)) -> None:
        self.off = off
        self._stepper = stepper
        self.clocks = clock.Clocks(self.now, lambda: stepper.clock().timestamp())
        self.events = replace(stepper.events, clocks=self.clocks)
        self.messages = replace(stepper.messages, clocks=self.clocks)

    def now(self) -> datetime:
        return self._stepper.clock() + self.off

    def start(self) -> None:
        """Start for the first time, with the clock as it is."""
        with db.transaction("test"):
            facts.Fact.delete().where(facts.Fact.name == facts.WATCHING_SINCE).execute()
            facts.start_watching(self.now())

    def check_clock(self) -> None:
        self.clocks.hear(self._stepper.clock())
        clock.check(self._stepper.remote.connectwise, self.clocks, lambda: None)

    def work(self) -> None:
        while process_event.process_next(self.events) or deliver.send_next(self.messages):
            pass
        outbox_upkeep.tidy_outbox(self.now(), give_up_until=self.clocks.give_up_until())


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_a_first_start_with_the_clock_ahead_announces_new_tickets(stepper: Stepper, ahead: timedelta) -> None:
    server = SkewedServer(stepper, ahead)
    server.start()
    server.clocks.hear(stepper.clock())
    stepper.accept_webhook(stepper.add_ticket("ana", note="new"), "added")
    server.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["new"]


def test_a_first_start_with_the_clock_behind_announces_nothing_old(stepper: Stepper) -> None:
    """T5: watching began by ConnectWise's clock, once it has answered; a later change of the clock moves nothing."""
    old = stepper.add_ticket("ana", note="old")
    stepper.clock.advance(days=2)
    server = SkewedServer(stepper, -timedelta(days=3))
    server.start()
    server.check_clock()
    stepper.accept_webhook(old)
    server.work()
    assert received_notes(stepper.world, "Ana Alvarez") == []
    started_at = stepper.clock()
    stepper.clock.advance(hours=1)
    server.check_clock()
    with db.session():
        assert facts.read_time(facts.WATCHING_SINCE) == started_at


@pytest.mark.parametrize("ahead", AHEAD, ids=str)
def test_times_stored_by_a_wrong_clock_are_corrected(
    stepper: Stepper, ahead: timedelta, caplog: pytest.LogCaptureFixture
) -> None:
    """Also with --skip-missed, which sets all marks."""
    server = SkewedServer(stepper, ahead)
    server.start()
    with db.transaction("test"):
        facts.skip_missed(server.now())
    assert server.clocks.is_wrong() is False, "nobody has told it yet"
    server.check_clock()
    assert server.clocks.is_wrong()
    assert "synchronize it with NTP" in caplog.text
    with db.session():
        marks = {
            facts.read_time(name) for name in (facts.WATCHING_SINCE, facts.CATCH_UP_WATERMARK, facts.SKIPPED_UNTIL)
        }
    assert marks == {START}

    stepper.clock.advance(minutes=1)
    right = SkewedServer(stepper)
    stepper.accept_webhook(stepper.add_ticket("ana", note="new"), "added")
    right.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["new"]


def test_times_in_the_past_are_left_alone(stepper: Stepper) -> None:
    server = SkewedServer(stepper)
    stepper.clock.advance(days=1)
    server.check_clock()
    with db.session():
        assert facts.read_time(facts.WATCHING_SINCE) == START


def test_a_clock_that_jumps_a_day_ahead_kills_no_message(stepper: Stepper) -> None:
    server = SkewedServer(stepper)
    stepper.world.webex.faults.add(faults.status(503, path="/messages", times=2))
    stepper.accept_webhook(stepper.add_ticket("ana", note="late"), "added")
    server.work()
    stepper.clock.advance(minutes=10)
    server.off = timedelta(days=1)
    server.work()
    (row,) = ledger()
    assert row.state == notifications.PENDING
    stepper.clock.advance(minutes=10)
    server.work()
    assert [row.state for row in ledger()] == [notifications.SENT]


def test_a_clock_that_jumps_a_day_ahead_kills_no_event(stepper: Stepper) -> None:
    server = SkewedServer(stepper)
    stepper.world.connectwise.faults.add(faults.status(500, path="/tickets/"))
    stepper.accept_webhook(stepper.add_ticket("ana", note="late"), "added")
    stepper.clock.advance(minutes=10)
    server.off = timedelta(days=2)
    server.work()
    assert [row.state for row in event_rows()] == [events.WAITING]


def test_server_gives_nothing_up_in_its_first_three_minutes(stepper: Stepper) -> None:
    """What is overdue is not sent either."""
    stepper.world.webex.faults.add(faults.status(503, path="/messages", times=1))
    stepper.announce("ana", note="old")
    stepper.clock.advance(days=2)
    server = SkewedServer(stepper)
    server.work()
    assert [row.state for row in ledger()] == [notifications.PENDING]
    stepper.clock.advance(minutes=3)
    server.work()
    assert [row.state for row in ledger()] == [notifications.DEAD]
    assert stepper.world.webex.messages() == []


def test_a_wrong_clock_is_reported(sqlite: str) -> None:
    """O2."""
    server = Server()
    server.clock_is_wrong = True
    assert server.ready() == (200, "degraded", {"clock": "degraded"})
