"""Run the benchmarks, print their figures and store them as JSON; or write a page from the JSON of several runs."""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import docopt
from rich.console import Console

from benchmarks import report

SUITES = {
    "hooks": "webhook-rate, latency",
    "sync": "sync",
    "api": "api-auth",
    "packed": "packed, of dist/tbot",
    "growth": "growth",
    "servers": "servers",
    "drain": "drain",
    "mass_change": "latency-under-mass-change, mass-change-calls, folding",
    "storm": "storm",
    "conditions": "conditions",
    "backtest": "backtest",
    "memory": "memory, a tenth of the events",
    "start": "idle",
    "panel": "panel",
    "tui": "a keypress in the terminal UI",
    "soak": "memory, all events: half an hour",
}
BY_NAME_ONLY = ("soak",)
USAGE = """Run the benchmarks, each figure against its floor.

Usage:
  benchmarks [--json=<file>] [<name>...]
  benchmarks --page <json>...

Options:
  --json=<file>  Where to write the results [default: build/benchmarks.json].
  --page         Print docs/performance.md from the results of one or more runs.

Without a name, all but soak are run:
"""


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all. Returns the exit status, which does not depend on the figures."""
    names = "".join(f"  {name:11} {what}\n" for name, what in SUITES.items())
    options = docopt.docopt(USAGE + names, arguments)
    if options["--page"]:
        sys.stdout.write(report.page([Path(each) for each in options["<json>"]]))
        return 0
    unknown = [name for name in options["<name>"] if name not in SUITES]
    if unknown:
        print(f"Unknown benchmark: {unknown[0]}. The benchmarks are:\n{names}", end="", file=sys.stderr)
        return 2
    file = Path(options["--json"])
    file.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "rows": [],
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the processes started here are stopped, too
    failed = 0
    for name in options["<name>"] or [each for each in SUITES if each not in BY_NAME_ONLY]:
        failed += not _measure(name, document["rows"])
        file.write_text(json.dumps(document, indent=2) + "\n")
    Console(width=None if sys.stdout.isatty() else 160).print(report.table(document))
    return 1 if failed else 0


def _measure(name: str, rows: list[dict[str, Any]]) -> bool:
    """Append the figures of one benchmark; return False if it failed, so that the others still run."""
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        result = importlib.import_module(f"benchmarks.{name}").run()
    except Exception:  # noqa: BLE001  (printed, whatever it is)
        traceback.print_exc()
        return False
    rows += result if isinstance(result, list) else [result]
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
