"""The responses of our HTTP API: JSON, OpenAPI and the types of the client come from these structs.

They may grow fields; a client that does not know them leaves them out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
RecipientType = Literal["room", "person"]
ForwardState = Literal["active", "upcoming", "expired", "disabled"]
NotificationState = Literal["pending", "sending", "sent", "skipped", "dead"]
EventState = Literal["waiting", "running", "done", "dead"]
HealthState = Literal["ok", "attention", "degraded", "failed"]
RuleTarget = Literal["recipient", "assigned"]
RuleEvent = Literal[
    "new",
    "customer_note",
    "team_note",
    "internal_note",
    "assigned",
    "status",
    "priority",
    "moved",
    "closed",
    "reopened",
    "changed",
]


class ResponseModel(msgspec.Struct, kw_only=True):
    """Base of all responses."""


class FieldError(ResponseModel):
    """One thing wrong with one named field."""

    field: str
    message: str


class Problem(ResponseModel, omit_defaults=True):
    """A failure (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldError] = []
    tracking_id: str | None = None
    run_id: int | None = None


class Health(ResponseModel):
    """The process lives."""

    status: str


class Readiness(ResponseModel):
    """Each check by name: `degraded` waits for an external service, `attention` for a person."""

    status: HealthState
    checks: dict[str, HealthState]


class WebhookResponse(ResponseModel):
    """The result of a webhook."""

    status: Literal["accepted", "ignored", "replayed"]


class User(ResponseModel):
    """An owner of API keys."""

    id: int
    name: str
    email: str
    created_at: Moment


Scope = Literal["read", "operate", "admin"]
"""What a key allows, each also what those before it allow (A7)."""


class Key(ResponseModel):
    """An API key, without the key itself; `expires_at` null: it does not expire."""

    id: int
    user_id: int
    hint: str
    scope: Scope
    expires_at: Moment | None
    created_at: Moment
    last_used_at: Moment | None


class CreatedKey(Key):
    """A new key: it cannot be shown again."""

    key: str


class Board(ResponseModel):
    """A ConnectWise board as the last sync or ticket described it."""

    id: int
    name: str
    inactive: bool
    project: bool
    deleted: bool


class Member(ResponseModel):
    """A ConnectWise user; `email` is the address by which Webex is asked."""

    id: int
    identifier: str
    name: str
    email: str | None
    inactive: bool


class Ticket(ResponseModel):
    """A stored ticket; `owner` and `resources` are identifiers of members."""

    id: int
    summary: str
    board_id: int | None
    board_name: str | None
    status: str | None
    company: str | None
    contact: str | None
    owner: str | None
    resources: list[str]
    open: bool
    deleted: bool
    updated_at: Moment | None


class Recipient(ResponseModel):
    """A Webex destination; one that vanished is inactive."""

    id: int
    type: RecipientType
    name: str
    email: str | None
    active: bool
    last_activity: Moment | None


class TestMessageResult(ResponseModel):
    """Webex took the test message."""

    recipient_id: int
    webex_message_id: str


class Rule(ResponseModel):
    """board -> recipient, for some events. Without a board it is for all boards.

    With the target `assigned` it notifies the assigned people and has no recipient.
    """

    id: int
    board_id: int | None
    board_name: str | None
    recipient_id: int | None
    recipient_name: str | None
    recipient_type: RecipientType | None
    enabled: bool
    events: list[RuleEvent] = msgspec.field(
        default_factory=lambda: ["new"]
    )  # a 1.x server says nothing of what follows
    condition: str | None = None
    target: RuleTarget = "recipient"
    dry_run: bool = False
    name: str | None = None


class Forward(ResponseModel):
    """source -> destination, for a time. `start` and `end` come back as they were given."""

    id: int
    source_id: int
    source_name: str
    destination_id: int
    destination_name: str
    start: str | None
    end: str | None
    keep_copy: bool
    enabled: bool
    state: ForwardState
    public_only: bool = False  # a 1.x server says nothing of this and what follows
    only_if_sole: bool = False


