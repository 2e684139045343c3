"""`tbot delete`: a rule, forward, user or key."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.cli import lookup
from ticketbot.cli.context import Context
from ticketbot.present import entities

USAGE = """\
Delete an object.

Usage:
  tbot delete (rule | forward | user | key) <id> [options] [--yes] [--json]

Options:
  --yes                    Do not ask for confirmation

Examples:
  tbot delete rule 1 --yes
"""


def run(context: Context) -> int:
    """Delete the object, after confirmation on a terminal."""
    entity = entities.BY_SINGULAR[context.arguments.which("rule", "forward", "user", "key")]
    row_id = lookup.argument(context, "<id>", entity.singular)
    row = getattr(context.server, entity.singular)(row_id)
    named = entity.named(row, with_dependents=True)
    if not context.arguments.has("--yes") and not context.output.confirm(f"Delete {named}?"):
        raise errors.TicketbotError("Nothing was deleted")
    getattr(context.server, f"delete_{entity.singular}")(row_id)
    if context.output.is_json:
        context.output.json(row)
    context.output.note(f"Deleted {named}")
    return 0
