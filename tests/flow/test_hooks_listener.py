"""A2: with TBOT_HOOKS_PORT, webhooks and `/healthcheck` have a listener of their own; the rest need not be public."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests

from tests.environment import World, is_idle, ledger, post_webhook, wait_for
from tests.ports import free_port
from tests.servers import ServerProcess
from ticketbot.database import db
from ticketbot.server import serve
from ticketbot.settings import table

KEY = "a key that the operator chose"
AS_ADMIN = {"Authorization": f"Bearer {KEY}"}


def test_webhooks_are_taken_at_their_own_port_and_only_there(sqlite: str) -> None:
    with World(sqlite) as world, world.server(TBOT_HOOKS_PORT=str(free_port()), TBOT_WORKERS="1") as server:
        assert server.hooks_url != server.url
        world.add_rule("Help Desk")
        ticket = world.connectwise.add_ticket(world.board, "Printer on fire", notify=False)
        body = world.connectwise.webhook_body(ticket)
        refused = post_webhook(server.url, world, body)
        assert (refused.status_code, refused.headers["Content-Type"]) == (404, "application/problem+json")
        assert post_webhook(server.hooks_url, world, body).json() == {"status": "accepted"}
        assert wait_for(lambda: len(world.webex.messages()) == 1 and is_idle())
    assert [row.ticket_id for row in ledger()] == [ticket]


def test_nothing_else_is_at_that_port(sqlite: str) -> None:
    environ = {"TBOT_ADMIN_EMAIL": "ana@example.com", "TBOT_ADMIN_KEY": KEY, "TBOT_HOOKS_PORT": str(free_port())}
    with World(sqlite) as world, world.server(TBOT_WORKERS="1", **environ) as server:
        described = set(requests.get(f"{server.url}/openapi.json", headers=AS_ADMIN, timeout=5).json()["paths"])
        assert "/users" in described
        for path in {*described, "/", "/panel/", "/panel/static/panel.css"} - {"/hooks/cw/tickets"}:
            expected = 200 if path == "/healthcheck" else 404
            for method in ("GET", "POST", "DELETE"):
                status = requests.request(method, server.hooks_url + path, headers=AS_ADMIN, timeout=5).status_code
                assert status == (405 if path == "/healthcheck" and method != "GET" else expected), (method, path)
        assert requests.get(f"{server.url}/healthcheck", timeout=5).status_code == 200
        assert requests.get(f"{server.url}/authtest", timeout=5).status_code == 401


def test_sigterm_ends_both_listeners_and_webhooks_in_flight_are_answered(sqlite: str) -> None:
    """O4."""
    verified = threading.Event()

    def now() -> datetime:
        if threading.current_thread().name.startswith("waitress"):
            verified.set()  # and about to be stored
        return datetime.now(UTC)

    with World(sqlite) as world, ThreadPoolExecutor(2) as pool:
        settings = table.load({}, world.environ(TBOT_HOOKS_PORT=str(free_port()), TBOT_WORKERS="1"))
        serve.prepare_database(settings, skip_missed=False, now=now())
        server = serve.Server(settings, now)
        server.start()
        body = world.connectwise.callbacks.body(990_099, None, "updated", "ana", callback=1)
        assert post_webhook(server.hooks_url, world, body).ok
        verified.clear()
        with db.transaction("test"):  # holds the lock that every writer needs
            hook = pool.submit(post_webhook, server.hooks_url, world, body)
            assert verified.wait(10)
            stopping = pool.submit(server.stop)
            assert wait_for(lambda: not _listens(server.hooks_url) and not _listens(server.url))
            assert not hook.done()
        assert hook.result(20).status_code == 200
        stopping.result(20)


def test_a_process_with_two_listeners_ends_with_0(sqlite: str) -> None:
    """O4."""
    port = free_port()
    with World(sqlite) as world, ServerProcess(world.environ(TBOT_HOOKS_PORT=str(port))) as server:
        assert _listens(f"http://127.0.0.1:{port}")
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0, server.log()
        assert f"webhooks are taken at http://127.0.0.1:{port} only" in server.log()


def test_a_taken_port_is_an_error_that_names_the_setting(sqlite: str) -> None:
    with World(sqlite) as world, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "ticketbot", "serve"],
            env={"PATH": "", "HOME": "/nowhere", **world.environ(TBOT_HOOKS_PORT=str(port))},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"tbot: Cannot listen at 127.0.0.1:{port}: address already in use. "
        "Stop what listens there, or give another port with TBOT_HOOKS_PORT."
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ""),
        ({"TBOT_PUBLIC_URL": "https://tbot.example"}, "https://tbot.example"),
        ({"TBOT_PUBLIC_URL": "https://tbot.example", "TBOT_HOOKS_PORT": "8081"}, ""),
        ({"TBOT_PANEL_URL": "https://inside.example", "TBOT_HOOKS_PORT": "8081"}, "https://inside.example"),
    ],
)
def test_the_panel_is_not_at_the_public_url_when_that_is_for_webhooks(environ: dict[str, str], expected: str) -> None:
    assert serve.panel_url(table.load({}, environ)) == expected


def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError:
        return False
    return True
