"""A world for each test, on both databases; with a clock that runs, or with one that jumps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environment import World
from tests.simulated_time import Stepper


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """Return simulated services whose server uses `database`, which is open for the test, too."""
    with World(database) as everything:
        yield everything


@pytest.fixture
def stepper(database: str) -> Iterator[Stepper]:
    """Return a server that is worked step by step in simulated time."""
    with Stepper(database) as everything:
        yield everything
