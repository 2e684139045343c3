"""M1, L7: nothing is imported while a server is alive, wherever it runs."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ticketbot import errors
from ticketbot.background import heartbeat
from ticketbot.database import db
from ticketbot.importer import run
from ticketbot.models import servers

NOW = datetime.now(UTC)


class Clock:
    """A clock that moves only when somebody waits; meanwhile, the heart of a server may beat."""

    def __init__(self, beating: int | None = None) -> None:
        self.now_s, self.beating = 0.0, beating

    def pause(self, seconds: float) -> None:
        """Wait."""
        self.now_s += seconds
        if self.beating is not None:
            with db.transaction("test"):
                servers.beat(self.beating, NOW)

    def check(self) -> float:
        """Return how long it took to be sure that no server is alive."""
        run.refuse_living_servers(self.pause, lambda: self.now_s)
        return self.now_s


def _server(identity: str) -> int:
    with db.transaction("test"):
        return servers.add(identity, "2.0.0", NOW)


def test_without_servers_there_is_nothing_to_wait_for(sqlite: str) -> None:
    assert Clock().check() == 0


def test_a_server_of_this_machine_is_refused_at_once(sqlite: str) -> None:
    _server(heartbeat._identity())
    clock = Clock()
    with pytest.raises(errors.Conflict, match="A server is running"):
        clock.check()
    assert clock.now_s == 0


def test_a_server_of_this_machine_whose_process_is_gone_is_no_obstacle(sqlite: str) -> None:
    _server(f"{heartbeat._place()}/999999999/1")
    assert Clock().check() == 0


def test_a_server_of_another_machine_is_alive_as_long_as_its_heart_beats(sqlite: str) -> None:
    clock = Clock(beating=_server("elsewhere/7/1"))
    with pytest.raises(errors.Conflict):
        clock.check()
    assert clock.now_s == heartbeat.LOOK_EVERY_S


def test_a_server_of_another_machine_that_is_dead_is_waited_for(sqlite: str) -> None:
    _server("elsewhere/7/1")
    assert Clock().check() == pytest.approx(run.SERVER_BEATS_WITHIN_S, abs=heartbeat.LOOK_EVERY_S)
