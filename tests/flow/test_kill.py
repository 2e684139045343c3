"""no-webhook-lost, at-least-once-flagged: a SIGKILL at any commit or call loses nothing; every repeat is flagged."""

from __future__ import annotations

import os
import sys
from collections import Counter

import pytest
import requests

from tests.environment import World, is_idle, ledger, post_webhook, wait_for
from tests.servers import ServerProcess
from ticketbot import failpoints
from ticketbot.simulators import faults

# `TBOT_TEST_KILLS=8` kills at the k-th passage of each point for k = 1 to 8; the story passes none more often.
_PASSAGES = int(os.environ.get("TBOT_TEST_KILLS", "1"))

_POINTS = [point for point in failpoints.NAMES if point.partition(".")[0] not in failpoints.DIGEST_COMMITS]

_EXPECTED = Counter(
    {
        ("Help Desk", "New ticket"): 1,
        ("Ana Alvarez", "New ticket"): 1,
        ("Ben Bauer", "New ticket"): 1,
        ("Ana Alvarez", "second note"): 1,
        ("Ben Bauer", "second note"): 1,
    }
)


class _Story:
    """A ticket and a note, told by a ConnectWise that tries until a hook was acknowledged, with some bad weather."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.add_rule("Help Desk")
        world.connectwise.faults.add(faults.status(500, path=r"/service/tickets/\d+$", times=1))
        world.webex.faults.add(faults.html(502, path="/messages", times=1))
        self.ticket = world.connectwise.add_ticket(
            world.board, "Printer on fire", resources=["ana", "ben"], contact=world.contact, note="Smoke", notify=False
        )
        self._scenes = [lambda: None, self._write]

    def _write(self) -> None:
        self.world.connectwise.add_note(self.ticket, "second note", contact=self.world.contact, notify=False)

    def play(self, server: ServerProcess) -> None:
        """Go on with the story where it stands, until its end or that of the server."""
        while self._scenes and not server.ended:
            self._scenes[0]()
            self._scenes[0] = lambda: None  # a note is written once, however often its hook is sent
            if _is_acknowledged(server, self.world, self.ticket):
                del self._scenes[0]
                wait_for(lambda: is_idle() or server.ended)


def _is_acknowledged(server: ServerProcess, world: World, ticket: int) -> bool:
    try:
        return post_webhook(server.url, world, world.connectwise.webhook_body(ticket)).ok
    except requests.RequestException:
        return False


def _received(world: World) -> Counter[tuple[str, str]]:
    return Counter(
        (world.webex.people[message.person_id]["displayName"] if message.person_id else message.room_title, words)
        for message in world.webex.messages()
        for words in ("New ticket", "second note")
        if words in message.markdown
    )


def _check(world: World) -> None:
    received = _received(world)
    assert not _EXPECTED - received, "a message is lost"
    flagged = {row.recipient_name for row in ledger() if row.possible_duplicate}
    twice = received - _EXPECTED
    assert {name for name, _ in twice} <= flagged, "a message came twice, and nothing says so"
    assert {row.state for row in ledger()} == {"sent"}
    assert len(ledger()) == len(_EXPECTED)


def test_every_commit_and_external_call_has_fail_points() -> None:
    sys.stdout.write(f"{len(failpoints.NAMES)} fail points: {', '.join(failpoints.NAMES)}\n")
    assert len(failpoints.NAMES) == len(set(failpoints.NAMES)) >= 12


@pytest.mark.parametrize("passage", range(1, _PASSAGES + 1))
@pytest.mark.parametrize("point", _POINTS)
def test_kill_at_a_fail_point_loses_nothing_and_flags_every_repeat(point: str, passage: int, world: World) -> None:
    story = _Story(world)
    with ServerProcess(world.environ(TBOT_FAIL_AT=f"{point}:{passage}")) as server:
        story.play(server)
        killed = wait_for(lambda: server.ended, 2.0 if passage == 1 else 0.2)
    assert killed or passage > 1, f"{point} is never passed"
    assert server.was_killed or not killed, server.log()
    with ServerProcess(world.environ()) as server:
        story.play(server)
        assert wait_for(is_idle), f"still busy after a kill at {point}:{passage}"
    _check(world)
