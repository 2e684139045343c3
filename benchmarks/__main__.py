"""Run the benchmarks, print their figures and keep them as JSON; or write a page from what several runs have kept."""

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
    "conditions": "conditions",
    "backtest": "backtest",
    "memory": "memory, one tenth of it",
    "start": "idle",
    "tui": "a keypress in the terminal UI",
    "soak": "memory, half an hour",
}
BY_NAME_ONLY = ("soak",)
USAGE = """Measure, each figure against its floor.

Usage:
  benchmarks [--json=<file>] [<name>...]
  benchmarks --page <json>...

Options:
  --json=<file>  Where the results go [default: build/benchmarks.json].
  --page         Print docs/performance.md from the results of one or several runs.

Without a name all are run but soak:
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
        print(f"There is no benchmark {unknown[0]}, only:\n{names}", end="", file=sys.stderr)
        return 2
    file = Path(options["--json"])
    file.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z",
        "rows": [],
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs beside us is ended, too
    failed = 0
    for name in options["<name>"] or [each for each in SUITES if each not in BY_NAME_ONLY]:
        failed += not _measured(name, document["rows"])
        file.write_text(json.dumps(document, indent=2) + "\n")
    Console(width=None if sys.stdout.isatty() else 160).print(report.table(document))
    return 1 if failed else 0


def _measured(name: str, rows: list[dict[str, Any]]) -> bool:
    """Add the figures of one benchmark; one that fails must not cost the others theirs."""
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    started = time.monotonic()
    try:
        found = importlib.import_module(f"benchmarks.{name}").run()
    except Exception:  # noqa: BLE001  (whatever it is, it is shown)
        traceback.print_exc()
        return False
    rows += found if isinstance(found, list) else [found]
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
