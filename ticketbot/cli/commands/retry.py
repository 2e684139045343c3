"""`tbot retry`: try again what has died."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.cli import lookup
from ticketbot.cli.context import Context
from ticketbot.present import explain

USAGE = """\
Resend failed notifications.

Usage:
  tbot retry <notification-id> [options] [--json]
  tbot retry --dead [--since=<when>] [options] [--yes] [--json]

Options:
  --dead                   Everything that died in the last 24 hours, or since
                           the date given with --since
  --since=<when>           Everything that died since this date or time, such as
                           2026-03-01 or 2026-03-01T08:00
  --yes                    Do not ask for confirmation

Examples:
  tbot retry 77
  tbot retry --dead --since=2026-03-01
"""


def run(context: Context) -> int:
    """Retry a dead notification, or everything that died."""
    if context.arguments.has("--dead"):
        return _retry_dead(context)
    row = context.server.retry_notification(lookup.argument(context, "<notification-id>", "notification"))
    context.tell(
        row,
        f"Notification {row.id} to {row.recipient_name} about ticket {row.ticket_id} will be resent; "
        f"`tbot get notification {row.id}` shows the result",
    )
    return 0


def _retry_dead(context: Context) -> int:
    since = context.arguments.when("--since")
    when = f"since {since}" if since else "within the last 24 hours"
    if context.output.can_ask and not context.arguments.has("--yes"):
        amount = explain.amount(context.server.retry_dead(since=since, dry_run=True))
        if amount and not context.output.confirm(f"Retry {amount} that died {when}?"):
            raise errors.TicketbotError("Nothing was retried")
    retried = context.server.retry_dead(since=since)
    amount = explain.amount(retried)
    context.tell(retried, f"Retrying {amount}" if amount else f"Nothing died {when}")
    return 0
