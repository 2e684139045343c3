"""Turn the facts about a ticket into the plan of who is notified of what, each outcome with its reason (D1 to D8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from ticketbot.decide import audience, forwarding, message, news
from ticketbot.decide.values import PERSON, Decision, Facts, Forward, Note, Plan, PlannedNotification, Recipient

MAX_NOTES_AT_ONCE = 5  # D5: beyond the newest five the older ones are recorded as skipped

NOTIFICATIONS_OFF = "notifications off"
AUTHOR = "author of the note"
NO_NEWS = "no new note"
_TOO_MANY = f"more than {MAX_NOTES_AT_ONCE} new notes at once"

Kind = Literal["new", "update"]
_OUTCOMES: dict[bool, Literal["told", "skipped"]] = {True: "told", False: "skipped"}


class _Topic(msgspec.Struct, frozen=True):
    """One topic: the announcement of the ticket, or one of its notes."""

    subject: str
    kind: Kind
    note: Note | None
    is_too_old: bool = False  # among more than five new notes (D5)


def needs_people(facts: Facts) -> bool:
    """Return whether anybody may have to be notified: only then the people of the ticket need to be looked up."""
    return not news.board_is_silent(facts) and (news.is_new(facts) or bool(news.new_notes(facts)))


def decide(facts: Facts) -> Plan:
    """Decide for every topic of the ticket who is notified, who is not, and why, from the facts alone."""
    is_new = news.is_new(facts)
    notes = news.new_notes(facts)
    topics = _topics(facts, is_new=is_new, notes=notes)
    decided = tuple(note.key for note in facts.notes if note.key not in facts.decided)
    if news.board_is_silent(facts):
        why = "the board has no enabled rule, and require_board_rule is on"
        silent = [Decision(topic.subject, "everybody", "not told", why) for topic in topics]
        return Plan(is_new, decided, (), tuple(silent or _no_news(facts)))
    drafts: list[PlannedNotification] = []
    decisions: list[Decision] = []
    for topic in topics:
        said_before = len(decisions)
        for draft in _drafts(facts, topic):
            if (draft.subject, draft.target) in facts.ledger:
                decisions.append(Decision(draft.subject, draft.name, "not told", "already notified"))
            else:
                drafts.append(draft)
                decisions.append(Decision(draft.subject, draft.name, _OUTCOMES[draft.send], draft.reason))
        decisions += _exclusions(facts, topic)
        if len(decisions) == said_before:
            decisions.append(_no_audience(topic))
    return Plan(is_new, decided, tuple(_rendered(facts, drafts)), tuple(decisions or _no_news(facts)))


def _topics(facts: Facts, *, is_new: bool, notes: Sequence[Note]) -> list[_Topic]:
    """List the topics: the announcement covers the first note, the others follow as updates (D5)."""
    topics = []
    updates = list(notes)
    if is_new:
        first = next(iter(news.in_order(facts.notes)), None)
        topics.append(_Topic(facts.ticket.subject, "new", first))
        updates = [note for note in notes if note != first]
    too_old = len(updates) - MAX_NOTES_AT_ONCE
    topics += [_Topic(note.subject, "update", note, is_too_old=index < too_old) for index, note in enumerate(updates)]
    return topics


def _drafts(facts: Facts, topic: _Topic) -> Iterator[PlannedNotification]:
    """Yield one draft for everybody concerned by a topic, at most one for each target."""
    candidates = _candidates(facts, topic)
    reasons = {candidate.recipient.id: candidate.reason for candidate in candidates}
    routing = forwarding.route((each.recipient for each in candidates), facts.forwards, facts.now)
    mentioned = set()
    for delivery in routing.deliveries:
        mentioned.add(delivery.recipient.id)
        yield _delivery(facts, topic, delivery, reasons)
    for relief in routing.relieved:
        mentioned.add(relief.recipient.id)
        yield _skipped(topic, relief.recipient, _forwarded_reason(relief))
    for recipient in _authors(facts, topic):
        if recipient.id not in mentioned:
            yield _skipped(topic, recipient, AUTHOR)
    for nobody in audience.not_reachable(facts.people):
        if nobody.is_recorded:
            is_author = topic.kind == "update" and topic.note and audience.is_author(nobody.person, topic.note)
            reason = AUTHOR if is_author else nobody.reason
            target = f"member:{nobody.person.identifier.lower()}"
            yield PlannedNotification(
                topic.subject, target, topic.kind, None, nobody.person.name, False, reason, topic.note
            )


def _candidates(facts: Facts, topic: _Topic) -> list[audience.Candidate]:
    if topic.kind == "new" or topic.note is None:
        return audience.for_new_ticket(facts)
    return audience.for_note(facts, topic.note)


def _authors(facts: Facts, topic: _Topic) -> list[Recipient]:
    if topic.kind == "new" or topic.note is None:
        return []
    found = (person.recipient for person in audience.authors(facts.people, topic.note))
    return list(dict.fromkeys(recipient for recipient in found if recipient))


def _delivery(
    facts: Facts, topic: _Topic, delivery: forwarding.Delivery, reasons: dict[int, str]
) -> PlannedNotification:
    recipient = delivery.recipient
    if topic.kind == "update" and topic.note and recipient.id in topic.note.author_recipient_ids:
        via = f", through {_path(delivery.path, recipient)}" if delivery.path else ""
        return _skipped(topic, recipient, AUTHOR + via)
    why = reasons[recipient.id] if not delivery.path else _path(delivery.path, recipient)
    if not facts.policy.attempt_notify:
        return _skipped(topic, recipient, f"{NOTIFICATIONS_OFF} ({why})")
    if topic.is_too_old:
        return _skipped(topic, recipient, f"{_TOO_MANY} ({why})")
    return msgspec.structs.replace(_skipped(topic, recipient, why), send=True, chain=delivery.chain)


def _skipped(topic: _Topic, recipient: Recipient, reason: str) -> PlannedNotification:
    target = f"recipient:{recipient.id}"
    return PlannedNotification(topic.subject, target, topic.kind, recipient, recipient.name, False, reason, topic.note)


def _path(path: Sequence[Forward], recipient: Recipient) -> str:
    """Write `forward 2 (Ana > Ben > you)`: the ids say which rows to look at, the names what they mean."""
    last = "you" if recipient.type == PERSON else recipient.name
    return f"{_numbered(path)} ({' > '.join([*(step.source.name for step in path), last])})"


def _forwarded_reason(relief: forwarding.ForwardedAway) -> str:
    return f"{_numbered(relief.by)} (you > {', '.join(step.destination.name for step in relief.by)})"


def _numbered(steps: Sequence[Forward]) -> str:
    return f"forward{'s' if len(steps) > 1 else ''} {', '.join(str(step.id) for step in steps)}"


def _exclusions(facts: Facts, topic: _Topic) -> list[Decision]:
    return [
        Decision(topic.subject, each.person.name, "not told", each.reason)
        for each in audience.not_reachable(facts.people)
        if not each.is_recorded
    ]


def _rendered(facts: Facts, drafts: Iterable[PlannedNotification]) -> Iterator[PlannedNotification]:
    """Write the messages; the first one a recipient gets says how many earlier notes are not shown (D5)."""
    unseen: dict[str, int] = {}
    for draft in drafts:
        if not draft.send:
            if draft.reason.startswith(_TOO_MANY):
                unseen[draft.target] = unseen.get(draft.target, 0) + 1
            yield draft
            continue
        assert draft.recipient is not None
        earlier = unseen.pop(draft.target, 0) if draft.kind == "update" else 0
        content = message.MessageContent(facts.ticket, draft.kind == "new", draft.note, draft.chain, earlier)
        text = message.render(content, draft.recipient, max_note_chars=facts.policy.max_message_length)
        yield msgspec.structs.replace(draft, markdown=text)


def _no_audience(topic: _Topic) -> Decision:
    why = "no enabled rule, and nobody assigned" if topic.kind == "new" else "nobody assigned"
    return Decision(topic.subject, "everybody", "not told", f"nobody to tell: {why}")


def _no_news(facts: Facts) -> list[Decision]:
    """Say why an event was about nothing: no topic at all."""
    reason = NO_NEWS
    if not facts.announced:
        # Something without a date is never history, so this has one.
        reason = f"history: entered {facts.ticket.entered_at:%Y-%m-%d}, before we watched, or over 7 days ago"
    return [Decision(facts.ticket.subject, "everybody", "not told", reason)]
