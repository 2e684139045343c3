"""`tbot ping`: whether the server responds."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Check the server.

Usage:
  tbot ping [options] [--json]
"""


def run(context: Context) -> int:
    """Ask the server; it needs no key."""
    context.tell(context.server.ping(), f"{context.server.base_url} responds")
    return 0
