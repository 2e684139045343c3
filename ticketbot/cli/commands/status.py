"""`tbot status`: how the server is, at one look (O14)."""

from __future__ import annotations

from ticketbot.cli.context import Context
from ticketbot.present import status as present_status

USAGE = """\
Show how the server is.

Usage:
  tbot status [options] [--json]
"""


def run(context: Context) -> int:
    """Print services, what waits or is dead, and the last webhook, message and sync; 1 if the server has failed."""
    found = context.server.status()
    if context.output.is_json:
        context.output.json(found)
    else:
        for line in present_status.lines(found, context.output.text):
            context.output.say(line)
    return int(found.status == "failed")
