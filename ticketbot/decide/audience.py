"""Who is to be notified of a topic, before forwards: rules, and the assigned people (D2, D3, D6, D7, R3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import msgspec

from ticketbot.decide.reasons import Reason
from ticketbot.decide.topics import Changed, NewNote, NewTicket, Topic
from ticketbot.decide.values import Facts, Person, Recipient

_NEVER = datetime.min.replace(tzinfo=UTC)


class WebexAccount(Protocol):
    """One of the Webex accounts of an e-mail address."""

    id: int
    last_activity: datetime | None


AccountT = TypeVar("AccountT", bound=WebexAccount)


class Candidate(msgspec.Struct, frozen=True):
    """Somebody who is to be notified, with every reason why."""

    recipient: Recipient
    reasons: tuple[Reason, ...]


class NotReachable(msgspec.Struct, frozen=True):
    """An assigned person who cannot be notified, or never is; `is_recorded`: whether the ledger says so, too."""

    person: Person
    reason: Reason
    is_recorded: bool


def most_recently_active(accounts: Iterable[AccountT]) -> AccountT | None:
    """Choose among several Webex accounts of one address (D7); never active counts least, then the first one."""
    return max(accounts, key=lambda each: (each.last_activity or _NEVER, -each.id), default=None)


def candidates(facts: Facts, topic: Topic) -> list[Candidate]:
    """Return who is to be notified of a topic, the board's rules first (D2, D3, R3)."""
    reasons: dict[Recipient, list[Reason]] = {}
    if isinstance(topic, NewTicket):
        for rule in facts.rules:
            reasons.setdefault(rule.recipient, []).append(Reason("rule", (rule.id,)))
    for person in concerned(facts, topic):
        if person.recipient is not None and not is_author(facts, topic, person):
            reasons.setdefault(person.recipient, []).append(Reason("assigned", names=person.roles))
    return [Candidate(recipient, tuple(why)) for recipient, why in reasons.items()]


def concerned(facts: Facts, topic: Topic) -> list[Person]:
    """Return the assigned people that a topic concerns; of a change, only those who are newly assigned (R3)."""
    people = [person for person in facts.people if person.excluded_because is None]
    if isinstance(topic, Changed):
        return [person for person in people if person.identifier.lower() in topic.newly_assigned]
    return people


def authors(facts: Facts, topic: Topic) -> list[Recipient]:
    """Return the accounts of the assigned people who did it themselves, to be recorded as skipped (D6, R2)."""
    found = (person.recipient for person in concerned(facts, topic) if is_author(facts, topic, person))
    return list(dict.fromkeys(recipient for recipient in found if recipient))


def is_author(facts: Facts, topic: Topic, person: Person) -> bool:
    """Return whether a person wrote the note or made the change; a new ticket has no author (D6, R2)."""
    if isinstance(topic, NewTicket):
        return False
    name = topic.note.member if isinstance(topic, NewNote) else facts.updated_by
    return name is not None and name.lower() == person.identifier.lower()


def not_reachable(people: Sequence[Person]) -> list[NotReachable]:
    """Return the people who get nothing, with the reason; those left out by rule leave no row in the ledger (D7)."""
    found = []
    for person in people:
        if person.excluded_because:
            reason = Reason("excluded", names=(person.excluded_because,))
            found.append(NotReachable(person, reason, is_recorded=False))
        elif person.recipient is None:
            found.append(NotReachable(person, _no_account(person), is_recorded=True))
    return found


def _no_account(person: Person) -> Reason:
    if not person.is_known:
        return Reason("unknown_member")
    return Reason("no_account", names=(person.email,)) if person.email else Reason("no_address")
