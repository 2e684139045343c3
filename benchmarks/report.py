"""Write results as tables: for the terminal, and for the page `docs/performance.md` with several runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

Row = Mapping[str, Any]

_ABOUT = """# Performance

Results of `make bench`. Each figure has a floor, measured by the same harness in the same run: the work that is
unavoidable, or the same work on little data. The target applies to the ratio of the two, since a slow machine slows
down both. Ratios differ between runs; how much shows the noise.

ConnectWise and Webex are simulated, with 100 or 150 ms per ConnectWise call and 100 ms per Webex call where time
matters. SQLite and PostgreSQL run with their usual fsync.
"""


def table(document: Mapping[str, Any]) -> Table:
    """Return the table of a run for the terminal."""
    grid = Table("benchmark", "figure", "floor", "ratio", "target", "met", title=_machine_and_time(document))
    for row in document["rows"]:
        met = "yes" if row["met"] else "NO"
        grid.add_row(row["name"], row["figure"], row["floor"], f"{row['ratio']:.2f}", row["target"], met)
    return grid


def page(files: Sequence[Path]) -> str:
    """Return `docs/performance.md` for the results of one or more runs."""
    documents = [json.loads(file.read_text()) for file in files]
    runs: dict[str, list[Row | None]] = {}
    for index, document in enumerate(documents):
        for row in document["rows"]:
            runs.setdefault(row["name"], [None] * len(documents))[index] = row
    numbers = [f"run {number}" for number in range(1, len(documents) + 1)] if len(documents) > 1 else ["ratio"]
    head = ["", "figure", "floor", *numbers, "target", "met"]
    lines = [head, ["---", "---", "---", *["---:"] * len(numbers), "---", "---"], *map(_line, runs.items())]
    measured = "\n".join(f"- {_machine_and_time(document)}" for document in documents)
    grid = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{_ABOUT}\n{measured}\n\nFigure and floor are those of the run with the median ratio.\n\n{grid}\n"


def _line(named: tuple[str, Sequence[Row | None]]) -> list[str]:
    name, runs = named
    measured = sorted((row for row in runs if row), key=lambda row: row["ratio"])
    median = measured[len(measured) // 2]
    ratios = [f"{row['ratio']:.2f}" if row else "-" for row in runs]
    met = sum(row["met"] for row in measured)
    return [name, median["figure"], median["floor"], *ratios, median["target"], _met(met, len(measured))]


def _met(met: int, runs: int) -> str:
    if met == runs:
        return "yes"
    return "no" if not met else f"{met} of {runs}"


def _machine_and_time(document: Mapping[str, Any]) -> str:
    return f"{document['machine']}, {document['at']}"
