"""`tbot try`: what a rule would do on one ticket (R6)."""  # noqa: N999  (the command is named so)

from __future__ import annotations

from typing import get_args

from ticketbot.api import responses
from ticketbot.cli import lookup
from ticketbot.cli.commands import create
from ticketbot.cli.context import Context
from ticketbot.present import trials

USAGE = f"""\
Try a rule on one ticket.

Usage:
  tbot try <ticket-id> [--event=<event>] [--rule-id=<id>]
{create.PROPOSED_PATTERN}            [options] [--json]

Nothing is sent or stored. Without a rule, the present rules decide; a rule
that is tried counts as enabled and as no dry run.

Options:
  --event=<event>          What happens to the ticket, such as customer_note
                           (default: new)
{create.PROPOSED_OPTIONS}
Examples:
  tbot try 1234 --rule-id=3 --event=customer_note
  tbot try 1234 --recipient="Help Desk" --when='priority_sort <= 3'
"""


def run(context: Context) -> int:
    """Print what would be decided."""
    event = context.arguments.choice("--event", get_args(responses.RuleEvent)) or "new"
    ticket_id = lookup.argument(context, "<ticket-id>", "ticket")
    rule_id, rule = create.proposed_rule(context)
    trial = context.server.try_rule(ticket_id, event=event, rule_id=rule_id, rule=rule)
    if context.output.is_json:
        context.output.json(trial)
        return 0
    context.output.say(f"If `{trial.event}` happened to ticket {trial.ticket_id} now:")
    for sentence in trials.sentences(trial):
        context.output.say(sentence, "  - ")
    return 0
