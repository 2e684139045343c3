"""`tbot authcheck`: whose key this is."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Show whose key this is.

Usage:
  tbot authcheck [options] [--json]
"""


def run(context: Context) -> int:
    """Ask the server about the key."""
    user = context.server.authtest()
    context.tell(user, f"Authenticated as {user.name} <{user.email}>, user {user.id}")
    return 0
