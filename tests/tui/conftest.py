"""An office and somebody who sits at its TUI."""

from __future__ import annotations

import pytest
import urwid

from tests.tui.fake_server import FakeServer
from tests.tui.pilot import Pilot


@pytest.fixture(autouse=True)
def _utf8() -> None:
    urwid.set_encoding("utf8")


@pytest.fixture
def office() -> FakeServer:
    """Return an office with a few rows of everything."""
    return FakeServer()


@pytest.fixture
def pilot(office: FakeServer) -> Pilot:
    """Return a TUI at 80x24 that has read its first tab."""
    return Pilot(office).start()
