"""`tbot help`: the usage texts."""

from __future__ import annotations

from ticketbot.cli import usage, usage_errors
from ticketbot.cli.context import Context

USAGE = """\
Show help.

Usage:
  tbot help [options] [<command> [<topic>]]

Examples:
  tbot help list
  tbot help create rule
"""


def run(context: Context) -> int:
    """Print the overview, or the page of a command, perhaps of one topic."""
    command, topic = context.raw["<command>"], context.raw["<topic>"] or ""
    if command is None:
        page = usage.overview()
    elif command not in usage.names():
        raise usage.UsageError(*usage_errors.problem(command, []))
    elif topic and topic not in usage.topics(command):
        raise usage.UsageError(*usage_errors.problem(command, [topic]))
    else:
        page = usage.page(command, topic)
    context.output.streams.stdout.write(page)
    return 0
