"""`tbot backup`: a copy of the database."""

from __future__ import annotations

from pathlib import Path

from ticketbot.cli.context import Context
from ticketbot.present import words

USAGE = """\
Back up the database.

Usage:
  tbot backup [options] <file>

This writes a verified copy of an SQLite database into a new file, which only
its owner can read, while the server runs. Run it as the user who runs the
server, with the server's settings. It holds tickets and notes: keep it safe.

Examples:
  tbot backup tbot-2026-03-01.db
"""


def run(context: Context) -> int:
    """Write the copy, and print its size and how to restore it."""
    settings = context.settings
    from ticketbot import admin_commands

    target = Path(context.arguments.required("<file>")).absolute()
    made = admin_commands.backup(settings, target)
    output = context.output
    output.say(f"{target}: {words.size(made.size)}, verified")
    output.note("To restore it, stop every server, run this as the user who runs them, and start again:")
    output.streams.stderr.write(f"  {made.restore}\n")
    output.note("What happened since then is announced again; `tbot serve --skip-missed` announces none of it")
    return 0
