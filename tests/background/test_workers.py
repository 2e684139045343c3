"""O2, O4: the threads of a server go on whatever happens in them, and end when they are told to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from msgspec.structs import replace

from tests.environment import wait_for
from tests.simulated_time import Stepper
from ticketbot import errors
from ticketbot.background import heartbeat, periodic, workers
from ticketbot.database import db
from ticketbot.models import holds, quiet_hours, schema
from ticketbot.pipeline import deliver


class Crew:
    """The threads of one server, with a duty whose every look is scripted."""

    def __init__(self, stepper: Stepper, *script: Exception) -> None:
        self.script = list(script)
        self.looks = 0
        self.pause: Callable[[float], bool] = lambda _: True
        job = periodic.PeriodicJob("duty", lambda keep: keep(), every_s=self._every_s, server=stepper.events.server)
        self.worker = workers.Worker(
            event_services=stepper.events,
            message_services=lambda pause: self._services(stepper, pause),
            event_threads=1,
            now=stepper.clock,
            heart=heartbeat.Heartbeat(stepper.events.server, stepper.clock),
            jobs=[job],
        )

    def _services(self, stepper: Stepper, pause: Callable[[float], bool]) -> deliver.Services:
        self.pause = pause
        return replace(stepper.messages, pause=pause)

    def _every_s(self) -> float:
        self.looks += 1
        if self.script:
            raise self.script.pop(0)
        return 0.0


@pytest.fixture
def stepper(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stepper]:
    monkeypatch.setattr(workers, "RUN_JOBS_EVERY_S", 0.01)
    monkeypatch.setattr(workers, "PAUSE_AFTER_FAILURE_S", 0.01)
    with Stepper(sqlite) as stepper:
        yield stepper


def test_thread_continues_after_a_bug_and_after_a_database_outage(
    stepper: Stepper, caplog: pytest.LogCaptureFixture
) -> None:
    """O2: and the log tells the one from the other."""
    pool = Crew(stepper, ZeroDivisionError("on purpose"), errors.Unreachable("The database is unavailable: gone"))
    pool.worker.start()
    try:
        assert wait_for(lambda: pool.looks >= 3)
        assert pool.worker.dead() == []
    finally:
        assert pool.worker.stop(10)
    logged = [
        (row.levelname, bool(row.exc_info), row.message) for row in caplog.records if row.name == workers.__name__
    ]
    assert logged == [
        ("ERROR", True, "a bug in tbot; the thread continues"),
        ("WARNING", False, "The database is unavailable: gone"),
    ]


def test_a_sender_wakes_when_quiet_hours_have_ended(stepper: Stepper, monkeypatch: pytest.MonkeyPatch) -> None:
    """N4"""
    monkeypatch.setattr(workers, "TIDY_EVERY_S", 0.05)
    with db.transaction("test"):
        hours = {"days": ["mon"], "start": "08:00", "end": "10:00", "timezone": "UTC", "created_at": stepper.clock()}
        quiet_hours.QuietHours.create(**hours)
    stepper.announce("ana")
    stepper.clock.advance(hours=2)
    pool = Crew(stepper)
    pool.worker.start()
    try:
        assert stepper.world.webex.wait_for_messages(1)
    finally:
        assert pool.worker.stop(10)


def test_a_pause_ends_when_the_server_stops(stepper: Stepper) -> None:
    """O4: an outcome that cannot be written keeps no server from stopping."""
    pool = Crew(stepper)
    assert pool.pause(0)
    pool.worker.start()
    assert pool.worker.stop(10)
    assert not pool.pause(60)
    assert pool.worker.alive() == []


def test_threads_that_never_started_do_not_block_a_stop(stepper: Stepper) -> None:
    """The system may refuse to start one."""
    assert Crew(stepper).worker.stop(10)


def test_all_workers_wake_up_exactly_when_a_hold_ends(stepper: Stepper, monkeypatch: pytest.MonkeyPatch) -> None:
    """T7, L2: what is allowed while nobody has noticed yet is lost."""
    pool = Crew(stepper)
    rung: list[str] = []
    for name, wake_up in (("events", pool.worker.events), ("messages", pool.worker.messages)):
        monkeypatch.setattr(wake_up, "notify", lambda name=name: rung.append(f"one of {name}"))
        monkeypatch.setattr(wake_up, "notify_all", lambda name=name: rung.append(f"all {name}"))

    def poll() -> tuple[float, list[str]]:
        rung.clear()
        pool.worker._poll_after_s = workers.POLL_EVERY_S
        pool.worker._poll()
        return pool.worker._poll_after_s, rung

    assert poll() == (workers.POLL_EVERY_S, [])
    stepper.accept_webhook(1)
    assert poll() == (workers.POLL_BUSY_EVERY_S, ["one of events"])
    with db.transaction("test"):
        holds.begin("connectwise", until=stepper.clock() + timedelta(seconds=0.3), now=stepper.clock(), reason="test")
    assert poll() == (workers.POLL_BUSY_EVERY_S, [])
    stepper.clock.advance(seconds=0.2)
    assert poll() == (pytest.approx(0.1), [])
    stepper.clock.advance(seconds=0.1)
    assert poll() == (workers.POLL_BUSY_EVERY_S, ["all events"])
    assert poll() == (workers.POLL_BUSY_EVERY_S, ["one of events"])


def test_wake_up_of_all_reaches_each_worker() -> None:
    wake_up, started = workers.WakeUp(3), time.monotonic()
    wake_up.notify_all()
    for _ in range(3):
        wake_up.wait(60)
    wake_up.notify()
    wake_up.wait(60)
    assert time.monotonic() - started < 60


def test_a_worker_says_once_that_a_newer_release_has_taken_over_the_database(
    stepper: Stepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O5."""
    checks: list[None] = []
    said: list[None] = []

    def check_program(**_: bool) -> None:
        checks.append(None)
        raise errors.SchemaTooNew("This database needs tbot 99.0.0")

    monkeypatch.setattr(workers, "CHECK_VERSION_EVERY_S", 0.01)
    monkeypatch.setattr(schema, "check_program", check_program)
    threads = workers.Worker(
        event_services=stepper.events,
        message_services=lambda _: stepper.messages,
        event_threads=1,
        now=stepper.clock,
        heart=heartbeat.Heartbeat(stepper.events.server, stepper.clock),
        on_outdated=lambda: said.append(None),
    )
    threads.start()
    assert wait_for(lambda: len(checks) > 2)
    assert threads.stop(5.0)
    assert (len(said), str(threads.outdated)) == (1, "This database needs tbot 99.0.0")
