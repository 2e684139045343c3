"""`tbot test`: a message to see whether a recipient can be reached."""

from __future__ import annotations

from ticketbot.cli import lookup
from ticketbot.cli.context import Context

USAGE = """\
Send a test message.

Usage:
  tbot test <recipient-id> [options] [--json]

The <recipient-id> can also be a name or an email address.

Examples:
  tbot test 2
  tbot test "Night Shift"
"""


def run(context: Context) -> int:
    """Send a test message to a recipient."""
    sent = context.server.test_recipient(lookup.argument(context, "<recipient-id>", "recipient"))
    context.tell(sent, f"Test message sent (Webex message id {sent.webex_message_id})")
    return 0
