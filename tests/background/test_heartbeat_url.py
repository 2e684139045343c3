"""O11: `heartbeat_url` is called every minute while all is well, and not otherwise."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.remote.rude_server import RudeServer, response
from tests.simulated_time import Stepper
from ticketbot import errors
from ticketbot.background import heartbeat_url
from ticketbot.database import db
from ticketbot.models import outages, plain_messages, recipients, runtime_config
from ticketbot.server import health

SECRET = "ping-0815"


class Beating:
    """A server that calls the address of a monitor."""

    def __init__(self, stepper: Stepper, monitor: RudeServer) -> None:
        self.stepper, self.monitor = stepper, monitor
        self.dead_threads: list[str] = []
        monitor.always(response(b"", "200 OK"))
        stepper.world.configure(heartbeat_url=f"{monitor.url}/{SECRET}?rid=7")
        self.services = heartbeat_url.Services(self._checks, stepper.clock)

    def _checks(self) -> dict[str, str]:
        return health.check(self.dead_threads, self.stepper.clock())

    def calls(self, *, after_s: float = 60) -> int:
        """Return how often the address is called when it is time again."""
        before = len(self.monitor.received)
        self.stepper.clock.advance(after_s)
        heartbeat_url.run(self.services, lambda: None)
        return len(self.monitor.received) - before


@pytest.fixture
def beating(sqlite: str, rude: RudeServer) -> Iterator[Beating]:
    with Stepper(sqlite) as stepper:
        yield Beating(stepper, rude)


def test_the_address_is_called_once_a_minute_whichever_server_it_is(beating: Beating) -> None:
    assert [beating.calls(), beating.calls(after_s=30), beating.calls(after_s=29), beating.calls()] == [1, 0, 1, 1]
    assert {each.line for each in beating.monitor.received} == {f"GET /{SECRET}?rid=7 HTTP/1.1"}


def test_without_an_address_nothing_is_called(beating: Beating) -> None:
    assert heartbeat_url.every_s(runtime_config.Config()) == 0
    assert heartbeat_url.every_s(runtime_config.Config(heartbeat_url="https://x")) == 60
    beating.stepper.world.configure(heartbeat_url=None)
    assert beating.calls() == 0


def test_a_clock_that_was_ahead_does_not_silence_it(beating: Beating) -> None:
    beating.stepper.clock.advance(days=2)
    assert beating.calls() == 1
    beating.stepper.clock._now -= timedelta(days=2)
    assert beating.calls() == 1


def _worker_died(beating: Beating) -> None:
    beating.dead_threads = ["messages-1"]


def _sending_is_stuck(beating: Beating) -> None:
    with db.transaction("test"):
        room = recipients.Recipient.create(type=recipients.ROOM, webex_id="r", name="Ops")
        plain_messages.add(room, "text", beating.stepper.clock() - timedelta(minutes=2))


def _token_was_revoked(beating: Beating) -> None:
    with db.transaction("test"):
        outages.begin("messages", "webex", denied=True, reason="401", now=beating.stepper.clock())


def _webex_is_away(beating: Beating) -> None:
    with db.transaction("test"):
        outages.begin("messages", "webex", denied=False, reason="503", now=beating.stepper.clock())
    beating.stepper.clock.advance(minutes=5)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (_worker_died, "workers"),
        (_sending_is_stuck, "queues"),
        (_token_was_revoked, "webex"),
        (_webex_is_away, "webex"),
    ],
)
def test_the_heartbeat_stops_when_nothing_can_be_sent(
    break_it: Callable[[Beating], None], said: str, beating: Beating, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert beating.calls() == 1
    break_it(beating)
    assert [beating.calls(), beating.calls()] == [0, 0]
    assert set(caplog.messages) == {f"no heartbeat: {said}"}


def test_a_connectwise_outage_does_not_stop_it(beating: Beating) -> None:
    with db.transaction("test"):
        outages.begin("events", "connectwise", denied=True, reason="401", now=beating.stepper.clock())
    assert beating.calls() == 1


def test_an_address_that_does_not_answer_is_called_again_and_not_shown(beating: Beating) -> None:
    """A6."""
    beating.monitor.always(response({}, "500 Oops"))
    for _ in range(2):
        with pytest.raises(errors.RemoteUnavailable, match=r"^heartbeat_url: answered 500$"):
            beating.calls(after_s=10)
    beating.monitor.always(response({}))
    assert beating.calls(after_s=10) == 1
