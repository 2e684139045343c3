"""no-flood, T5: switching something on never floods, whatever lies in ConnectWise already."""

from __future__ import annotations

import os

from tests.environment import World, ledger, minutes_ago, wait_for
from tests.flow.test_catch_up import OFF, SOON
from ticketbot.database import db
from ticketbot.models import rules
from ticketbot.server import serve
from ticketbot.sync import sync_service

_OLD = 100 * int(os.environ.get("TBOT_TEST_EXAMPLES", "1"))  # `TBOT_TEST_EXAMPLES=100` plays it with 10,000 tickets
_SAVED = 10


def _told(world: World) -> list[str]:
    """Return everything that was told or is about to be, once nothing is under way."""
    world.settle()
    return [*(message.markdown for message in world.webex.messages()), *(row.subject for row in ledger())]


def _sync_everything(server: serve.Server) -> None:
    server.syncs.start(sync_service.Request(boards=True, recipients=True, tickets=True))
    assert server.syncs.join(600)


def _look_twice(world: World) -> None:
    passes = world.connectwise.calls.count("GET project/tickets")
    assert wait_for(lambda: world.connectwise.calls.count("GET project/tickets") >= passes + 2)


def test_turning_anything_on_announces_nothing_old(world: World) -> None:
    old = world.connectwise.add_many(
        _OLD, world.board, notes=1, entered_at=minutes_ago(180), resources=["ana"], owner="ben"
    )
    world.configure(catch_up_interval=OFF, attempt_notify=False)
    with world.server(TBOT_CW_CALLS_PER_MINUTE="0") as server:
        world.add_rule("Help Desk")
        world.add_rule("Night Shift", enabled=False)
        _sync_everything(server)
        assert _told(world) == []
        for switch in (
            {"catch_up_interval": SOON},
            {"attempt_notify": True},
            {"require_board_rule": True},
            {"require_board_rule": False},
        ):
            world.configure(**switch)
            for ticket in old[:_SAVED]:
                world.connectwise.update_ticket(ticket)
            assert _told(world) == [], switch
        with db.transaction("test"):
            rules.Rule.update(enabled=True).execute()
        _sync_everything(server)
        assert _told(world) == []
    with world.server(TBOT_CW_CALLS_PER_MINUTE="0"):
        _look_twice(world)
        assert _told(world) == []
        world.connectwise.add_note(old[-1], "Still smoking", contact=world.contact)
        told = _told(world)
        assert [row.recipient_name for row in ledger()] == ["Ana Alvarez", "Ben Bauer"], told
