"""idle: how fast `tbot serve` starts and what memory it takes when idle, against a hello with the same libraries."""

from __future__ import annotations

import http.client
import statistics
import tempfile
import time
from typing import Any

from benchmarks import harness

ROUNDS = 7
IDLE_S = 3.0
TARGETS = {"memory": 1.25, "start": 1.5}


def run() -> list[dict[str, Any]]:
    """Start both in turns, on a database that is there already; the medians count."""
    with harness.databases() as urls, harness.simulators() as known, tempfile.TemporaryDirectory() as folder:
        with harness.opened(urls["SQLite"]):
            pass
        serve = ["-m", "ticketbot", "serve"], "/healthcheck"
        hello = ["-m", "benchmarks.baselines", "hello", urls["SQLite"]], "/"
        # Bytecode is there, as it is of whatever is installed, also where this shell says that none is written.
        bytecode = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        environ = {**known["settings"], "TBOT_DATABASE_URL": urls["SQLite"], **bytecode}
        for program in (serve, hello):
            _started(*program, environ)
        ours, floors = [], []
        for _ in range(ROUNDS):
            ours.append(_started(*serve, environ))
            floors.append(_started(*hello, environ))
    took, floor_took = (statistics.median(seconds for seconds, _ in each) for each in (ours, floors))
    held, floor_held = (statistics.median(mib for _, mib in each) for each in (ours, floors))
    return [
        _row("memory", "idle memory of `tbot serve`", "{:.1f} MiB", held, floor_held),
        _row("start", "idle start of `tbot serve`, to the first 200", "{:.0f} ms", took * 1000, floor_took * 1000),
    ]


def _started(arguments: list[str], path: str, environ: dict[str, str]) -> tuple[float, float]:
    """Return the seconds until a program answers 200, and its memory in MiB some idle seconds later."""
    port = harness.free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    with harness.process(arguments, {**environ, "TBOT_PORT": str(port)}):
        while not _answers(port, path):
            time.sleep(0.002)
        took = time.perf_counter() - started
        time.sleep(IDLE_S)
        return took, harness.memory_mib(url)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except ConnectionError:
        return False
    finally:
        connection.close()


def _row(kind: str, name: str, unit: str, figure: float, floor: float) -> dict[str, Any]:
    return {
        "name": name,
        "figure": unit.format(figure),
        "floor": unit.format(floor),
        "ratio": figure / floor,
        "target": f"<= {TARGETS[kind]:g}",
        "met": figure / floor <= TARGETS[kind],
    }
