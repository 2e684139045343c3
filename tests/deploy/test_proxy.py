"""The shipped Caddyfile, run by Caddy before a real server: what is public, and what is not (A2)."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.deploy.test_check import ROOT
from tests.environment import World, is_idle, post_webhook, wait_for
from tests.ports import free_port
from ticketbot.server import serve

pytestmark = pytest.mark.skipif(shutil.which("caddy") is None, reason="it needs caddy")

STRANGER = {"TBOT_INSIDE": "192.0.2.0/24"}


@contextmanager
def _caddy(server: serve.Server, folder: Path, **environ: str) -> Iterator[str]:
    """Run Caddy before a server and yield its address; its files and its own API stay in `folder`."""
    url = f"http://127.0.0.1:{free_port()}"
    ports = {name: at.rpartition(":")[2] for name, at in (("", server.url), ("HOOKS_", server.hooks_url))}
    environ |= {f"TBOT_{name}PORT": port for name, port in ports.items()}
    process = subprocess.Popen(
        ["caddy", "run", "--adapter=caddyfile", f"--config={ROOT / 'deploy/proxy/Caddyfile'}"],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "CADDY_ADMIN": f"unix/{folder}/admin",
            "TBOT_DOMAIN": url,
            **environ,
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        assert wait_for(lambda: process.poll() is not None or _status(f"{url}/healthcheck") == 200)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def _status(url: str) -> int:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.ConnectionError:
        return 0


@pytest.mark.parametrize("has_own_port", [False, True])
def test_strangers_reach_webhooks_and_health_and_nothing_else(sqlite: str, tmp_path: Path, has_own_port: bool) -> None:
    more = {"TBOT_HOOKS_PORT": str(free_port())} if has_own_port else {}
    with (
        World(sqlite) as world,
        world.server(TBOT_WORKERS="1", **more) as server,
        _caddy(server, tmp_path, **STRANGER) as url,
    ):
        world.add_rule("Help Desk")
        ticket = world.connectwise.add_ticket(world.board, "Printer on fire", notify=False)
        assert post_webhook(url, world, world.connectwise.webhook_body(ticket)).json() == {"status": "accepted"}
        assert wait_for(lambda: len(world.webex.messages()) == 1 and is_idle())
        assert {_status(url + path) for path in ("/healthcheck", "/readyz", "/readyz?strict=1")} <= {200, 503}
        private = ("/", "/authtest", "/users", "/metrics", "/openapi.json", "/status", "/panel/", "/hooks/cw", "/hooks")
        assert {path: _status(url + path) for path in private} == dict.fromkeys(private, 404)


def test_the_api_is_open_to_the_networks_that_are_named(sqlite: str, tmp_path: Path) -> None:
    with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server, _caddy(server, tmp_path) as url:
        assert (_status(f"{url}/authtest"), _status(f"{server.url}/authtest")) == (401, 401)
