"""`tbot import`: move in from the Go implementation (M1)."""  # noqa: N999  (the command is named so)

from __future__ import annotations

from ticketbot.cli.context import Context
from ticketbot.present import documents, imports, words

USAGE = """\
Import the Go database.

Usage:
  tbot import <postgresql-url> [--dry-run] [--timezone=<zone>] [options]
            [--json]

The database of the Go implementation (versions 1 and 2) is only read. Its
notifications count as history: nothing is sent again. Stop the servers of both
first. Running it again changes nothing that somebody has changed here.

Options:
  --dry-run                Show what would be imported, and store nothing
  --timezone=<zone>        Time zone of the dates of forwards, which are stored
                           without one (default: UTC, whole days in
                           TBOT_TIMEZONE)

Examples:
  tbot import postgresql://ticketbot:secret@db.example.com/ticketbot --dry-run
  tbot import postgresql://db.example.com/ticketbot --timezone=America/Chicago
"""


def run(context: Context) -> int:
    """Import, and print what became of it."""
    settings, arguments = context.settings, context.arguments
    from ticketbot import admin_commands

    done = admin_commands.import_database(
        settings,
        arguments.required("<postgresql-url>"),
        arguments.text("--timezone"),
        is_dry_run=arguments.has("--dry-run"),
    )
    if context.output.is_json:
        context.output.json(done)
    else:
        _show(context, done)
    return 0


def _show(context: Context, done: documents.Import) -> None:
    output = context.output
    verb = "Would be imported" if done.dry_run else "Imported"
    for title, columns, rows in (
        (f"{verb} from {done.source}:", imports.TABLES, done.tables),
        ("Dates of forwards, which had no time zone:", imports.FORWARDS, done.forwards),
        ("Not imported, or not as it was:", imports.LEFT_OUT, done.left_out),
    ):
        if rows:
            output.say(title)
            output.table(columns, rows)
            output.say("")
    if done.dry_run:
        output.say("This was a dry run: nothing was stored")
    elif done.history_until is not None:
        output.say(f"Nobody will be notified of what happened before {output.text(done.history_until)}")
    count = words.count(len(done.left_out), "item")
    output.note(f"{count} need a look" if done.left_out else "Everything was imported")
