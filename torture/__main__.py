"""Run the program under faults, print a summary, exit 1 on any violation: `python -m torture --help`."""

from __future__ import annotations

import platform
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import docopt

from torture import report, runner

USAGE = """Kill, disconnect, delay and starve the real program, then check that it kept its promises.

Usage:
  torture [options]
  torture report [--note=<text>] <json>...

Options:
  --minutes=<n>       How long, split between the databases [default: 2].
  --database=<kind>   sqlite, postgres or both [default: both].
  --seed=<n>          Repeat the choices and the schedule of an earlier run; 0 draws a seed [default: 0].
  --binary=<file>     Run this packed program; without clock jumps, and with random kills only.
  --changes=<n>       Changes per second in ConnectWise, each with about 16 webhooks [default: 11].
  --json=<file>       Where to write the results [default: build/torture.json].
  --logs=<folder>     Where to keep the servers' logs.
  --note=<text>       A note about these runs, printed at the end of the page.
"""


def main(arguments: list[str]) -> int:
    """Run on each database, or write the report. Returns the exit status."""
    options = docopt.docopt(USAGE, arguments)
    if options["report"]:
        sys.stdout.write(report.page([Path(each) for each in options["<json>"]], options["--note"] or ""))
        return 0
    kinds = ["sqlite", "postgres"] if options["--database"] in ("both", "") else [options["--database"]]
    seed = int(options["--seed"] or 0) or random.SystemRandom().randrange(1, 10**6)
    print(f"seed {seed}", file=sys.stderr, flush=True)
    results = []
    for kind in kinds:
        run = runner.RunOptions(
            kind,
            seed,
            float(options["--minutes"]) / len(kinds),
            options["--binary"],
            float(options["--changes"]),
            options["--logs"] and f"{options['--logs']}/{kind}",
        )
        results.append(runner.Runner(run).run())
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    text = runner.as_json(
        results, machine=machine, at=f"{datetime.now(UTC):%Y-%m-%d %H:%M}Z", program=options["--binary"]
    )
    file = Path(options["--json"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    sys.stdout.write(report.table(results))
    return 1 if any(result.violations for result in results) else 0


if __name__ == "__main__":
    time.tzset()
    sys.exit(main(sys.argv[1:]))
