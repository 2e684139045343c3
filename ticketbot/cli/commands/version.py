"""`tbot version`: which program this is."""

from __future__ import annotations

from ticketbot import __version__
from ticketbot.cli.context import Context

USAGE = """\
Show the version.

Usage:
  tbot version [options] [--json]
"""


def run(context: Context) -> int:
    """Print the version, and what a packed program was built from."""
    commit, out = _built_from(), context.output.streams.stdout
    if context.output.is_json:
        import json

        out.write(json.dumps({"version": __version__, "built_from": commit}, indent=2) + "\n")
    else:
        out.write(f"tbot {__version__} ({commit})\n" if commit else f"tbot {__version__}\n")
    return 0


def _built_from() -> str | None:
    try:
        import ticketbot_built  # written by pyinstaller.spec: commit and date of a packed program
    except ImportError:
        return None
    return str(ticketbot_built.BUILT_FROM)
