"""Strangers who open connections and say little keep nobody else out (A2)."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
import requests

from tests.environment import World
from tests.servers import ServerProcess
from ticketbot.server import listener


def _slow(stack: ExitStack, url: str, count: int) -> list[socket.socket]:
    """Open connections that have begun to send a body and will not go on."""
    parts = urlsplit(url)
    opened = []
    for _ in range(count):
        connection = stack.enter_context(socket.create_connection((parts.hostname, parts.port), timeout=10))
        connection.sendall(b"POST /users HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        opened.append(connection)
    return opened


def test_150_slow_bodies_block_no_other_request(sqlite: str) -> None:
    with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server, ExitStack() as stack:
        _slow(stack, server.url, 150)
        assert requests.get(f"{server.url}/healthcheck", timeout=5).status_code == 200


def test_beyond_the_limit_the_oldest_connection_is_closed(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MOST_CONNECTIONS", 10)
    with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server, ExitStack() as stack:
        oldest, *others = _slow(stack, server.url, 10)
        assert requests.get(f"{server.url}/healthcheck", timeout=5).status_code == 200
        assert oldest.recv(1) == b""
        others[-1].sendall(b" " * 999)
        assert others[-1].recv(12) == b"HTTP/1.1 401"


def test_absurd_content_lengths_do_not_flood_the_log(sqlite: str) -> None:
    absurd = b"POST /users HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n"
    with World(sqlite) as world, ServerProcess(world.environ(TBOT_WORKERS="1")) as server:
        parts, before = urlsplit(server.url), len(server.log())
        for _ in range(200):
            with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
                connection.sendall(absurd)
                connection.recv(1)
        assert len(server.log()) - before < 10_000
        assert server.is_ready
