"""What the client sends to our HTTP API: bodies and queries. Validation, JSON and OpenAPI come from these structs.

They refuse fields they do not know, so that a misspelt one is never silently without effect.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ticketbot.api import calm_responses, responses
from ticketbot.settings import types

LARGEST_ID = 2**63 - 1
MAX_LIMIT = 1000
DEFAULT_LIMIT = 100

# Regular expressions of ECMA and of Python alike, whose `$` would let a trailing line break pass.
_END = r"(?![\s\S])"
ONE_LINE = rf"^[^{types.CONTROLS}]*{_END}"
NAME = rf"^(?=.*\S)[^{types.CONTROLS}]+{_END}"
EMAIL = types.EMAIL
TIME_OF_DAY = rf"^([01][0-9]|2[0-3]):[0-5][0-9]{_END}"
_DAYS = "(mon|tue|wed|thu|fri|sat|sun)"
_PERIOD = (
    rf"{_DAYS}(-{_DAYS})?(,{_DAYS}(-{_DAYS})?)* ([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
)
BUSINESS_HOURS = rf"^{_PERIOD}(; {_PERIOD})*{_END}"
SECRET_URL = rf"^(https?://[A-Za-z0-9._\-]+(:[0-9]{{1,5}})?(/[!-~]*)?|\*\*\*){_END}"
DATE_OR_TIME = (
    r"^[12][0-9]{3}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
    + _END
)

PATTERN_HINTS = {
    ONE_LINE: "Give one line of text",
    NAME: "Give one line of text that is not blank",
    EMAIL: "Give one e-mail address, such as ana@example.com",
    TIME_OF_DAY: "Give a time such as 18:00",
    BUSINESS_HOURS: "Give days and times such as mon-fri 08:00-18:00, or mon-fri 08:00-18:00; sat,sun 10:00-14:00",
    SECRET_URL: "Give an address such as https://hooks.example.com/alerts",
    DATE_OR_TIME: "Give a date such as 2026-03-01, or a moment such as 2026-03-01T09:00:00+01:00",
}
"""What to say when a text does not match a pattern."""

Id = Annotated[int, Meta(ge=1, le=LARGEST_ID)]
Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT)]
Words = Annotated[str, Meta(max_length=200, pattern=ONE_LINE)]
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
Email = Annotated[str, Meta(max_length=types.MAX_EMAIL_LENGTH, pattern=EMAIL)]
Condition = Annotated[str, Meta(min_length=1, max_length=1000, pattern=NAME)]
RuleEvents = Annotated[list[responses.RuleEvent], Meta(min_length=1, max_length=100)]
TimeOfDay = Annotated[str, Meta(pattern=TIME_OF_DAY)]
Weekdays = Annotated[list[calm_responses.Weekday], Meta(min_length=1, max_length=7)]
BusinessHours = Annotated[str, Meta(max_length=200, pattern=BUSINESS_HOURS)]
SecretUrl = Annotated[str, Meta(max_length=2000, pattern=SECRET_URL)]
DateOrTime = Annotated[str, Meta(max_length=40, pattern=DATE_OR_TIME)]
"""A date (a whole day in TBOT_TIMEZONE), or a moment; without an offset it is a time in TBOT_TIMEZONE."""


class RequestModel(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Base of what the client sends."""


class Page(RequestModel):
    """Which part of a list is wanted: `limit` rows after the one with the id `after`."""

    limit: Limit = DEFAULT_LIMIT
    after: Annotated[int, Meta(ge=0, le=LARGEST_ID)] | None = None
    order: Literal["asc", "desc"] = "asc"


class NewUser(RequestModel):
    """A user to add."""

    name: Name
    email: Email


class NewKey(RequestModel):
    """A key to make for a user; at the end of `expires_at`, if it is a date, it stops working."""

    user_id: Id
    scope: responses.Scope = "admin"
    expires_at: DateOrTime | None = None


class TicketQuery(Page):
    """Which tickets are wanted: each word of `q` is in the number, summary or company, in upper or lower case."""

    board_id: Id | None = None
    open: bool | None = None
    q: Words | None = None


