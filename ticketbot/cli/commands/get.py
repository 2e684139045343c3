"""`tbot get`: everything about one object."""

from __future__ import annotations

from ticketbot.cli import lookup
from ticketbot.cli.context import Context
from ticketbot.present import entities

USAGE = """\
Show one object.

Usage:
  tbot get (board | recipient | user) <id> [options] [--json]
  tbot get (rule | forward | silence | quiet-hours | key | ticket | event |
            notification) <id> [options] [--json]
  tbot get config [options] [--json]

The <id> of a board, recipient or user can also be its name.

Examples:
  tbot get board "Help Desk"
  tbot get notification 77
"""


def run(context: Context) -> int:
    """Print every field of the object."""
    if context.arguments.has("config"):
        context.show(context.server.config())
        return 0
    singular = context.arguments.which(*entities.BY_SINGULAR)
    row_id = lookup.argument(context, "<id>", singular)
    context.show(getattr(context.server, entities.BY_SINGULAR[singular].method)(row_id))
    return 0
