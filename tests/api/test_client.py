"""The client's own care: what it raises when a server refuses, fails, or is none."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests import wsgi
from tests.server.api_server import URL, Api
from ticketbot import errors
from ticketbot.api import client


def answering(status: str, body: bytes, **headers: str) -> client.Client:
    """Return a client of a server that always says the same."""

    def app(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start(status, [(name.replace("_", "-"), value) for name, value in headers.items()])
        return [body]

    return client.Client(URL, "key", transport=wsgi.Adapter(app))


def test_unreachable_server_is_named() -> None:
    for url in ("http://127.0.0.1:9", "http://127.0.0.1:9/", "nonsense://x", "http://[::1", "http://no such host/"):
        with pytest.raises(errors.Unreachable) as failure:
            client.Client(url, "key", timeout_s=2).ping()
        assert str(failure.value) == f"Cannot reach {url.rstrip('/')}"
        assert failure.value.exit_status == 8


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("200 OK", b"<html>Welcome to nginx</html>"),
        ("200 OK", b'{"status": 7}'),
        ("200 OK", b"\xff"),
        ("302 Found", b""),
        ("404 Not Found", b"<html>no such page</html>"),
        ("502 Bad Gateway", b""),
        ("500 Oops", b'["a list"]'),
    ],
)
def test_other_server_is_reported_as_not_ticketbot(status: str, body: bytes) -> None:
    with pytest.raises(errors.NoServer, match=r"is not a Ticketbot server|runs an incompatible version"):
        answering(status, body, Location="http://elsewhere.test/").ping()


@pytest.mark.parametrize(
    ("status", "kind", "exit_status"),
    [
        ("400 Bad", errors.Unreadable, 3),
        ("401 Bad", errors.NotAllowed, 6),
        ("404 Bad", errors.NotFound, 4),
        ("409 Bad", errors.Conflict, 5),
        ("413 Bad", errors.TooLarge, 3),
        ("422 Bad", errors.InvalidInput, 3),
        ("429 Bad", errors.TooMany, 8),
        ("500 Bad", errors.TicketbotError, 1),
        ("502 Bad", errors.RemoteUnavailable, 8),
        ("503 Bad", errors.Unreachable, 8),
    ],
)
def test_refusals_keep_the_message_of_the_server(
    status: str, kind: type[errors.TicketbotError], exit_status: int
) -> None:
    number = int(status[:3])
    body = f'{{"type": "about:blank", "title": "No", "status": {number}, "detail": "The very words"}}'.encode()
    with pytest.raises(errors.TicketbotError, match="The very words") as failure:
        answering(status, body, Retry_After="17", X_Request_ID="abc").ping()
    assert type(failure.value) is kind
    assert failure.value.exit_status == exit_status
    if isinstance(failure.value, errors.TooMany):
        assert failure.value.retry_after_s == 17
    if number == 500:
        assert "request abc" in str(failure.value)


def test_invalid_fields_are_named(ana: client.Client) -> None:
    with pytest.raises(errors.InvalidInput) as failure:
        ana.create_user(" ", "nobody")
    assert {each.field for each in failure.value.errors} == {"name", "email"}
    assert all(each.message for each in failure.value.errors)


def test_a_wrong_key_is_not_allowed(api: Api) -> None:
    with pytest.raises(errors.NotAllowed, match="not known"):
        api.client("wrong").users()
    with pytest.raises(errors.NotAllowed, match="Authorization"):
        api.client("").users()


def test_health_needs_no_key_and_reports_failures(api: Api) -> None:
    assert api.client("").ping().status == "ok"
    assert set(api.client("").readiness().checks) >= {"database", "schema", "workers", "queues"}
    failed = answering("503 Service Unavailable", b'{"status": "failed", "checks": {"database": "failed"}}')
    assert failed.readiness().checks == {"database": "failed"}


def test_netrc_never_replaces_the_key(api: Api, key: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine tbot.test login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert api.client(key).me().name == "Ana"


def test_client_imports_no_database_and_no_server() -> None:
    """The command line starts with every call: no database, no server."""
    heavy = ("peewee", "bottle", "waitress", "bcrypt")
    code = f"import sys, ticketbot.api.client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
