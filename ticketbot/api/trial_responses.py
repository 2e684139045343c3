"""What is found before a rule is saved: mistakes of its condition, and what it would do and would have done (R6)."""

from __future__ import annotations

from typing import Any, Literal

from ticketbot.api import responses


class ConditionCheck(responses.ResponseModel):
    """Whether a condition can be used; `position` counts its characters from 0, `suggestion` is the nearest name."""

    ok: bool
    message: str | None
    position: int | None
    suggestion: str | None


class ConditionValues(responses.ResponseModel):
    """Values of fields of conditions that were seen: in the last sync of boards, in tickets, among members."""

    board: list[str]
    status: list[str]
    priority: list[str]
    type: list[str]
    company: list[str]
    owner: list[str]


class Trial(responses.ResponseModel):
    """What would be decided if an event happened to a ticket now; nothing was sent or stored."""

    ticket_id: int
    event: responses.RuleEvent
    decisions: list[responses.Decision]


class BacktestRecipient(responses.ResponseModel):
    """How many notifications one recipient was sent, and would be."""

    recipient_name: str
    decided: int
    proposed: int


class BacktestDay(responses.ResponseModel):
    """How many notifications were sent on one day in TBOT_TIMEZONE, and would be."""

    day: str
    decided: int
    proposed: int


class BacktestHour(responses.ResponseModel):
    """The hour that begins at a moment."""

    at: responses.Moment
    proposed: int


class BacktestSample(responses.ResponseModel):
    """One notification that was sent (`decided`) and would not be, or would be (`proposed`) and was not."""

    ticket_id: int
    event: str
    recipient_name: str
    decided: bool
    proposed: bool
    reason: str


class Backtest(responses.ResponseModel):
    """What was decided in the last days, and what would have been with another rule.

    Of `events`, those `left_out` have no facts any more. `people_from_cache` were looked up for none of them.
    """

    events: int
    left_out: int
    decided: int
    proposed: int
    by_recipient: list[BacktestRecipient]
    by_day: list[BacktestDay]
    busiest_hour: BacktestHour | None
    samples: list[BacktestSample]
    people_from_cache: int


class Change(responses.ResponseModel):
    """One difference between a file and the server; `before` and `after` are as the file has them.

    `trial` is what a changed rule would have done in the last 7 days, null for everything else.
    """

    action: Literal["create", "update", "delete"]
    object: str
    name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    trial: Backtest | None


class Plan(responses.ResponseModel):
    """What applying a file would change, or has changed; `version` identifies the server's state (M2)."""

    version: str
    changes: list[Change]
