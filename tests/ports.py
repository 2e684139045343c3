"""Free ports that neither another test process nor the system takes before they are used."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

_RANGE = range(20000, 30000)  # below the ports that Linux (32768) and macOS (49152) choose for connections
_FOLDER = Path(tempfile.gettempdir()) / "tbot-test-ports"
_random = random.SystemRandom()  # not seeded: processes with the same seed would try the same ports


def free_port() -> int:
    """Return a port of 127.0.0.1 that belongs to this process until it ends."""
    _FOLDER.mkdir(exist_ok=True)
    for port in _random.sample(_RANGE, 100):
        lock = os.open(_FOLDER / str(port), os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            os.close(lock)
            continue
        return port  # locked until this process ends, so that a server can be restarted on it
    raise AssertionError("none of 100 ports is free")
