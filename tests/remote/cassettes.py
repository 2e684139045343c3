"""Record and replay what ConnectWise and Webex answer: the one place that knows how cassettes are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import vcr

from tests.remote.replay_server import Reply

CASSETTES = Path(__file__).parents[1] / "cassettes"
RECORD = "TBOT_RECORD_CASSETTES"  # set by record_cassettes.py
# vcrpy looks at method and address only by default, and any two posts would answer for each other.
MATCH_ON = ("method", "scheme", "host", "port", "path", "query", "body")
SECRET_HEADERS = ("Authorization", "clientId")

CONNECTWISE_URL = "https://api-na.myconnectwise.net"
WEBEX_URL = "https://webexapis.com"
CREDENTIALS = {
    "company": "examplemsp",
    "public_key": "cassette-public-key",
    "private_key": "cassette-private-key",
    "client_id": "cassette-client-id",
}
TOKEN = "cassette-webex-token"

Test = TypeVar("Test", bound=Callable[..., Any])


def answered(*replies: Reply) -> Callable[[Test], Test]:
    """Say what the replay server answers while the cassette of this test is recorded."""

    def mark(test: Test) -> Test:
        test.replies = replies  # type: ignore[attr-defined]
        return test

    return mark


def replies_of(test: Callable[..., Any]) -> Sequence[Reply]:
    """Return what `answered` said."""
    return getattr(test, "replies", ())


@contextmanager
def replaying(path: Path) -> Iterator[None]:
    """Answer from the cassette, from nothing else, and insist that all of it is asked for."""
    player = vcr.VCR(record_mode=vcr.mode.NONE, match_on=MATCH_ON)
    with player.use_cassette(str(path)) as cassette:
        yield
    assert cassette.all_played, f"{path.name} holds more than the test asks for"


@contextmanager
def recording(path: Path, real: str, called: str) -> Iterator[None]:
    """Write a cassette in which the address `real` stands for `called`, without credentials."""

    def rename_request(request: Any) -> Any:
        request.uri = request.uri.replace(called, real)
        return request

    def rename_response(response: Any) -> Any:
        for values in response["headers"].values():
            values[:] = [value.replace(called, real) for value in values]
        response["headers"].pop("Set-Cookie", None)
        return response

    path.unlink(missing_ok=True)
    recorder = vcr.VCR(
        record_mode=vcr.mode.ALL,
        match_on=MATCH_ON,
        filter_headers=SECRET_HEADERS,
        before_record_request=rename_request,
        before_record_response=rename_response,
        decode_compressed_response=True,
    )
    with recorder.use_cassette(str(path)):
        yield
