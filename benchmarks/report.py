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

B9 in full takes 20 minutes or more, and ran once. B1, B2 and B10 were measured once more after the last change to what
they measure; the rest of a run is some minutes older. Of all, these miss their target:

- **B1 on SQLite** once of three times, by 0.003. What a hook costs there is the same as below, but for the commit.
- **B1 on PostgreSQL**: for one hook the server spends 0.57 ms of processor time, the floor 0.33 in the same waitress,
  bottle and driver. In a profile, what a hook adds is 0.07 ms to read the JSON, check signature and company, and
  answer; 0.07 ms as its share of a commit, two statements over nine indexes for the four or five hooks that come in
  meanwhile; the rest is eight threads handing each other the interpreter's lock, which is let go of at every statement.
  A commit is four round trips one after the other, 1 ms in all, while the floor has eight connections that write one
  row each. Tried: eight transactions at once (0.50, with twice the processor time in PostgreSQL), a queue in which each
  waiter is woken by itself (0.56), a shorter switch interval (no difference), and, as the most to be had, one statement
  that knows no replays (0.07 more). One round trip less, by sending BEGIN along with the first statement, is left.
- **B6, the ledger look-up on SQLite**: five keys in a B-tree of a million entries instead of a thousand are 10 us more:
  two more levels, and leaves that are read from the system's cache. PostgreSQL shows the same below its round trip.
- **B10, the start**: our own modules take 45 ms to import, a third of that models, structs and routes that are built
  then; the libraries take 120 ms in both. What only some starts need is imported when needed, and the collector of
  garbage is off meanwhile.
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
