"""`tbot plan`: what applying a configuration file would change (M2)."""

from __future__ import annotations

from pathlib import Path

from ticketbot import errors
from ticketbot.api import trial_responses
from ticketbot.cli.commands import backtest
from ticketbot.cli.context import Context
from ticketbot.present import trials

USAGE = """\
Plan a configuration.

Usage:
  tbot plan <file> [--prune] [options] [--json]

This shows what applying the file would change. Changed rules are tried on the
last 7 days. The exit status is 9 if there are differences, 0 if there are none.
A <file> of `-` is read from stdin.

Options:
  --prune                  Also delete what the file does not name

Examples:
  tbot plan tbot.toml
  tbot plan tbot.toml --prune
"""

DIFFERENCES = 9


def run(context: Context) -> int:
    """Print the differences, and how to apply them."""
    name, prune = context.arguments.required("<file>"), context.arguments.has("--prune")
    text = read_file(context)
    with backtest.waiting(context, "Comparing, and trying changed rules on the last 7 days"):
        plan = context.server.plan(text, prune=prune)
    output = context.output
    if output.is_json:
        output.json(plan)
    elif not plan.changes:
        output.say("No differences")
    else:
        show(context, plan)
        option = " --prune" if prune else ""
        output.say("")
        output.say(f"To apply this: tbot apply {name} --version={plan.version}{option}")
    return DIFFERENCES if plan.changes else 0


def read_file(context: Context) -> str:
    """Return the text of the file that a command names."""
    name = context.arguments.required("<file>")
    try:
        return context.output.streams.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise errors.InvalidInput(f"{name} is not UTF-8") from None


def show(context: Context, plan: trial_responses.Plan) -> None:
    """Print each change, with what its trial found."""
    output = context.output
    for change in plan.changes:
        output.say(" ".join(dict.fromkeys((change.action, change.object, change.name))))
        for line in trials.differences(change):
            output.say(line, "    ")
        if change.trial is not None:
            for sentence in trials.summary(change.trial, output.text):
                output.say(sentence, "    trial: ")
