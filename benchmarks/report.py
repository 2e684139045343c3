"""Write results as tables: on the terminal, and as the page `docs/performance.md`, several runs side by side."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

Row = Mapping[str, Any]

_ABOUT = """# Performance

What `make bench` measures. Each figure is set beside its floor, which the same harness measured in the same run: what
has to be done in any case, or the same work with little. The ratio of the two is what has a target, since a slow
machine slows both. A benchmark that is run once more gives another ratio; how much they differ is the noise.

ConnectWise and Webex are simulated, with 100 or 150 ms for a call of ConnectWise and 100 ms for one of Webex where
time matters. SQLite and PostgreSQL run with their usual fsync.
"""


def table(document: Mapping[str, Any]) -> Table:
    """Return the closing table of a run."""
    made = Table("benchmark", "figure", "floor", "ratio", "target", "met", title=_where(document))
    for row in document["rows"]:
        met = "yes" if row["met"] else "NO"
        made.add_row(row["name"], row["figure"], row["floor"], f"{row['ratio']:.2f}", row["target"], met)
    return made


def page(files: Sequence[Path]) -> str:
    """Return `docs/performance.md` from the results of one or several runs."""
    documents = [json.loads(file.read_text()) for file in files]
    runs: dict[str, list[Row | None]] = {}
    for index, document in enumerate(documents):
        for row in document["rows"]:
            runs.setdefault(row["name"], [None] * len(documents))[index] = row
    numbers = [f"run {number}" for number in range(1, len(documents) + 1)] if len(documents) > 1 else ["ratio"]
    head = ["", "figure", "floor", *numbers, "target", "met"]
    lines = [head, ["---", "---", "---", *["---:"] * len(numbers), "---", "---"], *map(_line, runs.items())]
    measured = "\n".join(f"- {_where(document)}" for document in documents)
    grid = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{_ABOUT}\n{measured}\n\nFigure and floor are those of the run with the median ratio.\n\n{grid}\n"


def _line(named: tuple[str, Sequence[Row | None]]) -> list[str]:
    name, runs = named
    there = sorted((row for row in runs if row), key=lambda row: row["ratio"])
    median = there[len(there) // 2]
    ratios = [f"{row['ratio']:.2f}" if row else "-" for row in runs]
    met = sum(row["met"] for row in there)
    return [name, median["figure"], median["floor"], *ratios, median["target"], _met(met, len(there))]


def _met(met: int, runs: int) -> str:
    if met == runs:
        return "yes"
    return "no" if not met else f"{met} of {runs}"


def _where(document: Mapping[str, Any]) -> str:
    return f"{document['machine']}, {document['at']}"
