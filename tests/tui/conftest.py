"""A server with a few rows of everything, and somebody who sits at its TUI."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.server.api_server import Api
from tests.tui import seed
from tests.tui.pilot import Pilot, Server
from ticketbot.simulators.webex import Webex


@pytest.fixture
def server(sqlite: str, organization: Webex) -> Iterator[Server]:
    """Return the real application on a seeded database."""
    organization.faults.clear()
    organization.clear_messages()
    api = Api(organization)
    yield Server(api, seed.fill(api.clock.now(), organization))
    api.stop_syncs()


@pytest.fixture
def pilot(server: Server) -> Pilot:
    """Return a TUI at 80x24 that has read its first tab."""
    return Pilot(server).start()


@pytest.fixture
def empty_server(sqlite: str, organization: Webex) -> Server:
    """Return the real application on a database with nothing but a user."""
    api = Api(organization)
    return Server(api, api.administrator())
