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
  tbot explain <ticket-id> [options] [--json]

The <ticket-id> is a number, or as Webex writes it: '#4711', in quotes.

Examples:
  tbot explain 1234
  tbot explain '#4711'
"""

_INDENT = "  "


def run(context: Context) -> int:
    """Explain a ticket, newest event first."""
    explanation = context.server.explain(lookup.argument(context, "<ticket-id>", "ticket"))
    if context.output.is_json:
        context.output.json(explanation)
    else:
        _show_ticket(context.output, explanation)
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
    style = explain.Style(
        moment=output.text,
        retry_notification="`tbot retry {id}` resends it",
        retry_event="`tbot retry --dead` reprocesses it",
    )
    for section in explain.sections(explanation, style):
        output.say("")
        output.say(section.heading)
        for topic in section.topics:
            if topic.title:
                output.say(f"{topic.title}:", _INDENT)
            for sentence in topic.sentences:
                output.say(sentence, f"{_INDENT * (2 if topic.title else 1)}- ")
