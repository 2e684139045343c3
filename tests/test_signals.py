"""A server ends when it should."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

import pytest

# As the two processes of a packed program: the first starts the second and waits for it.
FIRST = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]])
"""
SECOND = """
import os, sys
from ticketbot import signals
sys.frozen = True
signals.block_shutdown_signals()
signals.end_with_parent()
print("ready", flush=True)
signals.wait_for_shutdown()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process that its parent has ended")
def test_packed_server_stops_when_its_first_process_is_killed() -> None:
    first = subprocess.Popen([sys.executable, "-c", FIRST, SECOND], stdout=subprocess.PIPE)
    assert first.stdout is not None
    with first.stdout as output:
        assert output.readline() == b"ready\n"
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait(10) == -signal.SIGKILL
        has_ended, _, _ = select.select([output], [], [], 10)  # readable at its end: nobody holds the pipe any more
        assert has_ended
        assert output.read() == b""
