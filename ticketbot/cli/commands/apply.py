"""`tbot apply`: make the server what a configuration file says (M2)."""

from __future__ import annotations

from ticketbot.cli.commands import plan
from ticketbot.cli.context import Context
from ticketbot.present import words

USAGE = """\
Apply a plan.

Usage:
  tbot apply <file> --version=<version> [--prune] [options] [--json]

The file becomes what the server holds. All changes are made in one
transaction, or none. If the server has changed since the plan, nothing is
applied. A <file> of `-` is read from stdin.

Options:
  --version=<version>      The version that `tbot plan` printed
  --prune                  Also delete what the file does not name

Examples:
  tbot apply tbot.toml --version=0a1b2c3d4e5f6071
"""


def run(context: Context) -> int:
    """Apply the file and print what has changed."""
    version, prune = context.arguments.required("--version"), context.arguments.has("--prune")
    done = context.server.apply(plan.read_file(context), version, prune=prune)
    if not context.output.is_json:
        plan.show(context, done)
    count = words.count(len(done.changes), "change")
    context.tell(done, f"Applied {count}" if done.changes else "Nothing to change")
    return 0
