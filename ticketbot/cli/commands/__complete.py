"""`tbot __complete`, called by the shells: what can follow the words of a command line."""

from __future__ import annotations

from ticketbot.cli import completion
from ticketbot.cli.context import Context

USAGE = """\
Complete a command line.

Usage:
  tbot __complete [options] [--] [<word>...]
"""


def run(context: Context) -> int:
    """Print a candidate per line: the word, a tab, what it means."""
    for word, meaning in completion.candidates(context.raw["<word>"][1:], context.env).items():
        context.output.streams.stdout.write(f"{word}\t{meaning}\n")
    return 0
