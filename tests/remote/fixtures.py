"""Clients over cassettes, and clients of a server that behaves as badly as a test wants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.remote.cassettes import (
    CASSETTES,
    CONNECTWISE_URL,
    CREDENTIALS,
    RECORD,
    TOKEN,
    WEBEX_URL,
    recording,
    replaying,
    replies_of,
)
from tests.remote.replay_server import serving
from tests.remote.rude_server import RudeServer, rude_server
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.webex.webex_client import Webex

RUDE_TIMEOUT_S = 5.0


@contextmanager
def _site(request: pytest.FixtureRequest, service: str, url: str, prefix: str) -> Iterator[str]:
    """Yield the address to ask: the real one over the test's cassette, or the replay server while recording."""
    path: Path = CASSETTES / service / f"{request.function.__name__.removeprefix('test_')}.yaml"
    if os.environ.get(RECORD):
        with serving(prefix, replies_of(request.function)) as local, recording(path, url, local):
            yield local
    else:
        with replaying(path):
            yield url


@pytest.fixture
def connectwise(request: pytest.FixtureRequest) -> Iterator[ConnectWise]:
    """Ask ConnectWise as it is on the test's cassette."""
    with (
        _site(request, "connectwise", CONNECTWISE_URL, "/v4_6_release/apis/3.0") as url,
        closing(ConnectWise(url=url, **CREDENTIALS)) as client,
    ):
        yield client


@pytest.fixture
def webex(request: pytest.FixtureRequest) -> Iterator[Webex]:
    """Ask Webex as it is on the test's cassette."""
    with (
        _site(request, "webex", WEBEX_URL, "/v1") as url,
        closing(Webex(url=f"{url}/v1", token=TOKEN)) as client,
    ):
        yield client


@pytest.fixture
def rude() -> Iterator[RudeServer]:
    """Be asked by `rude_connectwise` and `rude_webex`, and answer as a test says."""
    with rude_server() as server:
        yield server


@pytest.fixture
def elsewhere() -> Iterator[RudeServer]:
    """Be a host that nobody may ask."""
    with rude_server() as server:
        yield server
        assert server.connections == 0


@pytest.fixture
def rude_connectwise(rude: RudeServer) -> Iterator[ConnectWise]:
    """Ask the rude server for tickets."""
    with closing(ConnectWise(url=rude.url, **CREDENTIALS, read_timeout_s=RUDE_TIMEOUT_S)) as client:
        yield client


@pytest.fixture
def rude_webex(rude: RudeServer) -> Iterator[Webex]:
    """Ask the rude server to post messages."""
    with closing(Webex(url=f"{rude.url}/v1", token=TOKEN, read_timeout_s=RUDE_TIMEOUT_S)) as client:
        yield client
