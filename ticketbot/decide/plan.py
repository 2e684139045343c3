"""Turn the facts about a ticket into the plan of who is notified of what, each outcome with its reasons (D1 to D9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

import msgspec

from ticketbot.decide import audience, calm, forwarding, matching, topics
from ticketbot.decide.reasons import AUTHOR, NO_NEWS, NOTIFICATIONS_OFF, Reason
from ticketbot.decide.topics import Changed, Topic
from ticketbot.decide.values import (
    ASSIGNED_PEOPLE,
    EVERYBODY,
    Decision,
    Facts,
    Forward,
    Plan,
    PlannedNotification,
    Recipient,
    Silence,
)

MAX_NOTES_AT_ONCE = 5  # D5

_OUTCOMES: dict[bool, Literal["told", "skipped"]] = {True: "told", False: "skipped"}


def needs_people(facts: Facts) -> bool:
    """Return whether anybody may have to be notified: only then the people of the ticket need to be looked up."""
    known = _obeying_require_board_rule(facts)
    return any(audience.may_concern(known, topic) for topic in topics.topics(known))


def decide(facts: Facts) -> Plan:
    """Decide for every topic of the ticket who is notified, who is not, and why, from the facts alone."""
    drafts, decisions = decide_topics(facts, topics.topics(facts))
    decided = tuple(note.key for note in facts.notes if note.key not in facts.decided)
    return Plan(topics.is_new(facts), decided, tuple(drafts), tuple(decisions or _no_news(facts)))


def decide_topics(facts: Facts, found: Sequence[Topic]) -> tuple[list[PlannedNotification], list[Decision]]:
    """Decide about some topics, whether or not the facts say that they are news."""
    known, is_silent = _obeying_require_board_rule(facts), is_board_silent(facts)
    audiences = [audience.audience(known, topic) for topic in found]
    planned = [
        draft
        for topic, among in zip(found, audiences, strict=True)
        for draft in _drafts(known, topic, among, forwarding.applying(facts, topic))
    ]
    drafts = list(_newest_notes([each for each in planned if (each.subject, each.target) not in known.ledger]))
    decisions: list[Decision] = []
    for topic, among in zip(found, audiences, strict=True):
        traced = [
            Decision(topic.subject, each.name, "not told", (Reason("already_notified"),))
            for each in planned
            if each.subject == topic.subject and (each.subject, each.target) in known.ledger
        ]
        traced += [
            Decision(topic.subject, each.name, _OUTCOMES[each.send], each.reasons)
            for each in drafts
            if each.subject == topic.subject
        ]
        traced += _exclusions(known, topic)
        if is_silent or not traced:
            why = Reason("no_board_rule" if is_silent else "no_audience")
            traced.append(Decision(topic.subject, EVERYBODY, "not told", (why,)))
        decisions += [*traced, *_rules_without_effect(topic, among)]
    return drafts, decisions


def is_board_silent(facts: Facts) -> bool:
    """Return whether `require_board_rule` is on, and no live rule names the board (D4)."""
    live = (rule for rule in facts.rules if rule.enabled and not rule.dry_run and not rule.is_for_all_boards)
    return facts.policy.require_board_rule and not any(live)


def _obeying_require_board_rule(facts: Facts) -> Facts:
    """Return the facts without the assigned people if the board is silent: only rules for all boards apply (D4)."""
    if not is_board_silent(facts):
        return facts
    nobody = msgspec.structs.replace(facts.policy, assigned_events=())
    return msgspec.structs.replace(facts, people=(), policy=nobody)


def _drafts(
    facts: Facts, topic: Topic, among: audience.Audience, forwards: Sequence[Forward]
) -> Iterator[PlannedNotification]:
    """Yield one draft for everybody concerned by a topic, at most one for each target (D9)."""
    silences = calm.silences_of_ticket(facts)
    candidates, silenced = _unsilenced(among.candidates, silences)
    authors, silenced_authors = _unsilenced(among.authors, silences)
    known = _Routed(facts, topic, candidates, forwards, silences)
    routing = forwarding.route((each.recipient for each in candidates), forwards, facts.now)
    mentioned = set()
    for delivery in routing.deliveries:
        mentioned.add(delivery.recipient.id)
        yield _delivery(known, delivery)
    for relief in routing.relieved:
        mentioned.add(relief.recipient.id)
        names = (relief.recipient.name, *(step.destination.name for step in relief.by))
        yield _skipped(topic, relief.recipient, Reason("forwarded", _ids(relief.by), names))
    by_author = [audience.Candidate(each.recipient, (_author(topic),)) for each in authors]
    for candidate in (*silenced, *by_author, *silenced_authors, *among.dry_runs):
        if candidate.recipient.id not in mentioned:
            mentioned.add(candidate.recipient.id)
            yield _skipped(topic, candidate.recipient, *candidate.reasons)
    yield from _not_reachable(facts, topic, among, silences)


class _Routed(NamedTuple):
    """What the decision about one recipient depends on, once it is known who is notified at all."""

    facts: Facts
    topic: Topic
    candidates: Sequence[audience.Candidate]
    forwards: Sequence[Forward]
    silences: Sequence[Silence]

    def reasons_of(self, delivery: forwarding.Delivery) -> tuple[Reason, ...]:
        """Return why a recipient is notified in their own right, or those whose notifications lead to them."""
        if not delivery.path:
            return next(each.reasons for each in self.candidates if each.recipient.id == delivery.recipient.id)
        leading = (each for each in self.candidates if self._leads_to(each.recipient, delivery.recipient))
        return tuple(dict.fromkeys(reason for each in leading for reason in each.reasons))

    def _leads_to(self, original: Recipient, recipient: Recipient) -> bool:
        reached = forwarding.route([original], self.forwards, self.facts.now).deliveries
        return any(each.recipient.id == recipient.id for each in reached)


def _unsilenced(
    candidates: Iterable[audience.Candidate], silences: Iterable[Silence]
) -> tuple[list[audience.Candidate], list[audience.Candidate]]:
    """Return those that silences about no recipient leave reasons, and the others with the silence instead (D9)."""
    left: list[audience.Candidate] = []
    silenced: list[audience.Candidate] = []
    everybodys = [each for each in silences if each.recipient_id is None]
    for candidate in candidates:
        reasons, why = calm.unsilenced(candidate.reasons, everybodys)
        (left if reasons else silenced).append(audience.Candidate(candidate.recipient, reasons or why))
    return left, silenced


def _not_reachable(
    facts: Facts, topic: Topic, among: audience.Audience, silences: Sequence[Silence]
) -> Iterator[PlannedNotification]:
    everybodys = [each for each in silences if each.recipient_id is None]
    for each in among.concerned:
        for nobody in audience.not_reachable([each.person]):
            reasons: tuple[Reason, ...] = (nobody.reason,)
            left, silenced = calm.unsilenced(each.reasons, everybodys)
            if not each.reasons:
                reasons = each.dry_runs
            elif not left:
                reasons = silenced
            elif audience.is_author(facts, topic, each.person):
                reasons = (_author(topic),)
            yield _planned(topic, f"member:{each.person.identifier.lower()}", None, each.person.name, *reasons)


def _delivery(known: _Routed, delivery: forwarding.Delivery) -> PlannedNotification:
    """Decide about a final recipient: the author, their own silences, the kill switch, quiet hours, in this order."""
    facts, topic = known.facts, known.topic
    recipient, path = delivery.recipient, delivery.path
    names = (*(step.source.name for step in path), recipient.name)
    why = (Reason("forward", _ids(path), names),) if path else known.reasons_of(delivery)
    if recipient.id in audience.author_recipient_ids(facts, topic):
        return _skipped(topic, recipient, msgspec.structs.replace(_author(topic), because=why if path else ()))
    own = [each for each in known.silences if each.recipient_id == recipient.id]
    if own:
        left, silenced = calm.unsilenced(known.reasons_of(delivery), own)
        if not left:
            return _skipped(topic, recipient, msgspec.structs.replace(silenced[0], because=why))
        why = why if path else left
    if not facts.policy.attempt_notify:
        return _skipped(topic, recipient, msgspec.structs.replace(NOTIFICATIONS_OFF, because=why))
    draft = _planned(topic, f"recipient:{recipient.id}", recipient, recipient.name, *why)
    events = (
        _without_assigned(facts, topic, recipient) if any(each.code == "assigned" for each in why) else topic.events
    )
    return _calmed(facts, topic, msgspec.structs.replace(draft, send=True, chain=delivery.chain, events=events))


def _without_assigned(facts: Facts, topic: Topic, recipient: Recipient) -> tuple[str, ...]:
    """Return what happened for an assigned person: others becoming assigned is only a change to them (R3)."""
    new = topic.newly_assigned if isinstance(topic, Changed) else frozenset()
    theirs = {person.identifier.lower() for person in facts.people if person.recipient == recipient}
    return topic.events if theirs & new else tuple(event for event in topic.events if event != "assigned")


def _calmed(facts: Facts, topic: Topic, draft: PlannedNotification) -> PlannedNotification:
    """Have a notification wait for the end of its recipient's quiet hours, unless it is urgent (N4)."""
    assert draft.recipient is not None
    hours = calm.hours_of(draft.recipient, facts.quiet_hours)
    if not hours:
        return draft
    values = matching.condition_values(facts, topic) if any(each.urgent for each in hours) else {}
    calming, urgent = calm.holding(hours, facts.now, values)
    until = calm.held_until(calming, facts.now)
    if until is None and not urgent:
        return draft
    ids = tuple(each.id for each in (urgent if until is None else calm.of_now(calming, facts.now)))
    reason = Reason("urgent" if until is None else "quiet_hours", ids)
    return msgspec.structs.replace(draft, reasons=(*draft.reasons, reason), held_until=until, is_urgent=until is None)


