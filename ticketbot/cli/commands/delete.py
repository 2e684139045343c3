"""`tbot delete`: a rule, forward, silence, user or key, or quiet hours."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.cli import lookup
from ticketbot.cli.context import Context
from ticketbot.present import entities

USAGE = """\
Delete or end an object.

Usage:
  tbot delete (rule | forward | silence | quiet-hours | user | key) <id>
            [options] [--yes] [--json]

Options:
  --yes                    Do not ask for confirmation

Examples:
  tbot delete rule 1 --yes
"""


def run(context: Context) -> int:
    """Delete the object, after confirmation on a terminal."""
    topics = ("rule", "forward", "silence", "quiet-hours", "user", "key")
    entity = entities.BY_SINGULAR[context.arguments.which(*topics)]
    ask, done = entity.removal
    row_id = lookup.argument(context, "<id>", entity.singular)
    row = getattr(context.server, entity.method)(row_id)
    named = entity.named(row, with_dependents=True)
    if not context.arguments.has("--yes") and not context.output.confirm(f"{ask} {named}?"):
        raise errors.TicketbotError(f"Nothing was {done.lower()}")
    getattr(context.server, f"delete_{entity.method}")(row_id)
    if context.output.is_json:
        context.output.json(row)
    context.output.note(f"{done} {named}")
    return 0
