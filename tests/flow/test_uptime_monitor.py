"""O2: what a monitor of `/readyz?strict=1` sees of each problem, over a real server (the database: `test_health`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from tests.environment import World, wait_for
from ticketbot.simulators import faults

US = "https://tbot.example.com"


@pytest.fixture
def world(sqlite: str) -> Iterator[World]:
    with World(sqlite) as everything:
        yield everything


def _seen(url: str) -> tuple[int, set[str]]:
    """Return what the monitor gets, and the checks that need a person."""
    response = requests.get(f"{url}/readyz?strict=1", timeout=5)
    return response.status_code, {name for name, state in response.json()["checks"].items() if state == "attention"}


def _revoke_the_token(world: World) -> None:
    world.webex.faults.add(faults.status(401))
    _open_a_ticket(world)


def _take_a_permission(world: World) -> None:
    world.connectwise.faults.add(faults.status(403, path="/service/tickets"))
    _open_a_ticket(world)


def _turn_notifications_off(world: World) -> None:
    world.configure(attempt_notify=False)


def _open_a_ticket(world: World) -> None:
    world.connectwise.add_ticket(board=world.board, summary="Printer", contact=world.contact, company=world.company)


@pytest.mark.parametrize(
    ("break_it", "check"),
    [(_revoke_the_token, "webex"), (_take_a_permission, "connectwise"), (_turn_notifications_off, "notifications")],
)
def test_what_needs_a_person_is_seen(world: World, break_it: Callable[[World], None], check: str) -> None:
    world.add_rule("Service Desk Room")
    with world.server() as server:
        assert wait_for(lambda: _seen(server.url) == (200, set()))
        break_it(world)
        assert wait_for(lambda: _seen(server.url) == (503, {check}))


def test_a_callback_that_was_deleted_is_seen_although_it_has_been_put_right(world: World) -> None:
    """C2: by the check at start, the same as the hourly one."""
    entries = world.connectwise.callbacks.entries

    def ours() -> list[int]:
        return [number for number, entry in entries.items() if entry["url"].startswith(US)]

    with world.server(TBOT_PUBLIC_URL=US) as server:
        assert wait_for(lambda: len(ours()) == 1 and _seen(server.url) == (200, set()))
    del entries[ours()[0]]
    with world.server(TBOT_PUBLIC_URL=US) as server:
        assert wait_for(lambda: _seen(server.url) == (503, {"callback"}))
        assert len(ours()) == 1
