"""`tbot serve` with a clock that can be set: the file named by `TORTURE_CLOCK` says by how many seconds it is wrong."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ticketbot import __main__ as program
from ticketbot.server import serve

_offset = Path(os.environ["TORTURE_CLOCK"])


def _wrong_now() -> datetime:
    try:
        offset_s = float(_offset.read_text() or 0)
    except (OSError, ValueError):
        offset_s = 0.0
    return datetime.now(UTC) + timedelta(seconds=offset_s)


serve._now = _wrong_now
if __name__ == "__main__":
    program.run()
