"""`tbot demo`: the whole product on simulated services."""

from __future__ import annotations

import os
from pathlib import Path

from ticketbot.cli.context import Context

USAGE = """\
Run a simulated demo.

Usage:
  tbot demo [options] [--once]

Options:
  --once                   Stop after one round

Examples:
  tbot demo --once
"""


def run(context: Context) -> int:
    """Run the demo. It must not depend on the settings of this machine: it reads none, and logs only warnings."""
    flags = {"--log-level": context.arguments.text("--log-level") or "warning"}
    context.load_settings(flags=flags, env={}, config_dir=Path(os.devnull))
    from ticketbot import demo

    return demo.run(once=context.arguments.has("--once"))
