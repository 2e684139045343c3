"""The API of whole servers over real HTTP: the first administrator, two servers, proxies, second chances."""

from __future__ import annotations

import pytest
import requests

from tests.databases import fresh_postgres
from tests.environment import World, ledger, wait_for
from tests.servers import ServerProcess
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import api_keys, notifications, users
from ticketbot.server import serve
from ticketbot.settings import table
from ticketbot.simulators import faults

EMAIL, KEY = "ana@example.com", "a key that the operator chose"
ADMIN = {"TBOT_ADMIN_EMAIL": EMAIL, "TBOT_ADMIN_KEY": KEY}


def test_the_first_administrator_comes_from_the_settings_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A3: later starts say that the key lingers there."""
    with world.server(**ADMIN) as server:
        first = client.Client(server.url, KEY)
        assert first.me().email == EMAIL
        created = first.create_key(first.me().id)
        client.Client(server.url, created.key).delete_key(first.keys()[0].id)
        assert (
            requests.get(f"{server.url}/users", headers={"Authorization": f"Bearer {KEY}"}, timeout=5).status_code
            == 401
        )
    again = table.load({}, world.environ(**ADMIN))
    assert "TBOT_ADMIN_KEY is still set" not in caplog.text
    serve.prepare_database(again, skip_missed=False, now=created.created_at)
    assert "TBOT_ADMIN_KEY is still set, and no longer read, as there are users: remove it" in caplog.text
    with db.session():
        assert [row.hint for row in api_keys.ApiKey.select()] == [created.hint]


def test_no_administrator_without_settings(world: World) -> None:
    """A3: no default password or key exists."""
    with world.server() as server, db.session():
        assert not users.User.select().exists()
        assert requests.get(f"{server.url}/users", headers={"Authorization": "Bearer "}, timeout=5).status_code == 401


@pytest.mark.postgres
def test_a_key_deleted_on_one_server_ends_on_the_other_within_five_seconds(migrated_postgres: str) -> None:
    """A1."""
    with (
        World(fresh_postgres(migrated_postgres)) as world,
        ServerProcess(world.environ(**ADMIN)) as first_server,
        ServerProcess(world.environ()) as second_server,
    ):
        ana = client.Client(first_server.url, KEY)
        created = ana.create_key(ana.me().id)

        def ends(server: ServerProcess) -> bool:
            header = {"Authorization": f"Bearer {created.key}"}
            return requests.get(f"{server.url}/users", headers=header, timeout=5).status_code == 401

        assert not ends(first_server)
        assert not ends(second_server)
        ana.delete_key(created.id)
        assert ends(first_server)
        assert wait_for(lambda: ends(second_server))


@pytest.mark.parametrize(
    "setting",
    [
        {"TBOT_TRUSTED_PROXIES": "127.0.0.1"},
        {"TBOT_PUBLIC_URL": "https://tbot.example.com"},
        {"TBOT_HOST": "0.0.0.0"},
    ],
    ids=["trusted proxies", "public URL", "every address"],
)
def test_metrics_need_a_key_where_a_local_request_may_come_from_a_proxy(setting: dict[str, str], sqlite: str) -> None:
    """A2: a proxy may add no header that gives it away."""
    with World(sqlite) as world, world.server(**setting, **ADMIN) as server:
        metrics = server.url.replace("0.0.0.0", "127.0.0.1") + "/metrics"
        assert requests.get(metrics, timeout=5).status_code == 401
        assert requests.get(metrics, headers={"Authorization": f"Bearer {KEY}"}, timeout=5).status_code == 200


def test_metrics_need_a_key_when_a_proxy_says_that_it_forwards(world: World) -> None:
    """A2."""
    with world.server(**ADMIN) as server:
        metrics = f"{server.url}/metrics"
        assert requests.get(metrics, timeout=5).status_code == 200
        for forged in ("127.0.0.1", "198.51.100.1", ""):
            header = {"X-Forwarded-For": forged}
            assert requests.get(metrics, headers=header, timeout=5).status_code == 401
            with_key = header | {"Authorization": f"Bearer {KEY}"}
            assert requests.get(metrics, headers=with_key, timeout=5).status_code == 200
        assert (
            requests.get(f"{server.url}/readyz", headers={"X-Forwarded-For": "1.2.3.4"}, timeout=5).status_code == 200
        )


def test_bodies_over_http_are_read_in_chunks_and_refused_when_too_large(world: World) -> None:
    """no-leaks: the real server, not only the application."""
    with world.server(**ADMIN) as server:
        header = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        chunks = iter([b'{"name": "Ben", ', b'"email": "ben@example.com"}'])
        created = requests.post(f"{server.url}/users", data=chunks, headers=header, timeout=5)
        assert (created.status_code, created.json()["name"]) == (201, "Ben")
        large = requests.post(f"{server.url}/users", data=b" " * (2 * 1024 * 1024), headers=header, timeout=5)
        assert (large.status_code, large.headers["Content-Type"]) == (413, "application/problem+json")


def test_dead_message_is_resent_on_request(world: World) -> None:
    """L5."""
    with world.server(**ADMIN) as server:
        world.webex.faults.add(faults.status(400, "No such room.", path="messages", times=1))
        world.add_rule("Help Desk")
        world.connectwise.add_ticket(world.board, "Printer on fire", company=world.company)
        world.settle()
        (dead,) = ledger()
        assert (dead.state, "No such room." in dead.error) == (notifications.DEAD, True)
        ana = client.Client(server.url, KEY)
        assert ana.retry_notification(dead.id).state == "pending"
        world.settle()
        (sent,) = ana.explain(dead.ticket_id).notifications
        assert (sent.state, sent.recipient_name, sent.attempts) == ("sent", "Help Desk", 2)
        assert [each.id for each in world.webex.messages()] == [sent.webex_message_id]
