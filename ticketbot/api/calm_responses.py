"""Silences and quiet hours as our HTTP API returns them (N3, N4)."""

from __future__ import annotations

from typing import Literal

import msgspec

from ticketbot.api import responses

SilenceState = Literal["upcoming", "active", "ended"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Silence(responses.ResponseModel):
    """A period in which notifications are skipped that match all that it names."""

    id: int
    board_id: int | None
    board_name: str | None
    ticket_id: int | None
    company: str | None
    recipient_id: int | None
    recipient_name: str | None
    rule_id: int | None
    start: responses.Moment
    until: responses.Moment
    comment: str
    created_by: str | None
    state: SilenceState


class SilenceRecipient(responses.ResponseModel):
    """How many notifications of one recipient a silence would have matched."""

    recipient_name: str
    matched: int


class SilenceSample(responses.ResponseModel):
    """A notification that a silence would have matched, with why it was sent."""

    ticket_id: int
    event: str
    recipient_name: str
    at: responses.Moment
    reason: str


class SilencePreview(responses.ResponseModel):
    """What a silence would have matched in the last days: notifications that would not have been sent.

    Of `events`, those `left_out` have no facts any more. `samples` are the last ones.
    """

    days: int
    events: int
    left_out: int
    matched: int
    by_recipient: list[SilenceRecipient]
    samples: list[SilenceSample]


class QuietHours(responses.ResponseModel):
    """Recurring hours in which notifications wait; `recipient_id` null is all people.

    They begin on `days`, and end on the next day if `to` is not after `from`.
    """

    id: int
    recipient_id: int | None
    recipient_name: str | None
    days: list[Weekday]
    from_: str = msgspec.field(name="from")
    to: str
    timezone: str
    urgent: str | None
    enabled: bool
