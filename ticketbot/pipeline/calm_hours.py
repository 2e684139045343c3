"""Quiet hours where something else than a new event asks for them: they were changed, or a message has no ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ticketbot.decide import calm, matching, retry, topics, values
from ticketbot.models import held, plain_messages, quiet_hours, recipients, silences
from ticketbot.models.notifications import Notification
from ticketbot.pipeline import kept_facts, load_facts, people


def current() -> list[values.QuietHours]:
    """Return the enabled quiet hours."""
    return [load_facts.quiet_hours_fact(row) for row in quiet_hours.enabled_hours()]


def move_held(recipient_id: int | None, now: datetime) -> None:
    """Have what is held of a recipient, of everybody for None, wait as the present quiet hours say (N4).

    What they do not hold is sent. Call it in the transaction that has changed them.
    """
    hours = current()
    for row in held.rows_of(recipient_id):
        theirs = calm.hours_of(people.recipient(recipients.recipient(row.recipient_id)), hours)
        known = _condition_values(row) if any(each.urgent for each in theirs) else None
        calming = theirs if known is None else calm.holding(theirs, now, known)[0]
        until = calm.held_until(calming, now) or now
        held.move([row], until, give_up_at=until + retry.GIVE_UP_AFTER)
    for message in plain_messages.held_of(recipient_id, now):
        plain_messages.move(message, end_for_plain(message.recipient, now) or now)
    held.release(now)


def end_for_plain(recipient: recipients.Recipient, now: datetime) -> datetime | None:
    """Return until when a message about no ticket waits; nothing about it is urgent (L8)."""
    return calm.held_until(calm.hours_of(people.recipient(recipient), current()), now)


def silence_of_plain(recipient: recipients.Recipient, now: datetime) -> values.Silence | None:
    """Return the silence that keeps a message about no ticket from a recipient (L8)."""
    known = (load_facts.silence_fact(row) for row in silences.not_ended(now))
    return calm.silence_without_ticket(known, recipient.id, now)


def _condition_values(row: Notification) -> Mapping[str, Any] | None:
    """Return what conditions are about, as it was decided on; None if its facts are not kept."""
    facts = kept_facts.of_notification(row)
    topic = next((each for each in topics.topics(facts) if each.subject == row.subject), None) if facts else None
    return matching.condition_values(facts, topic) if facts and topic else None
