"""Fixtures: simulated services on both databases, with the real clock or in simulated time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.environment import World
from tests.simulated_time import Stepper


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """Return simulated services for servers on `database`, which is also open in the test."""
    with World(database) as environment:
        yield environment


@pytest.fixture
def stepper(database: str) -> Iterator[Stepper]:
    """Return a server that runs step by step in simulated time."""
    with Stepper(database) as environment:
        yield environment
