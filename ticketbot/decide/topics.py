"""What an event is about: a new ticket, new notes, changes of the ticket (T5, T6, T8, R2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import msgspec

from ticketbot.decide.values import Change, Facts, Note, assigned_in

GRACE = timedelta(hours=1)  # entered shortly before watching began: still announced (T5)
MAX_AGE = timedelta(days=7)

_UNDATED = datetime.max.replace(tzinfo=UTC)
_EVENTS_OF_FIELDS = {"status": "status", "priority": "priority", "board": "moved"}


class NewTicket(msgspec.Struct, frozen=True):
    """The announcement of a ticket; it shows and covers the first note (D5)."""

    ticket_id: int
    note: Note | None

    @property
    def subject(self) -> str:
        """Name the topic in the ledger (D5)."""
        return f"new:{self.ticket_id}"

    @property
    def events(self) -> tuple[str, ...]:
        """Return the names by which rules know the topic (R2)."""
        return ("new",)


class NewNote(msgspec.Struct, frozen=True):
    """A note that was not decided before."""

    note: Note

    @property
    def subject(self) -> str:
        """Name the topic in the ledger (D5)."""
        return self.note.subject

    @property
    def events(self) -> tuple[str, ...]:
        """Return the names by which rules know the topic (R2)."""
        if self.note.internal:
            return ("internal_note",)
        is_by_team = self.note.member is not None or self.note.resolution or self.note.kind != "TicketNote"
        return ("team_note",) if is_by_team else ("customer_note",)


class Changed(msgspec.Struct, frozen=True):
    """All changes that one event saw, and who is newly assigned (identifiers in lower case)."""

    event_id: int
    changes: tuple[Change, ...]
    newly_assigned: frozenset[str]
    note: None = None

    @property
    def subject(self) -> str:
        """Name the topic in the ledger (D5)."""
        return f"change:{self.event_id}"

    @property
    def events(self) -> tuple[str, ...]:
        """Return the names by which rules know the topic (R2)."""
        names = [_EVENTS_OF_FIELDS[each.field] for each in self.changes if each.field in _EVENTS_OF_FIELDS]
        names += ["closed" if each.new == "closed" else "reopened" for each in self.changes if each.field == "closed"]
        return (*(["assigned"] if self.newly_assigned else []), *names, "changed")


Topic: TypeAlias = NewTicket | NewNote | Changed


def topics(facts: Facts) -> list[Topic]:
    """Return what an event is about, in the order in which it is told."""
    notes = new_notes(facts)
    found: list[Topic] = []
    announces = is_new(facts)
    if announces:
        first = next(iter(in_order(facts.notes)), None)
        found.append(NewTicket(facts.ticket.id, first))
        notes = [note for note in notes if note != first]
    found += map(NewNote, notes)
    changed = changes(facts)
    if changed and not announces:  # the first decision about a ticket has no changes (T8)
        found.append(Changed(facts.event_id, changed, _newly_assigned(facts)))
    return found


def is_new(facts: Facts) -> bool:
    """Return whether the ticket has still to be announced (T5)."""
    return not facts.announced and not _is_history(facts, facts.ticket.entered_at)


def new_notes(facts: Facts) -> list[Note]:
    """Return the notes that are news, oldest first: neither history nor decided (T6)."""
    return [
        note
        for note in in_order(facts.notes)
        if note.key not in facts.decided and not _is_history(facts, note.entered_at)
    ]


def in_order(notes: Iterable[Note]) -> list[Note]:
    """Sort notes by when they were entered, ties by id (T6); undated ones are the newest."""
    return sorted(notes, key=lambda note: (note.entered_at or _UNDATED, note.id, note.kind))


def changes(facts: Facts) -> tuple[Change, ...]:
    """Return what has changed since the ticket was last decided; a value that was never stored is unknown (T8)."""
    before = facts.before
    return tuple(
        Change(field, before[field].shown, value.shown)
        for field, value in facts.ticket.compared.items()
        if field in before and before[field].key != value.key
    )


def _newly_assigned(facts: Facts) -> frozenset[str]:
    """Return who was not assigned when the ticket was last decided; nobody while that is unknown."""
    if not {"owner", "resources"} <= facts.before.keys():
        return frozenset()
    return facts.ticket.assigned - assigned_in(facts.before)


def is_history(entered_at: datetime | None, *, watching_since: datetime, now: datetime) -> bool:
    """Return whether something was entered too long ago ever to be announced (T5).

    What carries no date, as with an API member of a narrow role, counts as entered now: notifying of too much is better
    than of nothing.
    """
    if entered_at is None:
        return False
    return entered_at < watching_since - GRACE or entered_at < now - MAX_AGE


def _is_history(facts: Facts, entered_at: datetime | None) -> bool:
    return is_history(entered_at, watching_since=facts.watching_since, now=facts.connectwise_now or facts.now)
