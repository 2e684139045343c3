"""What a command line needs in each test: a server on SQLite, an administrator's key, and own directories."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import cli_runner
from tests.environment import World, wait_for


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("COLUMNS", raising=False)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def cli(sqlite: str) -> Iterator[cli_runner.CliRunner]:
    """Return a running server with an administrator and the command line that leads to it."""
    with World(sqlite) as world:
        world.configure(catch_up_interval=0)  # it would find tickets before their webhooks arrive
        with world.server() as server:
            yield cli_runner.CliRunner(world, server, cli_runner.administrator())
            world.connectwise.callbacks.sender.stop()
            # A connection that waitress has not seen closing when it is stopped would be left to the garbage collector.
            assert wait_for(lambda: not server._http.active_channels)
