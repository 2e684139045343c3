"""`tbot export`: the configuration as code (M2)."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Export rules, forwards and configuration as TOML.

Usage:
  tbot export [options]

Everything is named instead of numbered; ids are comments. Secrets and what has
ended are left out. Keep the file in a repository, change it, and apply it with
`tbot plan` and `tbot apply`.

Examples:
  tbot export > tbot.toml
"""


def run(context: Context) -> int:
    """Print the file."""
    context.output.streams.stdout.write(context.server.export())
    return 0
