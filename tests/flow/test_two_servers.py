"""one-decision, W4, W5, L1: two `tbot serve` on one PostgreSQL tell everybody everything once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import requests

from tests.databases import fresh_postgres
from tests.environment import World, is_idle, ledger, post_webhook, wait_for
from tests.servers import ServerProcess
from ticketbot.database import db
from ticketbot.models import events

pytestmark = pytest.mark.postgres

_TICKETS = 6
_PEOPLE = ("ana", "ben", "cora")


@pytest.fixture
def world(migrated_postgres: str) -> Iterator[World]:
    """Return services with a little latency, so that the two servers get into each other's way."""
    url = fresh_postgres(migrated_postgres)
    db.open_database(url)
    with World(url) as everything:
        everything.connectwise.latency_s = everything.webex.latency_s = 0.01
        everything.add_rule("Help Desk")
        yield everything
    db.close_database()


class _Burst:
    """Changes of the same few tickets, each told by several hooks: to one server, to the other, or the same to both."""

    def __init__(self, world: World, servers: list[ServerProcess]) -> None:
        self._world, self._servers, self._random = world, servers, random.Random(20260302)
        self.tickets = [
            world.connectwise.add_ticket(world.board, f"Ticket {number}", resources=_PEOPLE, notify=False)
            for number in range(_TICKETS)
        ]

    def send(self, round_: int, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Write one note on every ticket and post a burst of hooks about all of them, in any order."""
        calls = []
        for ticket in self.tickets:
            text = f"note {round_} of {ticket}"
            self._world.connectwise.add_note(ticket, text, contact=self._world.contact, notify=False)
            for targets in ([0], [1], [0, 1], [0, 1], [0], [1]):
                body = self._world.connectwise.webhook_body(ticket)
                calls += [(target, body) for target in targets]
        self._random.shuffle(calls)
        with ThreadPoolExecutor(8) as pool:
            posted = [pool.submit(self._post, *call) for call in calls]
            meanwhile()
        for each in posted:
            each.result()

    def _post(self, target: int, body: bytes) -> None:
        """Post a hook; what a server that is dead or too busy does not take goes to the other one."""
        for server in [self._servers[target], self._servers[1 - target]] * 5:
            try:
                response = post_webhook(server.url, self._world, body)
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):  # or in its answer
                continue
            assert response.status_code in (200, 429), response.text
            if response.ok:
                return
        raise AssertionError("neither server takes it")


def _received(world: World) -> Counter[tuple[str, str]]:
    return Counter(
        (
            world.webex.people[message.person_id]["displayName"] if message.person_id else message.room_title,
            message.markdown,
        )
        for message in world.webex.messages()
    )


def _is_done(burst: _Burst, rounds: int) -> Callable[[], bool]:
    # Each ticket: once to the room and the three; then each further note to the three.
    expected = len(burst.tickets) * (4 + 3 * (rounds - 1))
    return lambda: is_idle() and len(ledger()) == expected


def test_two_servers_notify_everybody_once(world: World) -> None:
    """Done-line 2."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(world.environ())) for _ in range(2)]
        burst = _Burst(world, servers)
        for round_ in range(3):
            burst.send(round_)
            assert wait_for(_is_done(burst, round_ + 1)), (len(ledger()), [row.state for row in ledger()])
        assert set(_received(world).values()) == {1}
        assert {row.state for row in ledger()} == {"sent"}
        assert {row.webex_message_id for row in ledger()} == {message.id for message in world.webex.messages()}
        flags = [(row.id, row.possible_duplicate, row.overtaken, row.attempts, row.error) for row in ledger()]
        assert [each for each in flags if each[1:] != (False, False, 1, None)] == []
        logs = [server.log() for server in servers]
    assert all(" decided: " in log for log in logs), "one of the two did nothing"
    wrong = [
        line
        for log in logs
        for line in log.splitlines()
        if " ERROR " in line or '"level": "error"' in line or "database is unavailable" in line
    ]
    assert wrong == []


def test_when_one_of_two_servers_is_killed_the_other_finishes(world: World) -> None:
    """no-webhook-lost, one-decision: done-line 2."""
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(world.environ())) for _ in range(2)]
        burst = _Burst(world, servers)
        burst.send(0, meanwhile=servers[0].kill)
        assert wait_for(_is_done(burst, 1)), (len(ledger()), [row.state for row in ledger()], servers[1].log()[-2000:])
        burst.send(1)
        assert wait_for(_is_done(burst, 2))
    assert servers[0].was_killed
    assert {row.state for row in ledger()} == {"sent"}
    flagged = {row.recipient_name for row in ledger() if row.possible_duplicate}
    assert {name for (name, _), times in _received(world).items() if times > 1} <= flagged
    assert not [row for row in ledger() if row.webex_message_id not in {each.id for each in world.webex.messages()}]
    with db.session():
        assert set(events.Event.select(events.Event.state).distinct().tuples()) == {("done",)}
