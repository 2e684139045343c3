"""`tbot explain`: tell a colleague what happened to a ticket, who was told, who was not, and why (D8)."""

from __future__ import annotations

from itertools import groupby

from ticketbot import errors, shapes
from ticketbot.cli.screen import Screen
from ticketbot.cli.session import Session
from ticketbot.decide import plan

INDENT = "  "

_SOURCES = {
    "hook": "ConnectWise sent a webhook",
    "catch-up": "catch-up found a change",
    "retry": "somebody asked to look again",
}
_KINDS = {"TimeEntry": "time entry"}


def explain(session: Session) -> int:
    """Explain a ticket, newest first."""
    explanation = session.server.explain(session.given.required_number("<ticket-id>"))
    if session.screen.is_json:
        session.screen.document(explanation)
    else:
        _Telling(session.screen, explanation).tell()
    return 0


class _Telling:
    """One explanation while it is told; what was said about a notification is not said again."""

    def __init__(self, screen: Screen, explanation: shapes.Explanation) -> None:
        self._screen = screen
        self._explanation = explanation
        self._untold = {row.id: row for row in explanation.notifications}

    def tell(self) -> None:
        self._tell_ticket()
        for event in self._explanation.events:
            self._tell_event(event)
        if self._untold:
            self._screen.say("")
            self._screen.say("From events that are no longer kept:")
            for row in self._untold.values():
                self._point(self._fate(row, row.reason), INDENT)

    def _tell_ticket(self) -> None:
        ticket = self._explanation.ticket
        if ticket is None:
            self._screen.say(f"Ticket {self._explanation.ticket_id} was never stored: nobody could read it yet")
            return
        self._screen.say(f"Ticket {ticket.id}: {ticket.summary}")
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
        self._screen.say("; ".join([state, *facts]), INDENT)

    def _tell_event(self, event: shapes.Event) -> None:
        self._screen.say("")
        self._screen.say(f"{self._screen.moment(event.first_received_at)}  {_cause(event)}")
        if event.state != "done":
            self._point(self._trouble(event), INDENT)
        if [each.reason for each in event.decisions] == [plan.NO_NEWS]:
            self._point("nothing new", INDENT)
            return
        for subject, decisions in groupby(event.decisions, key=lambda each: each.subject):
            self._screen.say(f"{_about(subject)}:", INDENT)
            for decision in decisions:
                self._point(self._outcome(decision), INDENT * 2)

    def _trouble(self, event: shapes.Event) -> str:
        error = f": {event.error}" if event.error else ""
        tries = f" after {_times(event.attempts)}" if event.attempts else ""
        if event.state == "dead":
            given_up = errors.sentence(f"It could not be looked at, and was given up{tries}{error}")
            return f"{given_up} `tbot retry --dead` looks at it again"
        if event.state == "running":
            return f"It is being looked at now{error}"
        due = self._screen.moment(event.due_at, "%Y-%m-%d %H:%M:%S")
        return f"It waits until {due}{f', after {_times(event.attempts)}' if event.attempts else ''}{error}"

    def _outcome(self, decision: shapes.Decision) -> str:
        row = self._taken(decision)
        if row is None and decision.who == "everybody":
            return f"nobody was told: {decision.reason.removeprefix('nobody to tell: ')}"
        if row is None:
            verb = "was told" if decision.outcome == "told" else "was not told"
            return f"{decision.who} {verb}: {decision.reason}"
        return self._fate(row, decision.reason)

    def _taken(self, decision: shapes.Decision) -> shapes.Notification | None:
        """Return the notification that a decision led to."""
        if decision.outcome == "not told":
            return None
        about = (row for row in self._untold.values() if _is_about(row, decision.subject))
        found = next((row for row in about if row.recipient_name == decision.who), None)
        return self._untold.pop(found.id) if found else None

    def _fate(self, row: shapes.Notification, reason: str) -> str:
        who, error = row.recipient_name, f": {row.error}" if row.error else ""
        if row.state == "sent":
            again = ", perhaps twice" if row.possible_duplicate else ""
            overtaken = ", overtaken by later ones" if row.overtaken else ""
            sent_at = f" on {self._screen.moment(row.sent_at)}" if row.sent_at else ""
            return f"{who} was told{sent_at}{again}{overtaken}: {reason}"
        if row.state == "skipped":
            return f"{who} was not told: {reason}"
        tries = f" after {_times(row.attempts)}" if row.attempts else ""
        if row.state == "dead":
            failed = errors.sentence(f"{who} could not be told ({reason}){error}")
            return f"{failed} Given up{tries}; `tbot retry {row.id}` sends it again"
        if not row.attempts or row.next_try_at is None:
            return f"{who} is being told ({reason}){error}"
        return f"{who} is tried again at {self._screen.moment(row.next_try_at)},{tries} ({reason}){error}"

    def _point(self, text: str, indent: str) -> None:
        self._screen.say(text, f"{indent}- ")


def _cause(event: shapes.Event) -> str:
    cause = _SOURCES.get(event.source, event.source)
    action = f" ({event.action})" if event.action else ""
    more = f", and {event.hooks - 1} more for the same change" if event.hooks > 1 else ""
    return f"{cause}{action}{more} [event {event.id}]"


def _about(subject: str) -> str:
    what, _, rest = subject.partition(":")
    kind, _, number = rest.partition(":")
    return f"{_KINDS.get(kind, 'note')} {number}" if what == "note" else "new ticket"


def _is_about(row: shapes.Notification, subject: str) -> bool:
    if subject.startswith("new:"):
        return row.kind == "new"
    return row.kind == "update" and subject.endswith(f":{row.note_id}")


def _times(count: int) -> str:
    return "1 try" if count == 1 else f"{count} tries"
