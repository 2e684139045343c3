"""packed: how fast the binary starts, against a packed program that prints "hello". Skipped before `make binary`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import harness

BINARY = Path("dist/tbot")
ROUNDS = 15
KEY = "a-key-of-forty-characters-for-benchmarks"
TARGETS = {"version": 1.0, "list rules": 1.5}


def run() -> list[dict[str, Any]]:
    """Time a packed hello, `tbot version` and `tbot list rules` alternately; the medians count."""
    if not BINARY.exists():
        print(f"skipped: there is no {BINARY}, run make binary", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder, harness.simulators() as known:
        hello = _packed_hello(Path(folder))
        admin = {"TBOT_ADMIN_EMAIL": "ana@example.com", "TBOT_ADMIN_KEY": KEY}
        with harness.server(f"sqlite:///{folder}/tbot.db", known["settings"] | admin) as url:
            client = {"TBOT_BASE_URL": url, "TBOT_API_KEY": KEY}
            programs = {"hello": [hello], **{name: [str(BINARY), *name.split()] for name in TARGETS}}
            took: dict[str, list[float]] = {name: [] for name in programs}
            for _ in range(ROUNDS):
                for name, program in programs.items():
                    took[name].append(_seconds(program, client))
    floor = statistics.median(took["hello"])
    return [_row(name, statistics.median(took[name]), floor, target) for name, target in TARGETS.items()]


def _packed_hello(folder: Path) -> str:
    (folder / "hello.py").write_text('print("hello")\n')
    subprocess.run(
        [
            *(sys.executable, "-m", "PyInstaller", "--onefile", "--strip", "--optimize=2", "--log-level=ERROR"),
            *("--distpath", folder, "--workpath", folder / "work", "--specpath", folder, folder / "hello.py"),
        ],
        check=True,
    )
    return str(folder / "hello")


def _seconds(program: list[str], environ: Mapping[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(program, env=environ, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def _row(name: str, took: float, floor: float, target: float) -> dict[str, Any]:
    return {
        "name": f"packed `tbot {name}`, {BINARY.stat().st_size / 2**20:.1f} MiB",
        "figure": f"{took * 1000:.0f} ms",
        "floor": f"{floor * 1000:.0f} ms",
        "ratio": took / floor,
        "target": f"<= {target}",
        "met": took / floor <= target,
    }
