"""`tbot backtest`: what a rule would have done in the last days (R6)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ticketbot.cli.commands import create
from ticketbot.cli.context import Context
from ticketbot.present import trials, words

USAGE = f"""\
Try a rule on past days.

Usage:
  tbot backtest [--days=<n>] [--rule-id=<id>]
{create.PROPOSED_PATTERN}            [options] [--json]

Nothing is sent or stored. Without a rule, the present rules are compared with
those that decided; a rule that is tried counts as enabled and as no dry run.

Options:
  --days=<n>               The last days, 1 to 90 (default: 7)
{create.PROPOSED_OPTIONS}
Examples:
  tbot backtest --rule-id=3 --days=30
  tbot backtest --board="Help Desk" --assigned --events=status
"""

DEFAULT_DAYS = 7


def run(context: Context) -> int:
    """Print the comparison."""
    days = context.arguments.number("--days", least=1) or DEFAULT_DAYS
    rule_id, rule = create.proposed_rule(context)
    with waiting(context, f"Deciding the last {words.count(days, 'day')} again"):
        found = context.server.backtest(days, rule_id=rule_id, rule=rule)
    output = context.output
    if output.is_json:
        output.json(found)
        return 0
    for sentence in trials.summary(found, output.text):
        output.say(sentence)
    tables = ((trials.BY_RECIPIENT, found.by_recipient), (trials.BY_DAY, found.by_day), (trials.SAMPLES, found.samples))
    for columns, rows in tables:
        if rows:
            output.say("")
            output.table(columns, rows)
    return 0


@contextlib.contextmanager
def waiting(context: Context, what: str) -> Iterator[None]:
    """Show on a terminal that this takes a while, and for how long it has."""
    output = context.output
    if not output.is_animated(output.streams.stderr):
        yield
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=output.progress_console(), transient=True) as progress:
        progress.add_task(what, total=None)
        yield
