"""Run the benchmarks and print their figures: `python -m benchmarks [name ...]`, JSON to `build/benchmarks.json`."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

SUITES = ("hooks", "api", "sync")


def main(names: list[str]) -> int:
    """Run the named suites, or all."""
    rows: list[dict[str, Any]] = []
    for name in names or SUITES:
        print(f"{name} ...", file=sys.stderr, flush=True)
        found = importlib.import_module(f"benchmarks.{name}").run()
        rows += found if isinstance(found, list) else [found]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    table = Table(
        "benchmark", "figure", "floor", "ratio", "target", "met", title=f"{machine}, {datetime.now(UTC):%Y-%m-%d}"
    )
    for row in rows:
        table.add_row(
            row["name"],
            row["figure"],
            row["floor"],
            f"{row['ratio']:.2f}",
            row["target"],
            "yes" if row["met"] else "NO",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    Path("build").mkdir(exist_ok=True)
    Path("build/benchmarks.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
