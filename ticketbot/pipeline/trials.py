"""Try a rule on one stored ticket: what would be decided now, and why. Nothing is asked, sent or stored (R6)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

import msgspec

from ticketbot import errors
from ticketbot.database import sql
from ticketbot.decide import plan, topics, values
from ticketbot.decide.values import Compared
from ticketbot.models import forwards, rules, tickets
from ticketbot.pipeline import load_facts

PROPOSED_ID = 0  # of a rule that is not stored

_CHANGED_FIELDS = {"assigned": "resources", "moved": "board", "closed": "closed", "reopened": "closed"}


class Proposal(msgspec.Struct, frozen=True):
    """A rule as it would be, on its board or on all, in place of the stored one with its id."""

    rule: values.Rule
    board_id: int | None

    def among(self, known: Iterable[values.Rule], board_id: object) -> tuple[values.Rule, ...]:
        """Return the rules of a board with this one among them, in the order of their ids."""
        others = [rule for rule in known if rule.id != self.rule.id]
        mine = [self.rule] if self.board_id in (None, board_id) else []
        return tuple(sorted([*others, *mine], key=lambda rule: (rule.id == PROPOSED_ID, rule.id)))


def proposal(row: rules.Rule) -> Proposal:
    """Return what a rule would do if it were enabled and live."""
    fact = msgspec.structs.replace(load_facts.rule_fact(row), id=row.id or PROPOSED_ID, enabled=True, dry_run=False)
    return Proposal(fact, row.board_id)


def try_on_ticket(
    ticket_id: int, event: str, tried: Proposal | None, timezone: tzinfo, now: datetime
) -> list[values.Decision]:
    """Return what would be decided if an event happened to a stored ticket now; the ledger and history are ignored.

    Call it inside a session. Raises `NotFound`.
    """
    row = sql.select_by_id(tickets.Ticket, [ticket_id]).get(ticket_id)
    if row is None:
        raise errors.NotFound(f"There is no ticket {ticket_id}")
    present = [load_facts.rule_fact(each) for each in rules.rules_of(row.board_id)]
    facts = values.Facts(
        now=now,
        watching_since=now,
        ticket=_ticket(row),
        rules=tried.among(present, row.board_id) if tried else tuple(present),
        people=load_facts.people_from_cache(load_facts.roles_of(row.owner, row.resources)),
        forwards=tuple(load_facts.forward_fact(each, timezone) for each in forwards.enabled_forwards()),
        **load_facts.calm_facts(now),
        policy=load_facts.policy(),
        **load_facts.local_time(now, timezone),
    )
    _, decisions = plan.decide_topics(facts, [_topic(event, facts.ticket)])
    return decisions


def _ticket(row: tickets.Ticket) -> values.Ticket:
    """Return a stored ticket as deciding sees it."""
    decided = dict(row.compared or {})
    details = msgspec.convert(row.details, values.Details)
    compared = {
        **load_facts.compared_people(row.owner, row.owner, row.resources),
        "closed": load_facts.compared_closed(is_closed=not row.open),
        "board": Compared(row.board_id, row.board_name),
        "company": Compared(row.company_id, row.company),
        **{field: Compared(getattr(row, field), getattr(row, field)) for field in ("summary", "status", "priority")},
        "type": msgspec.convert(decided.get("type", (None, None)), Compared),
    }
    written = msgspec.structs.replace(details, owner=row.owner, resources=tuple(row.resources), contact=row.contact)
    return values.Ticket(row.id, row.entered_at, compared, written)


def _topic(event: str, ticket: values.Ticket) -> topics.Topic:
    """Return what an event would be about: a note is the newest one of its kind, or one without text."""
    notes = [_note(row) for row in tickets.notes_of(ticket.id)]
    if event == "new":
        return topics.NewTicket(ticket.id, next(iter(topics.in_order(notes)), None))
    if event.endswith("_note"):
        of_kind = [note for note in topics.in_order(notes) if topics.NewNote(note).events == (event,)]
        made_up = values.Note("TicketNote", 0, internal=event == "internal_note", resolution=event == "team_note")
        return topics.NewNote(of_kind[-1] if of_kind else made_up)
    field = _CHANGED_FIELDS.get(event, event if event in ticket.compared else "summary")
    new = {"closed": "closed", "reopened": "open"}.get(event, ticket.compared[field].shown)
    assigned = ticket.assigned if event == "assigned" else frozenset()
    return topics.Changed(0, (values.Change(field, None, new),), assigned)


def _note(row: tickets.Note) -> values.Note:
    return values.Note(
        kind=row.kind,
        id=row.note_id,
        text=row.text,
        author=row.author,
        member=row.member,
        internal=row.internal,
        resolution=row.resolution,
        entered_at=row.entered_at,
    )
