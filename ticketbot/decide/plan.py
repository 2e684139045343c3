"""Turn the facts about a ticket into the plan of who is notified of what, each outcome with its reasons (D1 to D8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from ticketbot.decide import audience, forwarding, topics
from ticketbot.decide.reasons import AUTHOR, NO_NEWS, NOTIFICATIONS_OFF, Reason
from ticketbot.decide.topics import Changed, NewNote, Topic
from ticketbot.decide.values import Decision, Facts, Forward, Plan, PlannedNotification, Recipient

EVERYBODY = "everybody"
_OUTCOMES: dict[bool, Literal["told", "skipped"]] = {True: "told", False: "skipped"}


def needs_people(facts: Facts) -> bool:
    """Return whether anybody may have to be notified: only then the people of the ticket need to be looked up."""
    return not _is_board_silent(facts) and any(
        not isinstance(topic, Changed) or topic.newly_assigned for topic in topics.topics(facts)
    )


def decide(facts: Facts) -> Plan:
    """Decide for every topic of the ticket who is notified, who is not, and why, from the facts alone."""
    found = topics.topics(facts)
    is_new = topics.is_new(facts)
    decided = tuple(note.key for note in facts.notes if note.key not in facts.decided)
    if _is_board_silent(facts):
        why = (Reason("no_board_rule"),)
        silent = [Decision(topic.subject, EVERYBODY, "not told", why) for topic in found]
        return Plan(is_new, decided, (), tuple(silent or _no_news(facts)))
    drafts: list[PlannedNotification] = []
    decisions: list[Decision] = []
    for topic in found:
        known_before = len(decisions)
        for draft in _drafts(facts, topic):
            if (draft.subject, draft.target) in facts.ledger:
                why = (Reason("already_notified"),)
                decisions.append(Decision(draft.subject, draft.name, "not told", why))
            else:
                drafts.append(draft)
                decisions.append(Decision(draft.subject, draft.name, _OUTCOMES[draft.send], draft.reasons))
        decisions += _exclusions(facts, topic)
        if len(decisions) == known_before:
            decisions.append(Decision(topic.subject, EVERYBODY, "not told", (Reason("no_audience"),)))
    return Plan(is_new, decided, tuple(_counting_earlier_notes(drafts)), tuple(decisions or _no_news(facts)))


def _is_board_silent(facts: Facts) -> bool:
    """Return whether `require_board_rule` silences a board without an enabled rule (D4)."""
    return facts.policy.require_board_rule and not facts.rules


def _drafts(facts: Facts, topic: Topic) -> Iterator[PlannedNotification]:
    """Yield one draft for everybody concerned by a topic, at most one for each target."""
    candidates = audience.candidates(facts, topic)
    reasons = {candidate.recipient.id: candidate.reasons for candidate in candidates}
    routing = forwarding.route((each.recipient for each in candidates), facts.forwards, facts.now)
    mentioned = set()
    for delivery in routing.deliveries:
        mentioned.add(delivery.recipient.id)
        yield _delivery(facts, topic, delivery, reasons)
    for relief in routing.relieved:
        mentioned.add(relief.recipient.id)
        names = (relief.recipient.name, *(step.destination.name for step in relief.by))
        yield _skipped(topic, relief.recipient, Reason("forwarded", _ids(relief.by), names))
    for recipient in audience.authors(facts, topic):
        if recipient.id not in mentioned:
            yield _skipped(topic, recipient, _author(topic))
    for nobody in audience.not_reachable(audience.concerned(facts, topic)):
        reason = _author(topic) if audience.is_author(facts, topic, nobody.person) else nobody.reason
        target = f"member:{nobody.person.identifier.lower()}"
        yield _planned(topic, target, None, nobody.person.name, reason)


def _delivery(
    facts: Facts, topic: Topic, delivery: forwarding.Delivery, reasons: dict[int, tuple[Reason, ...]]
) -> PlannedNotification:
    recipient, path = delivery.recipient, delivery.path
    names = (*(step.source.name for step in path), recipient.name)
    why = (Reason("forward", _ids(path), names),) if path else reasons[recipient.id]
    if isinstance(topic, NewNote) and recipient.id in topic.note.author_recipient_ids:
        return _skipped(topic, recipient, msgspec.structs.replace(AUTHOR, because=why if path else ()))
    if not facts.policy.attempt_notify:
        return _skipped(topic, recipient, msgspec.structs.replace(NOTIFICATIONS_OFF, because=why))
    if isinstance(topic, NewNote) and topic.is_too_old:
        return _skipped(topic, recipient, Reason("too_many_notes", because=why))
    draft = _planned(topic, f"recipient:{recipient.id}", recipient, recipient.name, *why)
    return msgspec.structs.replace(draft, send=True, chain=delivery.chain)


def _author(topic: Topic) -> Reason:
    return Reason("author", names=("change",)) if isinstance(topic, Changed) else AUTHOR


def _skipped(topic: Topic, recipient: Recipient, reason: Reason) -> PlannedNotification:
    return _planned(topic, f"recipient:{recipient.id}", recipient, recipient.name, reason)


def _planned(
    topic: Topic, target: str, recipient: Recipient | None, name: str, *reasons: Reason
) -> PlannedNotification:
    changes = topic.changes if isinstance(topic, Changed) else ()
    return PlannedNotification(
        topic.subject, target, topic.events, recipient, name, False, reasons, topic.note, changes
    )


def _ids(steps: Iterable[Forward]) -> tuple[int, ...]:
    return tuple(step.id for step in steps)


def _exclusions(facts: Facts, topic: Topic) -> list[Decision]:
    """Trace the people who are never notified, unless the topic is a change, which need not concern them (D7)."""
    if isinstance(topic, Changed):
        return []
    return [
        Decision(topic.subject, each.person.name, "not told", (each.reason,))
        for each in audience.not_reachable(facts.people)
        if not each.is_recorded
    ]


def _counting_earlier_notes(drafts: Iterable[PlannedNotification]) -> Iterator[PlannedNotification]:
    """Let the first note that is sent to each target say how many earlier ones are not shown (D5)."""
    unseen: dict[str, int] = {}
    for draft in drafts:
        if draft.reasons[0].code == "too_many_notes":
            unseen[draft.target] = unseen.get(draft.target, 0) + 1
        is_note = draft.send and "new" not in draft.events
        yield msgspec.structs.replace(draft, earlier_notes=unseen.pop(draft.target, 0)) if is_note else draft


def _no_news(facts: Facts) -> list[Decision]:
    """Say why an event was about nothing: no topic at all."""
    reason = NO_NEWS
    if not facts.announced and facts.ticket.entered_at is not None:  # what has no date is never history
        reason = Reason("history", names=(f"{facts.ticket.entered_at:%Y-%m-%d}",))
    return [Decision(f"new:{facts.ticket.id}", EVERYBODY, "not told", (reason,))]
