"""`tbot config`: the settings of this process."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Show the settings.

Usage:
  tbot config [options] [--json]
"""


def run(context: Context) -> int:
    """Print every setting with its origin."""
    from ticketbot.present import documents

    rows = [
        documents.Setting(setting=row.name, value=row.value or None, origin=row.origin, secret=row.is_secret)
        for row in context.settings.describe()
    ]
    context.show(rows, ((row.setting, f"{row.value or '(not set)'}  {row.origin}") for row in rows))
    return 0
