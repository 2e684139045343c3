"""`tbot explain`: what happened to a ticket, who was notified, who was not, and why (D8)."""

from __future__ import annotations

from ticketbot.api import responses
from ticketbot.cli import lookup
from ticketbot.cli.context import Context
from ticketbot.cli.output import Output
from ticketbot.present import explain

USAGE = """\
Explain who was notified.

Usage:
  tbot explain <ticket-id> [--for=<name>] [options] [--json]

The <ticket-id> is a number, or as Webex writes it: '#4711', in quotes.

Options:
  --for=<name>             Only what concerns this recipient or member, and why
                           they were not notified

Examples:
  tbot explain 1234
  tbot explain '#4711' --for="Ana Alvarez"
"""

_INDENT = "  "


def run(context: Context) -> int:
    """Explain a ticket, newest event first."""
    ticket_id = lookup.argument(context, "<ticket-id>", "ticket")
    name = context.arguments.text("--for")
    if name is not None:
        context.list_command = ""  # it may be the name that is not found
    explanation = context.server.explain(ticket_id, about=name)
    if context.output.is_json:
        context.output.json(explanation)
    else:
        _show_ticket(context.output, explanation)
        if explanation.about:
            context.output.say(f"Only what concerns {explanation.about}:", _INDENT)
        _show_events(context.output, explanation)
    return 0


def _show_ticket(output: Output, explanation: responses.Explanation) -> None:
    ticket = explanation.ticket
    if ticket is None:
        output.say(f"Ticket {explanation.ticket_id} is not known yet: it could not be fetched from ConnectWise")
        return
    output.say(f"Ticket {ticket.id}: {ticket.summary}")
    output.say(explain.ticket_text(ticket), _INDENT)


def _show_events(output: Output, explanation: responses.Explanation) -> None:
    for section in explain.sections(explanation, explain.shell_style(output.text)):
        output.say("")
        for indent, line in explain.lines(section):
            output.say(line, indent)
