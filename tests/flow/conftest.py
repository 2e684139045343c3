"""A world for each test, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.world import World


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """Return simulated services whose server uses `database`, which is open for the test, too."""
    with World(database) as everything:
        yield everything
