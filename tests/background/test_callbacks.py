"""C2: one active ticket callback of level owner points at us, and nobody else's is touched."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from ticketbot.background import callbacks
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.server import health
from ticketbot.simulators import connectwise, connectwise_api, faults

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
US = "https://tbot.example.com"
RIGHT = f"{US}/hooks/cw/tickets?recordId="
OTHERS = "https://other.example.com/hooks/cw/tickets?recordId="


class Tenant:
    """A ConnectWise with callbacks, and a client of it."""

    def __init__(self, system: connectwise.ConnectWise) -> None:
        self.system = system
        self.client = ConnectWise(
            url=system.callbacks.url,
            company=system.company,
            public_key=system.public_key,
            private_key=system.private_key,
            client_id=system.client_id,
        )

    def register(self, url: str = RIGHT, **more: Any) -> int:
        number = self.system.next_id("callback")
        self.system.callbacks.add(number, {"url": url, "objectId": 1, "type": "ticket", "level": "owner", **more}, 1)
        return number

    def check(self) -> None:
        callbacks.run(self.client, US, lambda: NOW, lambda: None)

    def ours(self) -> list[tuple[str, str, bool]]:
        entries = self.system.callbacks.entries.values()
        return [(each["url"], each["level"], each["inactiveFlag"]) for each in entries if each["url"].startswith(US)]

    def changes(self) -> int:
        return sum(n for name, n in self.system.calls.counts().items() if not name.startswith("GET"))


@pytest.fixture
def tenant(sqlite: str) -> Iterator[Tenant]:
    system = connectwise.ConnectWise()
    with connectwise_api.serve(system):
        tenant = Tenant(system)
        yield tenant
        tenant.client.close()


def test_a_missing_callback_is_created(tenant: Tenant) -> None:
    tenant.check()
    assert tenant.ours() == [(RIGHT, "owner", False)]


def test_a_disabled_callback_is_activated_again(tenant: Tenant) -> None:
    number = tenant.register()
    tenant.system.callbacks.change(number, {"inactiveFlag": True})
    tenant.check()
    assert tenant.ours() == [(RIGHT, "owner", False)]
    assert list(tenant.system.callbacks.entries) == [number]


def test_correct_callback_is_left_alone(tenant: Tenant) -> None:
    tenant.register()
    for _ in range(3):
        tenant.check()
    assert tenant.changes() == 0


def test_duplicates_and_other_levels_are_removed_and_one_active_callback_stays(tenant: Tenant) -> None:
    first = tenant.register(inactiveFlag=True)
    second = tenant.register(objectId=0)
    tenant.register(level="board", objectId=3)
    tenant.register(type="project")
    tenant.register(objectId=7)
    assert first < second
    tenant.check()
    assert list(tenant.system.callbacks.entries) == [second]


@pytest.mark.parametrize("path", ["/hooks/cw/tickets", "/hooks/cw/tickets?id=", "/hooks/cw/tickets/?recordId="])
def test_a_wrongly_addressed_callback_is_replaced(tenant: Tenant, path: str) -> None:
    tenant.register(f"{US}{path}")
    tenant.check()
    assert tenant.ours() == [(RIGHT, "owner", False)]


def test_correct_callback_is_created_before_wrong_ones_are_removed(tenant: Tenant) -> None:
    tenant.register(f"{US}/hooks/cw/tickets?id=")
    tenant.check()
    changes = [call.method for call in tenant.system.calls.log() if call.method != "GET"]
    assert changes == ["POST", "DELETE"]


def test_callbacks_of_others_are_left_alone(tenant: Tenant) -> None:
    theirs = [
        tenant.register(OTHERS),
        tenant.register(OTHERS, inactiveFlag=True),
        tenant.register(f"{US}/other?recordId="),
        tenant.register("https://tbot.example.com.evil.example/hooks/cw/tickets?recordId="),
        tenant.register(OTHERS, level="board", objectId=2),
    ]
    before = {number: dict(tenant.system.callbacks.entries[number]) for number in theirs}
    tenant.register(inactiveFlag=True)
    tenant.register(level="status")
    tenant.check()
    assert {number: tenant.system.callbacks.entries[number] for number in theirs} == before


def test_callback_removed_concurrently_is_no_failure(tenant: Tenant) -> None:
    tenant.register()
    tenant.register(level="status")
    tenant.system.faults.add(faults.Fault(effect="answer", status=404, content='{"code":"NotFound"}', method="DELETE"))
    tenant.check()


def test_two_servers_at_once_do_not_undo_each_other(tenant: Tenant) -> None:
    """C2: even if two servers did it at once, both would choose the same one."""
    for level in ("owner", "board", "owner", "status", "owner"):
        tenant.register(level=level, inactiveFlag=level == "board")
    tenant.system.latency_s = 0.01
    both = [threading.Thread(target=tenant.check) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert tenant.ours() == [(RIGHT, "owner", False)]


def test_a_repaired_callback_needs_attention_until_a_check_finds_it_right(tenant: Tenant) -> None:
    """O2: creating the first one is no repair."""
    states = []
    tenant.check()
    states.append(health.check([], NOW)["callback"])
    tenant.system.callbacks.entries.clear()
    for _ in range(2):
        tenant.check()
        states.append(health.check([], NOW)["callback"])
    assert states == ["ok", "attention", "ok"]