class PreviewDelivery(ResponseModel):
    """Somebody who would get it: `chain` names everybody from the recipient asked about to this one, in order."""

    recipient_id: int
    recipient_name: str
    recipient_type: RecipientType
    chain: list[str]
    forward_ids: list[int]


class Preview(ResponseModel):
    """Who would get a notification for a recipient at a moment (F7)."""

    recipient_id: int
    recipient_name: str
    at: Moment
    deliveries: list[PreviewDelivery]


Threads = Literal["rooms", "all", "off"]


class Notification(ResponseModel):
    """The decision about one topic and one recipient, and what became of it.

    `events` name the topic. For a person not found in Webex, `recipient_id` is null and `recipient_name` the member's.
    Several notifications may share a message; `shown` is false of a note that was left out of it. `thread_root_id` is
    Webex's id of the message that it was a reply to; `thread_refused` means that Webex did not take it as a reply.
    One that is pending without a message is held.
    """

    id: int
    ticket_id: int
    note_id: int | None
    kind: Literal["new", "update"]
    recipient_id: int | None
    recipient_name: str
    recipient_type: RecipientType | None
    state: NotificationState
    reason: str
    forwarded_from: list[str]
    attempts: int
    error: str | None
    possible_duplicate: bool
    overtaken: bool
    webex_message_id: str | None
    tracking_id: str | None
    created_at: Moment
    next_try_at: Moment | None
    sent_at: Moment | None
    died_at: Moment | None = None  # a 1.x server says nothing of this and what follows
    events: list[str] = msgspec.field(default_factory=list)
    message_id: int | None = None
    held_until: Moment | None = None
    note_kind: str | None = None  # notes, time entries and meeting notes are numbered separately (T6)
    shown: bool = True
    thread_root_id: str | None = None
    thread_refused: bool = False


class RetryResult(ResponseModel):
    """How many dead notifications and events were retried, or would be in a dry run."""

    notifications: int
    events: int


class Decision(ResponseModel):
    """One decision about one person or room (D8), with the codes of its reasons, and the same in words."""

    subject: str
    who: str
    outcome: Literal["told", "skipped", "not told"]
    reason: str
    codes: list[str] = msgspec.field(default_factory=list)


class Event(ResponseModel):
    """One thing to process, with its trace; `hooks` webhooks were folded into it."""

    id: int
    ticket_id: int
    state: EventState
    source: str
    action: str | None
    hooks: int
    correlation: str
    first_received_at: Moment
    received_at: Moment
    due_at: Moment
    finished_at: Moment | None
    attempts: int
    error: str | None
    decisions: list[Decision]


class Explanation(ResponseModel):
    """All about a ticket, newest first; `ticket` is null when it was never stored.

    `about` names the only person or room that decisions and notifications are shown for, null for everybody.
    """

    ticket_id: int
    ticket: Ticket | None
    events: list[Event]
    notifications: list[Notification]
    about: str | None = None


class Config(ResponseModel):
    """Runtime configuration, live on every server within seconds; an address that is set shows as `***`."""

    attempt_notify: bool
    max_message_length: int
    max_concurrent_syncs: int
    require_board_rule: bool
    catch_up_interval: int
    retention_days: int
    assigned_events: list[RuleEvent] = msgspec.field(default_factory=list)  # a 1.x server says nothing of this
    threads: Threads = "rooms"
    panel: bool = True
    sync_schedule: str | None = None
    alert_recipient_id: int | None = None
    alert_url: str | None = None
    alert_silence_minutes: int = 120
    business_hours: str = "mon-fri 08:00-18:00"
    heartbeat_url: str | None = None


class AuditEntry(ResponseModel):
    """One change through the API, secrets blanked (A5)."""

    id: int
    at: Moment
    user_id: int | None
    user_email: str | None
    key_id: int | None
    action: str
    object: str
    object_id: str | None
    client_address: str | None
    request_id: str | None
    """What the `X-Request-ID` of the response was, and the `correlation` of the log lines."""
    before: dict[str, Any] | None
    after: dict[str, Any] | None
