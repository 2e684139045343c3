"""`tbot serve` with a clock that can be set, on a machine that can be chosen.

The file named by `TORTURE_CLOCK` says by how many seconds the clock is wrong, that of `TORTURE_MACHINE` which boot of
which machine this is; the host name is the same everywhere.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ticketbot import __main__ as program
from ticketbot.background import heartbeat
from ticketbot.server import serve

_offset = Path(os.environ["TORTURE_CLOCK"])


def _wrong_now() -> datetime:
    try:
        offset_s = float(_offset.read_text() or 0)
    except (OSError, ValueError):
        offset_s = 0.0
    return datetime.now(UTC) + timedelta(seconds=offset_s)


serve._now = _wrong_now
heartbeat.BOOT_ID = Path(os.environ["TORTURE_MACHINE"])
if __name__ == "__main__":
    program.run()
