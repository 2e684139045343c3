"""C2: the callback is looked after by the running server."""

from __future__ import annotations

import pytest
import requests

from tests.environment import World, wait_for
from tests.servers import ServerProcess
from ticketbot.background import periodic
from ticketbot.simulators import faults

US = "https://tbot.example.com"


def _ours(world: World) -> list[bool]:
    entries = list(world.connectwise.callbacks.entries.values())
    return [not each["inactiveFlag"] for each in entries if each["url"].startswith(US)]


def test_the_callback_is_registered_at_start(world: World) -> None:
    with world.server(TBOT_PUBLIC_URL=US):
        assert wait_for(lambda: _ours(world) == [True])


def test_without_a_public_url_nothing_is_registered(world: World) -> None:
    with world.server():
        assert wait_for(lambda: world.connectwise.calls.count("GET service/tickets") > 0)
        assert world.connectwise.calls.count("GET system/callbacks") == 0


def test_two_servers_register_one_callback(world: World) -> None:
    for level in ("board", "status"):
        entry = {"url": f"{US}/hooks/cw/tickets?recordId=", "objectId": 1, "type": "ticket", "level": level}
        world.connectwise.callbacks.add(world.connectwise.next_id("callback"), entry, 1)
    environ = world.environ(TBOT_PUBLIC_URL=US)
    with ServerProcess(environ), ServerProcess(environ):
        assert wait_for(lambda: world.connectwise.calls.count("GET system/callbacks") == 2, 30)
        assert wait_for(lambda: _ours(world) == [True])
    changes = [name for name in world.connectwise.calls.counts() if not name.startswith("GET")]
    assert sorted(changes) == ["DELETE system/callbacks/{id}", "POST system/callbacks"]
    assert _ours(world) == [True]


def test_connectwise_being_down_at_start_stops_no_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """C2"""
    monkeypatch.setattr(periodic, "AGAIN_AFTER_S", 0.1)
    world.connectwise.faults.add(faults.down(path="/system/callbacks", times=2))
    with world.server(TBOT_PUBLIC_URL=US) as server:
        assert requests.get(f"{server.url}/readyz", timeout=5).ok
        assert wait_for(lambda: _ours(world) == [True])
