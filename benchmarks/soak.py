"""memory with all events; it takes about half an hour and is run only by name."""

from __future__ import annotations

from typing import Any

from benchmarks import memory

MANY = 100_000


def run() -> dict[str, Any]:
    """Measure memory after the number of events in the target."""
    return memory.run(MANY)
