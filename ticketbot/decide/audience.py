"""Who is to be notified of a topic, before forwards: rules, and the assigned people (D2, D3, D6, D7, R3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol, TypeVar

import msgspec

from ticketbot.decide import matching
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


class Concerned(msgspec.Struct, frozen=True):
    """An assigned person that a topic concerns; without `reasons`, only dry runs would notify them (D9)."""

    person: Person
    reasons: tuple[Reason, ...]
    dry_runs: tuple[Reason, ...] = ()


class NotReachable(msgspec.Struct, frozen=True):
    """An assigned person who cannot be notified, or never is; `is_recorded`: whether the ledger says so, too."""

    person: Person
    reason: Reason
    is_recorded: bool


class Audience(msgspec.Struct, frozen=True):
    """All who may be notified of a topic, and the rules that name an event of it."""

    matches: list[matching.Match]
    concerned: list[Concerned]
    authors: list[Candidate]
    candidates: list[Candidate]
    dry_runs: list[Candidate]


def most_recently_active(accounts: Iterable[AccountT]) -> AccountT | None:
    """Choose among several Webex accounts of one address (D7); never active counts least, then the first one."""
    return max(accounts, key=lambda each: (each.last_activity or _NEVER, -each.id), default=None)


def may_concern(facts: Facts, topic: Topic) -> bool:
    """Return whether anybody may have to be notified: a rule matches, or the assigned people are concerned."""
    if any(match.effect != "none" for match in matching.matches(facts, topic)):
        return True
    return any(_concerns(facts.policy.assigned_events, topic, each) for each in ("", *_newly_assigned(topic)))


def audience(facts: Facts, topic: Topic) -> Audience:
    """Return who is to be notified of a topic, those of rules first (D2, D3, R3)."""
    matches = matching.matches(facts, topic)
    people = _concerned(facts, topic, matches)
    live: dict[Recipient, list[Reason]] = {}
    dry: dict[Recipient, list[Reason]] = {}
    for match in matches:
        if match.rule.recipient is not None and match.effect != "none":
            (live if match.effect == "live" else dry).setdefault(match.rule.recipient, []).append(match.reason)
    authors: dict[Recipient, list[Reason]] = {}
    for each in people:
        account = each.person.recipient
        if account is None:
            continue
        if each.dry_runs:
            dry.setdefault(account, []).extend(each.dry_runs)
        if each.reasons and is_author(facts, topic, each.person):
            authors.setdefault(account, []).extend(each.reasons)
        elif each.reasons:
            live.setdefault(account, []).extend(each.reasons)
    return Audience(matches, people, _candidates(authors), _candidates(live), _candidates(dry))


def is_author(facts: Facts, topic: Topic, person: Person) -> bool:
    """Return whether a person wrote the note or made the change; a new ticket has no author (D6, R2)."""
    if isinstance(topic, NewTicket):
        return False
    name = topic.note.member if isinstance(topic, NewNote) else facts.updated_by
    return name is not None and name.lower() == person.identifier.lower()


def author_recipient_ids(facts: Facts, topic: Topic) -> frozenset[int]:
    """Return the recipients of whoever wrote the note or made the change, even if they are not on the ticket."""
    if isinstance(topic, NewNote):
        return topic.note.author_recipient_ids
    return facts.updated_by_recipient_ids if isinstance(topic, Changed) else frozenset()


def not_reachable(people: Iterable[Person]) -> list[NotReachable]:
    """Return the people who get nothing, with the reason; those left out by rule leave no row in the ledger (D7)."""
    found = []
    for person in people:
        if person.excluded_because:
            reason = Reason("excluded", names=(person.excluded_because,))
            found.append(NotReachable(person, reason, is_recorded=False))
        elif person.recipient is None:
            found.append(NotReachable(person, _no_account(person), is_recorded=True))
    return found


def _concerned(facts: Facts, topic: Topic, matches: Sequence[matching.Match]) -> list[Concerned]:
    """Return the assigned people that a topic concerns, each with the reasons."""
    for_people = [match for match in matches if match.rule.recipient is None]
    found = []
    for person in facts.people:
        if person.excluded_because is not None:
            continue
        identifier = person.identifier.lower()
        by_default = _concerns(facts.policy.assigned_events, topic, identifier)
        reasons = [Reason("assigned", names=person.roles)] if by_default else []
        reasons += _reasons(for_people, "live", topic, identifier)
        dry_runs = _reasons(for_people, "dry_run", topic, identifier)
        if reasons or dry_runs:
            found.append(Concerned(person, tuple(reasons), tuple(dry_runs)))
    return found


def _reasons(
    matches: Iterable[matching.Match], effect: Literal["live", "dry_run"], topic: Topic, identifier: str
) -> list[Reason]:
    return [each.reason for each in matches if each.effect == effect and _concerns(each.rule.events, topic, identifier)]


def _concerns(events: Collection[str], topic: Topic, identifier: str) -> bool:
    """Return whether one of some events concerns an assigned person: `assigned` only those newly assigned (R3)."""
    named = set(events).intersection(topic.events)
    return identifier in _newly_assigned(topic) if named == {"assigned"} else bool(named)


def _newly_assigned(topic: Topic) -> frozenset[str]:
    return topic.newly_assigned if isinstance(topic, Changed) else frozenset()


def _candidates(reasons: dict[Recipient, list[Reason]]) -> list[Candidate]:
    return [Candidate(recipient, tuple(why)) for recipient, why in reasons.items()]


def _no_account(person: Person) -> Reason:
    if not person.is_known:
        return Reason("unknown_member")
    return Reason("no_account", names=(person.email,)) if person.email else Reason("no_address")
