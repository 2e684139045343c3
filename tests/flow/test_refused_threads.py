"""A system that refuses another thread gets a message, not a traceback."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.environment import World

# `ulimit -v` refuses at a moment that differs from machine to machine; this refuses at the same thread everywhere.
PROGRAM = """
import sys, threading
from ticketbot import __main__
allowed, real = int(sys.argv.pop(1)), threading.Thread.start
def start(thread):
    global allowed
    if allowed == 0:
        raise RuntimeError("can't start new thread")
    allowed -= 1
    real(thread)
threading.Thread.start = start
sys.exit(__main__.run())
"""


@pytest.mark.parametrize("allowed", [0, 20, 25], ids=["the first", "one of several", "one of the last"])
def test_server_that_cannot_start_a_thread_says_so_and_stops(allowed: int, sqlite: str) -> None:
    with World(sqlite) as world:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(allowed), "serve"],
            env={"PATH": "", "HOME": "/nowhere", **world.environ(TBOT_LOG_FORMAT="json")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("tbot: The system refuses to start another thread. Raise the limits on memory")
    assert "bug" not in done.stderr