def _author(topic: Topic) -> Reason:
    return Reason("author", names=("change",)) if isinstance(topic, Changed) else AUTHOR


def _skipped(topic: Topic, recipient: Recipient, *reasons: Reason) -> PlannedNotification:
    return _planned(topic, f"recipient:{recipient.id}", recipient, recipient.name, *reasons)


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


def _rules_without_effect(topic: Topic, among: audience.Audience) -> list[Decision]:
    """Trace the rules that name an event of the topic and were disabled, or whose condition did not match (D8)."""
    return [
        Decision(
            topic.subject,
            each.rule.recipient.name if each.rule.recipient else ASSIGNED_PEOPLE,
            "not told",
            (each.reason,),
        )
        for each in among.matches
        if each.effect == "none"
    ]


def _newest_notes(drafts: Sequence[PlannedNotification]) -> Iterator[PlannedNotification]:
    """Skip all but the newest five notes that a target gets; the first of these says how many there were (D5)."""
    left = Counter(draft.target for draft in drafts if _is_sent_note(draft))
    skipped: Counter[str] = Counter()
    for draft in drafts:
        if not _is_sent_note(draft):
            yield draft
        elif left[draft.target] > MAX_NOTES_AT_ONCE:
            left[draft.target] -= 1
            skipped[draft.target] += 1
            yield _too_many(draft)
        else:
            yield msgspec.structs.replace(draft, earlier_notes=skipped.pop(draft.target, 0))


def _is_sent_note(draft: PlannedNotification) -> bool:
    return draft.send and draft.note is not None and "new" not in draft.events


def _too_many(draft: PlannedNotification) -> PlannedNotification:
    why = tuple(each for each in draft.reasons if each.code not in ("quiet_hours", "urgent"))
    reasons = (Reason("too_many_notes", because=why),)
    return msgspec.structs.replace(draft, send=False, reasons=reasons, chain=(), held_until=None, is_urgent=False)


def _no_news(facts: Facts) -> list[Decision]:
    """Say why an event was about nothing: no topic at all."""
    reason = NO_NEWS
    if not facts.announced and facts.ticket.entered_at is not None:  # what has no date is never history
        reason = Reason("history", names=(f"{facts.ticket.entered_at:%Y-%m-%d}",))
    return [Decision(f"new:{facts.ticket.id}", EVERYBODY, "not told", (reason,))]
