"""`tbot test`: a message to see whether a recipient can be reached, or an alert."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.cli import lookup
from ticketbot.cli.context import Context

USAGE = """\
Send a test message.

Usage:
  tbot test <recipient-id> [options] [--json]
  tbot test --alert [options] [--json]

The <recipient-id> can also be a name or an email address.

Options:
  --alert                  Send a test alert to the recipient and the address
                           of alerts, see `tbot help update config`

Examples:
  tbot test 2
  tbot test "Night Shift"
  tbot test --alert
"""


def run(context: Context) -> int:
    """Send a test message to a recipient, or a test alert."""
    if context.arguments.has("--alert"):
        return _test_alert(context)
    sent = context.server.test_recipient(lookup.argument(context, "<recipient-id>", "recipient"))
    context.tell(sent, f"Test message sent (Webex message id {sent.webex_message_id})")
    return 0


def _test_alert(context: Context) -> int:
    """Say what became of both; the exit status tells whether one of them has failed."""
    result = context.server.test_alert()
    sent = [
        *([f"recipient {result.recipient_id}"] if result.webex_message_id else []),
        *(["alert_url"] if result.posted else []),
    ]
    context.tell(result, f"Test alert sent to {' and '.join(sent) or 'nobody'}")
    failures = [error for error in (result.recipient_error, result.post_error) if error]
    for failure in failures:
        context.output.warn(failure)
    return errors.RemoteError.exit_status if failures else 0
