"""C1, C2, O8: what is due when, and who does it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ticketbot import errors
from ticketbot.background import heartbeat, periodic
from ticketbot.database import db
from ticketbot.models import servers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Server:
    """A server with one job, and a monotonic clock."""

    def __init__(self, every_s: float = 300) -> None:
        self.done: list[float] = []
        self.every_s = every_s
        self.clock_s = 0.0
        with db.transaction("test"):
            self.row = servers.Current(servers.add("elsewhere/1/1", "test", NOW))
        self.fails = False
        self.job = periodic.PeriodicJob(
            "duty",
            self._do,
            every_s=lambda: self.every_s,
            server=self.row,
            clock=lambda: self.clock_s,
        )

    def _do(self, keep: periodic.Heartbeat) -> None:
        keep()
        if self.fails:
            raise errors.RemoteUnavailable("down", service="connectwise")
        self.done.append(self.clock_s)

    def look_for(self, seconds: int) -> None:
        """Look every second."""
        for _ in range(seconds):
            self.job.run_if_due()
            self.clock_s += 1


@pytest.mark.usefixtures("sqlite")
class TestDuty:
    def test_job_runs_at_the_start_and_then_at_its_interval(self) -> None:
        server = Server()
        server.look_for(700)
        assert server.done == [0, 300, 600]

    def test_changed_interval_applies_at_once(self) -> None:
        server = Server()
        server.look_for(100)
        server.every_s = 50
        server.look_for(60)
        assert server.done == [0, 100, 150]

    def test_zero_interval_never_runs_not_even_at_the_start(self) -> None:
        """C1"""
        server = Server(every_s=0)
        server.look_for(10)
        assert server.done == []

    def test_job_that_fails_because_of_a_service_is_retried_soon(self) -> None:
        """C2: ConnectWise being down at start."""
        server = Server()
        server.fails = True
        server.look_for(25)
        server.fails = False
        server.look_for(400)
        assert server.done == [30, 330]

    def test_failing_service_is_reported_until_the_job_succeeds_or_is_off(self) -> None:
        """O2."""
        server = Server()
        server.fails = True
        server.look_for(5)
        assert server.job.failing_service == "connectwise"
        server.every_s = 0
        server.look_for(5)
        assert server.job.failing_service == ""
        server.every_s = 300
        server.look_for(20)
        assert server.job.failing_service == "connectwise"
        server.fails = False
        server.look_for(20)
        assert server.job.failing_service == ""


def test_two_servers_never_run_a_job_at_once(database: str) -> None:
    """C2."""
    first, second = Server(), Server()
    with db.transaction("test"):
        assert servers.claim_job("duty", first.row.id)
    second.look_for(5)
    assert second.done == []
    with db.transaction("test"):
        servers.release_job("duty", first.row.id)
    second.look_for(10)
    first.look_for(5)
    assert (first.done, second.done) == ([0], [10])


def test_job_of_a_dead_server_is_free(database: str) -> None:
    """L7."""
    dead, server = Server(), Server()
    with db.transaction("test"):
        assert servers.claim_job("duty", dead.row.id)
    heartbeat.release(dead.row.id, NOW)
    server.look_for(1)
    assert server.done == [0]


def test_job_ends_at_its_next_step_when_the_server_stops(sqlite: str) -> None:
    """O4"""
    server = Server()
    server.job.stop()
    server.look_for(1)
    assert server.done == []


def test_job_ends_at_its_next_step_after_another_server_took_it_over(sqlite: str) -> None:
    """C2, L7: one that was paused for so long that it was taken for dead must not go on beside the other."""
    server, other, steps = Server(), Server(), []

    def do(keep: periodic.Heartbeat) -> None:
        keep()
        steps.append("before the pause")
        heartbeat.release(server.row.id, NOW)
        with db.transaction("test"):
            assert servers.claim_job("duty", other.row.id)
        keep()
        steps.append("after it")

    job = periodic.PeriodicJob("duty", do, every_s=lambda: 300, server=server.row, clock=lambda: 0.0)
    assert not job.run_if_due()
    assert steps == ["before the pause"]
    with db.session():
        assert [row.server_id for row in servers.Job.select()] == [other.row.id]
