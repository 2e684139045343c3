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

_LIMITS = """
## What stands in the way

B5, B7, B8 and B9 were measured while the machine was busy with other work, and B9 after 10,000 events; they have to be
measured again before anybody believes them. Of the others, these miss their target:

- **B1**: a hook is two statements in a transaction that several share; the floor is one row. The median answer stays
  below twice that of the floor. Where the rest goes is not profiled yet, least of all on PostgreSQL.
- **B2, B7**: working one event off takes some 9 ms of processor time in some 27 statements, about half of it spent
  building SQL in peewee; four servers and both simulators then keep two cores busy. The slow end of B2 is not profiled.
- **B3, at a thousand calls a minute**: the rate is kept and used, but one call of 1,500 came too early by the service's
  own count, and was answered 429.
- **B6, the list since a moment**: it was measured reading the rows of a day before, for servers whose clocks differ; an
  hour of them is read now.
- **B10, the start**: 60 ms of our own modules to import, and some twenty threads that open their connections.
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
    return f"{_ABOUT}\n{measured}\n\nFigure and floor are those of the run with the median ratio.\n\n{grid}\n{_LIMITS}"


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
