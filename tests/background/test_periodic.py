"""C1, C2, O8: what is due when, and who does it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ticketbot import errors
from ticketbot.background import periodic
from ticketbot.database import db
from ticketbot.models import leases

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Server:
    """A server with one duty, and a clock for each kind of time."""

    def __init__(self, owner: str = "one", every_s: float = 300) -> None:
        self.done: list[float] = []
        self.every_s = every_s
        self.clock_s, self.now = 0.0, NOW
        self.fails = False
        self.job = periodic.PeriodicJob(
            "duty",
            self._do,
            every_s=lambda: self.every_s,
            owner=owner,
            now=lambda: self.now,
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
            self.now += timedelta(seconds=1)


@pytest.mark.usefixtures("sqlite")
class TestDuty:
    def test_it_is_done_at_the_start_and_then_every_so_often(self) -> None:
        server = Server()
        server.look_for(700)
        assert server.done == [0, 300, 600]

    def test_another_interval_counts_at_once(self) -> None:
        server = Server()
        server.look_for(100)
        server.every_s = 50
        server.look_for(60)
        assert server.done == [0, 100, 150]

    def test_zero_is_never_not_even_at_the_start(self) -> None:
        """C1"""
        server = Server(every_s=0)
        server.look_for(10)
        assert server.done == []

    def test_what_the_outside_world_does_not_let_happen_is_tried_again_soon(self) -> None:
        """C2: ConnectWise being down at start."""
        server = Server()
        server.fails = True
        server.look_for(25)
        server.fails = False
        server.look_for(400)
        assert server.done == [30, 330]

    def test_it_tells_which_service_it_waits_for_until_it_is_done_or_off(self) -> None:
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

    @pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
    def test_a_clock_that_jumps_changes_nothing(self, jump: timedelta) -> None:
        server = Server()
        server.look_for(10)
        server.now += jump
        server.look_for(700)
        server.now -= jump
        server.look_for(300)
        assert server.done == [0, 300, 600, 900]


def test_two_servers_never_do_it_at_once(database: str) -> None:
    """C2: under a lease."""
    first, second = Server("one"), Server("two")
    with db.transaction("test"):
        assert leases.take("duty", owner="one", now=NOW, seconds=periodic.LEASE_S)
    second.look_for(5)
    assert second.done == []
    with db.transaction("test"):
        leases.give_up("duty", owner="one")
    second.look_for(10)
    first.look_for(5)
    assert (first.done, second.done) == ([0], [10])


def test_a_server_that_is_gone_holds_it_for_no_longer_than_its_lease(database: str) -> None:
    with db.transaction("test"):
        leases.take("duty", owner="gone", now=NOW, seconds=periodic.LEASE_S)
    server = Server()
    server.look_for(90)
    assert server.done == [70]


def test_a_lease_from_a_clock_that_was_wrong_holds_nobody(database: str) -> None:
    with db.transaction("test"):
        leases.take("duty", owner="gone", now=NOW + timedelta(days=9), seconds=periodic.LEASE_S)
    server = Server()
    server.look_for(1)
    assert server.done == [0]


def test_it_ends_at_its_next_step_when_the_server_stops(sqlite: str) -> None:
    """O4"""
    server = Server()
    server.job.stop()
    server.look_for(1)
    assert server.done == []


def test_it_ends_at_its_next_step_when_another_server_has_taken_it_over(sqlite: str) -> None:
    """C2: one that was paused for longer than its lease must not go on beside the other."""
    server, steps = Server(), []

    def do(keep: periodic.Heartbeat) -> None:
        keep()
        steps.append("before the pause")
        server.now += timedelta(seconds=periodic.LEASE_S + 1)
        with db.transaction("test"):
            assert leases.take("duty", owner="another", now=server.now, seconds=periodic.LEASE_S)
        keep()
        steps.append("after it")

    job = periodic.PeriodicJob("duty", do, every_s=lambda: 300, owner="one", now=lambda: server.now, clock=lambda: 0.0)
    assert not job.run_if_due()
    assert steps == ["before the pause"]
    with db.session():
        assert leases.owners() == {"another"}
