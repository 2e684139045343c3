"""`tbot explain`: tell a colleague what happened to a ticket, who was told, who was not, and why (D8)."""

from __future__ import annotations

from ticketbot.api import responses
from ticketbot.cli.context import Session
from ticketbot.cli.output import Screen
from ticketbot.present import explain

INDENT = "  "


def explain_ticket(session: Session) -> int:
    """Explain a ticket, newest first."""
    explanation = session.server.explain(session.given.required_number("<ticket-id>"))
    if session.screen.is_json:
        session.screen.document(explanation)
    else:
        _show_ticket(session.screen, explanation)
        _show_events(session.screen, explanation)
    return 0


def _show_ticket(screen: Screen, explanation: responses.Explanation) -> None:
    ticket = explanation.ticket
    if ticket is None:
        screen.say(f"Ticket {explanation.ticket_id} was never stored: nobody could read it yet")
        return
    screen.say(f"Ticket {ticket.id}: {ticket.summary}")
    known = {
        "board": ticket.board_name,
        "status": ticket.status,
        "company": ticket.company,
        "contact": ticket.contact,
        "owner": ticket.owner,
        "resources": ", ".join(ticket.resources),
    }
    facts = [f"{name} {value}" for name, value in known.items() if value]
    state = "deleted" if ticket.deleted else "open" if ticket.open else "closed"
    screen.say("; ".join([state, *facts]), INDENT)


def _show_events(screen: Screen, explanation: responses.Explanation) -> None:
    style = explain.Style(
        moment=screen.moment,
        retry_notification="`tbot retry {id}` sends it again",
        retry_event="`tbot retry --dead` looks at it again",
    )
    for section in explain.explained(explanation, style):
        screen.say("")
        screen.say(section.heading)
        for topic in section.topics:
            if topic.title:
                screen.say(f"{topic.title}:", INDENT)
            for sentence in topic.sentences:
                screen.say(sentence, f"{INDENT * (2 if topic.title else 1)}- ")
