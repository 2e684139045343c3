"""One server's API on each database, with an administrator and a simulated Webex."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.api_server import Api
from ticketbot.api import client
from ticketbot.simulators import webex_api
from ticketbot.simulators.webex import Webex


@pytest.fixture(scope="session")
def organization() -> Iterator[Webex]:
    """Return a simulated Webex that answers over HTTP."""
    organization = Webex()
    with webex_api.serve(organization):
        yield organization


@pytest.fixture
def api(database: str, organization: Webex) -> Iterator[Api]:
    """Return the API on an empty database; hashing a key is cheap. No sync outlives the database."""
    organization.faults.clear()
    organization.clear_messages()
    api = Api(organization)
    yield api
    api.stop_syncs()


@pytest.fixture
def key(api: Api) -> str:
    """Return the key of Ana, who is an administrator."""
    return api.administrator()


@pytest.fixture
def ana(api: Api, key: str) -> client.Client:
    """Return the client of Ana."""
    return api.client(key)
