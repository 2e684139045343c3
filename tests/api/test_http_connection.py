"""The API key goes to its server, and through no proxy that could read it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.remote.rude_server import RudeServer, response, rude_server
from ticketbot import errors
from ticketbot.api import client

KEY = "a-key-that-nobody-else-may-read"
HEALTH = {"status": "ok", "version": "1.1.0"}


@pytest.fixture
def server() -> Iterator[RudeServer]:
    """Serve a Ticketbot that only knows that it is well."""
    with rude_server() as server:
        server.always(response(HEALTH))
        yield server


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[RudeServer]:
    """Serve the proxy that the environment names for everything."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with rude_server() as server:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, server.url)
            monkeypatch.setenv(name.upper(), server.url)
        server.always(response(HEALTH, "502 Bad Gateway", ending="close"))
        yield server


def _ping(url: str) -> None:
    api_client = client.Client(url, KEY, timeout_s=2)
    try:
        api_client.ping()
    finally:
        api_client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_server_is_called_without_the_proxy(server: RudeServer, proxy: RudeServer, host: str) -> None:
    _ping(server.url.replace("127.0.0.1", host))
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    assert proxy.received == []


@pytest.mark.parametrize("url", ["http://tbot.invalid", "https://127.0.0.1:9"])
def test_a_proxy_that_could_read_the_key_never_gets_it(proxy: RudeServer, url: str) -> None:
    with pytest.raises(errors.Unreachable):
        _ping(url)
    assert proxy.received == []


def test_https_to_another_host_goes_through_the_proxy_which_sees_no_key(proxy: RudeServer) -> None:
    with pytest.raises(errors.Unreachable):
        _ping("https://tbot.invalid")
    assert proxy.received[0].line.startswith("CONNECT tbot.invalid:443 ")
    assert KEY not in str(proxy.received)


def test_a_certificate_that_is_not_trusted_is_named() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parent / "self_signed.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(_refuse, context, listener)
        with pytest.raises(errors.Unreachable, match="does not trust the certificate of https://127") as refused:
            _ping(f"https://127.0.0.1:{listener.getsockname()[1]}")
        accepted.result(10)
    assert not isinstance(refused.value, errors.NoServer), "something answers there"


def _refuse(context: ssl.SSLContext, listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with contextlib.suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True):
        pass
