"""`tbot serve` with an adjustable clock, on a pretended machine.

The file named by `TORTURE_CLOCK` holds the offset of the clock in seconds; the one named by `TORTURE_MACHINE` holds the
boot id of the machine. The host name is always the same.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ticketbot import __main__ as program
from ticketbot.background import heartbeat
from ticketbot.server import serve

_offset_file = Path(os.environ["TORTURE_CLOCK"])


def _shifted_now() -> datetime:
    try:
        offset_s = float(_offset_file.read_text() or 0)
    except (OSError, ValueError):
        offset_s = 0.0
    return datetime.now(UTC) + timedelta(seconds=offset_s)


serve._now = _shifted_now
heartbeat.BOOT_ID = Path(os.environ["TORTURE_MACHINE"])
if __name__ == "__main__":
    program.run()
