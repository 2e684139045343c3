"""`tbot init`: the first user."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Create the first user.

Usage:
  tbot init [options] [--name=<name>] [--email=<email>]

Options:
  --name=<name>            Name of the user
  --email=<email>          Email address; that of a user who exists gets them
                           another key

Examples:
  tbot init --name="Ana Alvarez" --email=ana@example.com
  tbot init --email=ana@example.com
"""


def run(context: Context) -> int:
    """Create the user and print the key; on a terminal, ask for what is missing."""
    settings = context.load_settings(writes_config=True)
    from ticketbot import admin_commands

    created = admin_commands.init(settings, context.arguments.text("--name"), context.arguments.text("--email"))
    context.output.streams.stdout.write(f"{created.key}\n")
    context.output.note(created.words)
    return 0
