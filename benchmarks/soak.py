"""memory in full length, which takes about half an hour and is therefore run only by its name."""

from __future__ import annotations

from typing import Any

from benchmarks import memory

MANY = 100_000


def run() -> dict[str, Any]:
    """Measure memory after as many events as the target names."""
    return memory.run(MANY)