class RecipientQuery(Page):
    """Which recipients are wanted: each word of `q` is in the name or e-mail address, in upper or lower case."""

    type: responses.RecipientType | None = None
    q: Words | None = None


class NewRule(RequestModel):
    """A rule to add: `board_id` null is for all boards. With the target `assigned` it has no recipient."""

    board_id: Id | None
    recipient_id: Id | None = None
    target: responses.RuleTarget = "recipient"
    events: RuleEvents = msgspec.field(default_factory=lambda: ["new"])
    condition: Condition | None = None
    name: Name | None = None
    dry_run: bool = False
    enabled: bool = True


class RuleChanges(RequestModel):
    """What to change of a rule; null removes its board (all boards), condition or name."""

    board_id: Id | UnsetType | None = UNSET
    recipient_id: Id | UnsetType | None = UNSET
    target: responses.RuleTarget | UnsetType = UNSET
    events: RuleEvents | UnsetType = UNSET
    condition: Condition | UnsetType | None = UNSET
    name: Name | UnsetType | None = UNSET
    dry_run: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class ConditionText(RequestModel):
    """A condition to check."""

    condition: str


class TryRequest(RequestModel):
    """A rule to try on a stored ticket: a stored one, a proposed one, or one in place of the other; or none."""

    ticket_id: Id
    event: responses.RuleEvent = "new"
    rule_id: Id | None = None
    rule: NewRule | None = None


class BacktestRequest(RequestModel):
    """A rule to try on the last days; without one, the present rules."""

    days: Annotated[int, Meta(ge=1, le=90)] = 7
    rule_id: Id | None = None
    rule: NewRule | None = None


class NewForward(RequestModel):
    """A forward to add. Without a start it is active immediately, without an end until it is deleted."""

    source_id: Id
    destination_id: Id
    start: DateOrTime | None = None
    end: DateOrTime | None = None
    keep_copy: bool = False
    public_only: bool = False
    only_if_sole: bool = False
    enabled: bool = True


class ForwardChanges(RequestModel):
    """What to change of a forward; null removes that bound."""

    source_id: Id | UnsetType = UNSET
    destination_id: Id | UnsetType = UNSET
    start: DateOrTime | UnsetType | None = UNSET
    end: DateOrTime | UnsetType | None = UNSET
    keep_copy: bool | UnsetType = UNSET
    public_only: bool | UnsetType = UNSET
    only_if_sole: bool | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET


class ForwardQuery(Page):
    """Which forwards are wanted."""

    state: responses.ForwardState | None = None


class PreviewQuery(RequestModel):
    """Whose notification, and when; without `at`: now."""

    recipient_id: Id
    at: DateOrTime | None = None


class SilencePreview(RequestModel):
    """What a silence would match: of what it names, all; at least one has to be named. Its period does not matter."""

    board_id: Id | None = None
    ticket_id: Id | None = None
    company: Name | None = None
    recipient_id: Id | None = None
    rule_id: Id | None = None
    start: DateOrTime | None = None
    until: DateOrTime | None = None
    comment: Name | None = None


class NewSilence(SilencePreview, kw_only=True):
    """A silence to add: it names at least one thing, and begins immediately without a start."""

    until: DateOrTime
    comment: Name


class SilenceChanges(RequestModel):
    """What to change of a silence; null removes what it names. A start of null is now."""

    board_id: Id | UnsetType | None = UNSET
    ticket_id: Id | UnsetType | None = UNSET
    company: Name | UnsetType | None = UNSET
    recipient_id: Id | UnsetType | None = UNSET
    rule_id: Id | UnsetType | None = UNSET
    start: DateOrTime | UnsetType | None = UNSET
    until: DateOrTime | UnsetType = UNSET
    comment: Name | UnsetType = UNSET


class SilenceQuery(Page):
    """Which silences are wanted."""

    state: calm_responses.SilenceState | None = None


