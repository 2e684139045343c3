"""`tbot export`: the configuration as code (M2)."""

from __future__ import annotations

from ticketbot.cli.context import Context

USAGE = """\
Export the configuration.

Usage:
  tbot export [options]

Rules, forwards, silences, quiet hours and configuration become one TOML file,
in which everything is named instead of numbered; ids are comments. Secrets and
what has ended are left out. Keep the file in a repository, change it, and use
`tbot plan` and `tbot apply`.

Examples:
  tbot export > tbot.toml
"""


def run(context: Context) -> int:
    """Print the file."""
    context.output.streams.stdout.write(context.server.export())
    return 0
