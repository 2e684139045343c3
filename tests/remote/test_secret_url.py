"""A6: an address that is a secret appears in no error, whatever becomes of the call."""

from __future__ import annotations

import json

import pytest

from tests.remote.rude_server import Rude, RudeServer, response
from ticketbot import errors
from ticketbot.remote import secret_url

SECRET = "s3cr3t"


def test_a_body_is_posted_as_json_and_without_one_the_address_is_got(rude: RudeServer) -> None:
    rude.always(response(b"not JSON", "202 Accepted"))
    secret_url.call("alert_url", f"{rude.url}/{SECRET}", {"a": 1})
    secret_url.call("alert_url", f"{rude.url}/{SECRET}")
    first, second = rude.received
    assert (first.line, json.loads(first.body)) == (f"POST /{SECRET} HTTP/1.1", {"a": 1})
    assert first.headers["content-type"] == "application/json"
    assert (second.line, second.body) == (f"GET /{SECRET} HTTP/1.1", b"")
    assert "content-type" not in second.headers


@pytest.mark.parametrize("status", ["301 Moved", "404 Gone", "429 Slow down", "500 Oops"])
def test_any_other_status_is_an_outage(status: str, rude: RudeServer) -> None:
    rude.always(response(SECRET.encode(), status, Location=f"{rude.url}/other"))
    with pytest.raises(errors.RemoteUnavailable) as caught:
        secret_url.call("alert_url", f"{rude.url}/{SECRET}")
    assert (str(caught.value), caught.value.service) == (f"alert_url: answered {status[:3]}", "alert_url")
    assert len(rude.received) == 1


@pytest.mark.parametrize("status", ["401 Who", "403 No"])
def test_a_refusal_needs_a_person(status: str, rude: RudeServer) -> None:
    rude.always(response({}, status))
    with pytest.raises(errors.RemoteDenied):
        secret_url.call("alert_url", f"{rude.url}/{SECRET}")


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:9/{SECRET}",
        f"http://127.0.0.1:99999/{SECRET}",
        f"http://{SECRET}.invalid/",
        f"http://..{SECRET}/",
        f"http://127.0.0.1:9/{SECRET}\n",
    ],
)
def test_an_address_that_cannot_be_called_is_not_shown(url: str) -> None:
    with pytest.raises(errors.RemoteUnavailable) as caught:
        secret_url.call("heartbeat_url", url, {})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_call_without_an_answer_is_an_outage(rude: RudeServer) -> None:
    rude.always(Rude(b"", "reset"))
    with pytest.raises(errors.RemoteUnavailable, match=r"^heartbeat_url: got no whole answer") as caught:
        secret_url.call("heartbeat_url", f"{rude.url}/{SECRET}")
    assert SECRET not in str(caught.value)
