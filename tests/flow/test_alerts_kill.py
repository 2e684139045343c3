"""O10: one opening and one closing message, although the server is killed in between, and although there are two."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.databases import fresh_postgres
from tests.environment import World, wait_for
from tests.remote.rude_server import RudeServer, response
from tests.servers import ServerProcess
from ticketbot.database import db
from ticketbot.pipeline import render

# Before and after alert and message are committed; when Webex, or the address, has it, and nothing says so yet.
POINTS = ("alert.before", "alert.after", "sent.before", "alert-posted.before")


class Watched:
    """Servers with a problem that a test turns on and off, and those who are told of it."""

    def __init__(self, world: World, pager: RudeServer) -> None:
        self.world, self.pager = world, pager
        pager.always(response({}))
        world.configure(
            attempt_notify=False,
            alert_recipient_id=world.add_room("Ops"),
            alert_url=f"{pager.url}/",
            catch_up_interval=0,
        )

    def said(self) -> list[str]:
        """Return how the messages begin, those left out that repeat one and say so."""
        begun: list[str] = []
        for message in self.world.webex.messages():
            head = message.markdown.partition(":")[0]
            if head not in begun or render.REPEAT not in message.markdown:
                begun.append(head)
        return begun

    def posted(self) -> list[str]:
        """Return the states that were posted, repeats left out."""
        return list(dict.fromkeys(json.loads(each.body)["state"] for each in self.pager.received))

    def is_told(self, count: int) -> bool:
        """Return whether so much has arrived at both."""
        return len(self.said()) >= count and len(self.posted()) >= count


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_at_any_moment_tells_once_of_the_beginning_and_once_of_the_end(
    point: str, sqlite: str, rude: RudeServer
) -> None:
    """L2: only what may have arrived is repeated, and says so."""
    with World(sqlite) as world:
        watched = Watched(world, rude)
        for count, is_on in ((1, False), (2, True)):
            world.configure(attempt_notify=is_on)
            with ServerProcess(world.environ(TBOT_FAIL_AT=point)) as server:
                assert wait_for(lambda server=server: server.ended)
                assert server.was_killed, server.log()
            with ServerProcess(world.environ()):
                assert wait_for(lambda count=count: watched.is_told(count))
        assert (watched.said(), watched.posted()) == (["**Alert", "**Over"], ["opened", "closed"])


@pytest.fixture
def shared(migrated_postgres: str) -> Iterator[World]:
    url = fresh_postgres(migrated_postgres)
    db.open_database(url)
    with World(url) as world:
        yield world
    db.close_database()


@pytest.mark.postgres
def test_two_servers_tell_once(shared: World, rude: RudeServer) -> None:
    watched = Watched(shared, rude)
    for count, is_on in ((1, False), (2, True)):
        shared.configure(attempt_notify=is_on)
        with ServerProcess(shared.environ()), ServerProcess(shared.environ()):
            assert wait_for(lambda count=count: watched.is_told(count))
    assert (watched.said(), len(rude.received)) == (["**Alert", "**Over"], 2)