class NewQuietHours(RequestModel):
    """Quiet hours to add; `recipient_id` null is all people, without a `timezone` that of the server applies.

    They begin on `days`, and end on the next day if `to` is not after `from`.
    """

    recipient_id: Id | None
    days: Weekdays
    from_: TimeOfDay = msgspec.field(name="from")
    to: TimeOfDay
    timezone: Name | None = None
    urgent: Condition | None = None
    enabled: bool = True


class QuietHoursChanges(RequestModel):
    """What to change of quiet hours; null means all people, the time zone of the server, nothing urgent."""

    recipient_id: Id | UnsetType | None = UNSET
    days: Weekdays | UnsetType = UNSET
    from_: TimeOfDay | UnsetType = msgspec.field(name="from", default=UNSET)
    to: TimeOfDay | UnsetType = UNSET
    timezone: Name | UnsetType | None = UNSET
    urgent: Condition | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


class NotificationQuery(Page):
    """Which notifications are wanted; `since` is about when they were decided.

    Each word of `q` is in the ticket's number or summary, the recipient's name or the error, in upper or lower case.
    """

    state: responses.NotificationState | None = None
    ticket_id: Id | None = None
    recipient_id: Id | None = None
    since: DateOrTime | None = None
    q: Words | None = None


class RetryRequest(RequestModel):
    """What to try again: everything that died since a moment; without `since`: within the last 24 hours.

    `ticket_id`, `recipient_id` and `q` narrow it like a list of notifications; with one of the last two, no events are
    retried. `dry_run` only counts: nothing is revived.
    """

    state: Literal["dead"] = "dead"
    since: DateOrTime | None = None
    ticket_id: Id | None = None
    recipient_id: Id | None = None
    q: Words | None = None
    dry_run: bool = False


class EventQuery(Page):
    """Which events are wanted."""

    state: responses.EventState | None = None
    ticket_id: Id | None = None


class ExplainQuery(RequestModel):
    """How many events and notifications to return at most, the newest of each; `for` names a person or room."""

    limit: Limit = DEFAULT_LIMIT
    about: Name | None = msgspec.field(name="for", default=None)


class ConfigChanges(RequestModel):
    """Any part of the runtime configuration. `catch_up_interval` is in seconds, 0 switches it off.

    The addresses are secrets, which are shown as `***`; setting one to that leaves it as it is.
    """

    attempt_notify: bool | UnsetType = UNSET
    max_message_length: Annotated[int, Meta(ge=50, le=4000)] | UnsetType = UNSET
    max_concurrent_syncs: Annotated[int, Meta(ge=1, le=50)] | UnsetType = UNSET
    require_board_rule: bool | UnsetType = UNSET
    catch_up_interval: (
        Annotated[int, Meta(ge=0, le=86400, extra_json_schema={"anyOf": [{"const": 0}, {"minimum": 30}]})] | UnsetType
    ) = UNSET
    retention_days: Annotated[int, Meta(ge=0, le=3650)] | UnsetType = UNSET
    assigned_events: Annotated[list[responses.RuleEvent], Meta(max_length=100)] | UnsetType = UNSET
    threads: responses.Threads | UnsetType = UNSET
    panel: bool | UnsetType = UNSET
    sync_schedule: TimeOfDay | UnsetType | None = UNSET
    alert_recipient_id: Id | UnsetType | None = UNSET
    alert_url: SecretUrl | UnsetType | None = UNSET
    alert_silence_minutes: Annotated[int, Meta(ge=0, le=10080)] | UnsetType = UNSET
    business_hours: BusinessHours | UnsetType = UNSET
    heartbeat_url: SecretUrl | UnsetType | None = UNSET


class PlanQuery(RequestModel):
    """Whether what a file does not name is to be deleted."""

    prune: bool = False


class ApplyQuery(PlanQuery, kw_only=True):
    """The version of the server's state that a plan has named."""

    version: Annotated[str, Meta(max_length=64)]


class SyncRequest(RequestModel):
    """What to sync. `board_ids` narrows the tickets; `force` overrides the guard against vanishing rows."""

    boards: bool = False
    recipients: bool = False
    tickets: bool = False
    board_ids: Annotated[list[Id], Meta(max_length=1000)] = []
    force: bool = False
