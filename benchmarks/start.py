"""idle: the start of `tbot serve`, and its memory, processor time and statements when idle.

Start and memory are compared with a hello with the same libraries. `python -m benchmarks.start <file>` serves, and
writes the number of statements so far to the file.
"""

from __future__ import annotations

import http.client
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import peewee

from benchmarks import harness

ROUNDS = 7
IDLE_S = 3.0
TARGETS = {"memory": 1.25, "start": 1.5}
IDLE_WINDOW_S = 60
STATEMENTS_PER_S, PROCESSOR_PERCENT = 3.0, 0.5


def run() -> list[dict[str, Any]]:
    """Start both alternately, on an existing database; the medians count."""
    with harness.databases() as urls, harness.simulators() as known, tempfile.TemporaryDirectory() as folder:
        with harness.open_database(urls["SQLite"]):
            pass
        serve = ["-m", "ticketbot", "serve"], "/healthcheck"
        hello = ["-m", "benchmarks.baselines", "hello", urls["SQLite"]], "/"
        # Write bytecode, which an installed program has, even if this shell turns it off.
        bytecode = {"PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        environ = {**known["settings"], "TBOT_DATABASE_URL": urls["SQLite"], **bytecode}
        for program in (serve, hello):
            _start(*program, environ)
        ours, floors = [], []
        for _ in range(ROUNDS):
            ours.append(_start(*serve, environ))
            floors.append(_start(*hello, environ))
        idle = [row for name, url in urls.items() for row in _measure_idle(name, environ | {"TBOT_DATABASE_URL": url})]
    took, floor_took = (statistics.median(seconds for seconds, _ in each) for each in (ours, floors))
    memory, floor_memory = (statistics.median(mib for _, mib in each) for each in (ours, floors))
    return [
        _row("memory", "idle memory of `tbot serve`", "{:.1f} MiB", memory, floor_memory),
        _row("start", "idle start of `tbot serve`, to the first 200", "{:.0f} ms", took * 1000, floor_took * 1000),
        *idle,
    ]


def _measure_idle(database: str, environ: dict[str, str]) -> list[dict[str, Any]]:
    """Measure the statements and the processor time of an idle server."""
    port = harness.free_port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "statements"
        environ = {**environ, "TBOT_PORT": str(port)}
        with harness.process(["-m", "benchmarks.start", str(file)], environ) as server:
            harness.wait_for(lambda: _responds(port, "/readyz"))
            time.sleep(10)  # the work after a start
            before = int(file.read_text()), _processor_s(server.pid)
            time.sleep(IDLE_WINDOW_S)
            statements, processor_s = int(file.read_text()) - before[0], _processor_s(server.pid) - before[1]
    per_s, percent = statements / IDLE_WINDOW_S, 100 * processor_s / IDLE_WINDOW_S
    return [
        _absolute(f"idle statements, {database}", f"{per_s:.1f} a second", per_s, STATEMENTS_PER_S),
        _absolute(f"idle processor time, {database}", f"{percent:.2f} % of a core", percent, PROCESSOR_PERCENT),
    ]


def _absolute(name: str, figure: str, value: float, limit: float) -> dict[str, Any]:
    return {
        "name": name,
        "figure": figure,
        "floor": "-",
        "ratio": value,
        "target": f"<= {limit:g}",
        "met": value <= limit,
    }


def _processor_s(pid: int) -> float:
    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _start(arguments: list[str], path: str, environ: dict[str, str]) -> tuple[float, float]:
    """Return the seconds until a program answers with 200, and its memory in MiB some idle seconds later."""
    port = harness.free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    with harness.process(arguments, {**environ, "TBOT_PORT": str(port)}):
        while not _responds(port, path):
            time.sleep(0.002)
        took = time.perf_counter() - started
        time.sleep(IDLE_S)
        return took, harness.memory_mib(url)


def _responds(port: int, path: str) -> bool:
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


def serve(file: Path) -> None:
    """Run `tbot serve`, and write the number of statements so far every half second."""
    from ticketbot import __main__ as program

    sent = 0
    execute_sql = peewee.Database.execute_sql

    def counting_execute_sql(self: peewee.Database, *arguments: Any) -> Any:
        nonlocal sent
        sent += 1
        return execute_sql(self, *arguments)

    def report() -> None:
        while True:
            file.write_text(str(sent))
            time.sleep(0.5)

    peewee.Database.execute_sql = counting_execute_sql
    threading.Thread(target=report, daemon=True).start()
    sys.exit(program.main(["serve"], os.environ))


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
