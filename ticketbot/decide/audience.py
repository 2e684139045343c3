"""Who would be told of a ticket or a note, before forwards: rules, resources and owner (D2, D3, D6, D7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import msgspec

from ticketbot.decide.values import Facts, Note, Person, Recipient

_NEVER = datetime.min.replace(tzinfo=UTC)


class WebexAccount(Protocol):
    """One of the Webex accounts of an e-mail address."""

    id: int
    last_activity: datetime | None


AccountT = TypeVar("AccountT", bound=WebexAccount)


class Candidate(msgspec.Struct, frozen=True):
    """Somebody who is to be told, with every reason why."""

    recipient: Recipient
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Say why, as the trace prints it."""
        return ", ".join(self.reasons)


class NotReachable(msgspec.Struct, frozen=True):
    """A person of the ticket who cannot be told, or never is; `is_recorded` tells whether the ledger says so, too."""

    person: Person
    reason: str
    is_recorded: bool


def most_recently_active(accounts: Iterable[AccountT]) -> AccountT | None:
    """Choose among several Webex accounts of one address (D7); never active counts least, then the first one."""
    return max(accounts, key=lambda each: (each.last_activity or _NEVER, -each.id), default=None)


def for_new_ticket(facts: Facts) -> list[Candidate]:
    """Return the recipients of the board's enabled rules, and the people of the ticket (D2)."""
    reasons: dict[Recipient, list[str]] = {}
    for rule in facts.rules:
        reasons.setdefault(rule.recipient, []).append(f"rule {rule.id}")
    for person in _reachable(facts.people):
        reasons.setdefault(_account(person), []).append(_assigned(person))
    return [Candidate(recipient, tuple(why)) for recipient, why in reasons.items()]


def for_note(facts: Facts, note: Note) -> list[Candidate]:
    """Return the people of the ticket without the author of the note (D3, D6)."""
    reasons: dict[Recipient, list[str]] = {}
    for person in _reachable(facts.people):
        if not is_author(person, note):
            reasons.setdefault(_account(person), []).append(_assigned(person))
    return [Candidate(recipient, tuple(why)) for recipient, why in reasons.items()]


def authors(people: Iterable[Person], note: Note) -> list[Person]:
    """Return the people of the ticket who wrote the note: at most one, twice where two names share an account."""
    return [person for person in people if person.excluded_because is None and is_author(person, note)]


def is_author(person: Person, note: Note) -> bool:
    """Return whether a person of the ticket wrote the note; identifiers differ in case at times (D6)."""
    return note.member is not None and note.member.lower() == person.identifier.lower()


def not_reachable(people: Sequence[Person]) -> list[NotReachable]:
    """Return the people who get nothing, with the reason; those left out by rule leave no row in the ledger (D7)."""
    found = []
    for person in people:
        if person.excluded_because:
            found.append(NotReachable(person, person.excluded_because, is_recorded=False))
        elif person.recipient is None:
            found.append(NotReachable(person, _no_account(person), is_recorded=True))
    return found


def _no_account(person: Person) -> str:
    if not person.is_known:
        return "not a member ConnectWise knows"
    return f"not on Webex: nobody found for {person.email}" if person.email else "no e-mail address in ConnectWise"


def _reachable(people: Iterable[Person]) -> Iterable[Person]:
    return (person for person in people if person.excluded_because is None and person.recipient is not None)


def _account(person: Person) -> Recipient:
    assert person.recipient is not None
    return person.recipient


def _assigned(person: Person) -> str:
    return f"assigned ({' and '.join(person.roles)})"
