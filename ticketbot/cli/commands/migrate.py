"""`tbot migrate`: the schema of the database."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Update the database.

Usage:
  tbot migrate [options] [--status] [--json]

Options:
  --status                 Show applied and pending migrations
"""


def run(context: Context) -> int:
    """Apply what is pending, or show where the database stands."""
    from ticketbot import admin_commands

    output = context.output
    steps = admin_commands.migrate(context.settings, status=context.arguments.has("--status"))
    if output.is_json:
        output.json(steps)
    elif steps:
        output.record(
            (step.name, f"applied {output.text(x)}" if (x := step.applied_at) else "pending") for step in steps
        )
    else:
        output.say("Nothing to do")
    return 0
