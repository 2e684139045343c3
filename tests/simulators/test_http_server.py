"""The loopback server: keep-alive, clean stops, and broken responses."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ticketbot.simulators import http_server


@contextmanager
def connected(ill_treat: Callable[[http_server.Connection], None]) -> Iterator[http.client.HTTPConnection]:
    """Connect to an echo server that breaks the connection before each response."""

    def echo(environ: Any, start_response: Any) -> Iterable[bytes]:
        ill_treat(environ[http_server.CONNECTION])
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "999")])
        return [environ["REQUEST_METHOD"].encode(), b" ", environ["wsgi.input"].read()]

    with http_server.serve(echo) as running:
        connection = http.client.HTTPConnection(running.host, running.port, timeout=10)
        try:
            yield connection
        finally:
            connection.close()


def unharmed(_: http_server.Connection) -> None:
    """Do nothing to the connection."""


def send(connection: http.client.HTTPConnection, body: bytes = b"hello") -> http.client.HTTPResponse:
    connection.request("POST", "/echo?x=1", body)
    return connection.getresponse()


def test_connection_is_kept_alive_with_correct_lengths() -> None:
    with connected(unharmed) as connection:
        for body in (b"one", b"two and more", b""):
            response = send(connection, body)
            used = connection.sock
            assert response.read() == b"POST " + body
            assert response.getheader("Content-Length") == str(5 + len(body))
            assert connection.sock is used is not None


def test_head_sends_the_length_and_no_body() -> None:
    with connected(unharmed) as connection:
        connection.request("HEAD", "/")
        response = connection.getresponse()
        assert (response.getheader("Content-Length"), response.read()) == ("5", b"")


def test_a_bug_in_the_application_is_a_500(capsys: pytest.CaptureFixture[str]) -> None:
    def trip(_: http_server.Connection) -> None:
        raise KeyError("bug")

    with connected(trip) as connection:
        assert send(connection).status == 500
    assert "KeyError('bug')" in capsys.readouterr().err


def test_silent_connection_is_closed_without_a_byte() -> None:
    def silence(connection: http_server.Connection) -> None:
        connection.silent = True

    with connected(silence) as connection, pytest.raises(http.client.RemoteDisconnected):
        send(connection)


def test_limited_body_is_shorter_than_its_length() -> None:
    def limit(connection: http_server.Connection) -> None:
        connection.body_limit = 3

    with connected(limit) as connection:
        response = send(connection)
        with pytest.raises(http.client.IncompleteRead) as caught:
            response.read()
    assert caught.value.partial == b"POS"


def test_a_dripping_body_arrives_whole() -> None:
    def drip(connection: http_server.Connection) -> None:
        connection.drip_s = 0.02

    with connected(drip) as connection:
        assert send(connection, b"x" * 100).read() == b"POST " + b"x" * 100


def test_hang_up_closes_unannounced_after_a_whole_response() -> None:
    def hang_up(connection: http_server.Connection) -> None:
        connection.hang_up = True

    with connected(hang_up) as connection:
        response = send(connection)
        assert response.getheader("Connection") is None
        assert response.read() == b"POST hello"
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            send(connection)


def test_a_pause_ends_when_the_server_stops() -> None:
    pausing = threading.Event()

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        pausing.set()
        environ[http_server.CONNECTION].pause(3600)
        start_response("200 OK", [])
        return []

    before = set(threading.enumerate())
    running = http_server.serve(app)
    connection = http.client.HTTPConnection(running.host, running.port, timeout=10)
    connection.request("GET", "/")
    assert pausing.wait(10)
    running.stop()
    connection.close()
    assert set(threading.enumerate()) <= before


def test_stopped_server_leaves_no_thread_and_frees_its_port() -> None:
    def app(_: Any, start_response: Any) -> Iterable[bytes]:
        start_response("204 No Content", [])
        return []

    def status(port: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        finally:
            connection.close()

    before = set(threading.enumerate())
    first = http_server.serve(app)
    assert status(first.port) == 204
    first.stop()
    first.stop()
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        status(first.port)
    with http_server.serve(app, port=first.port) as second:
        assert second.url == first.url
        assert status(second.port) == 204
