"""The frozen values that a decision is made from, and the plan it results in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from ticketbot.decide.reasons import Reason

ROOM: Literal["room"] = "room"
PERSON: Literal["person"] = "person"

# Stand in for a recipient: in a decision about nobody in particular, and in a rule for whoever is assigned.
EVERYBODY = "everybody"
ASSIGNED_PEOPLE = "the assigned people"


class Recipient(msgspec.Struct, frozen=True):
    """A Webex destination."""

    id: int
    type: Literal["room", "person"]
    name: str


class Rule(msgspec.Struct, frozen=True):
    """A rule of the ticket's board, or of all boards; without a recipient it is for the assigned people (R1)."""

    id: int
    recipient: Recipient | None
    events: tuple[str, ...] = ("new",)
    condition: str | None = None
    name: str | None = None
    enabled: bool = True
    dry_run: bool = False
    is_for_all_boards: bool = False


class Person(msgspec.Struct, frozen=True):
    """Somebody the ticket names: a resource, its owner, or both.

    `recipient` is None when no Webex account was found. `excluded_because` says why somebody is never notified (D7),
    None for everybody else.
    """

    identifier: str
    name: str
    roles: tuple[str, ...]  # resource, owner
    recipient: Recipient | None = None
    email: str | None = None
    is_known: bool = True  # to ConnectWise; a ticket may name members that are gone
    excluded_because: str | None = None


class Forward(msgspec.Struct, frozen=True):
    """An enabled forward; `start <= now < end` makes it active, None leaves that side open."""

    id: int
    source: Recipient
    destination: Recipient
    start: datetime | None = None
    end: datetime | None = None
    keep_copy: bool = False
    public_only: bool = False  # F9
    only_if_sole: bool = False  # F9


class Silence(msgspec.Struct, frozen=True):
    """A period in which matching notifications are skipped; of what it names, all must match (N3)."""

    id: int
    start: datetime
    until: datetime
    board_id: int | None = None
    ticket_id: int | None = None
    company: str | None = None
    recipient_id: int | None = None
    rule_id: int | None = None
    comment: str = ""


class QuietHours(msgspec.Struct, frozen=True):
    """Recurring hours of a recipient, without one of all people, in which notifications wait (N4).

    `days` are those on which they begin; they end on the next day if `end` is not after `start` (`HH:MM` both).
    """

    id: int
    recipient_id: int | None
    days: tuple[str, ...]
    start: str
    end: str
    timezone: str
    urgent: str | None = None


class Note(msgspec.Struct, frozen=True):
    """A note of the ticket. `member` is its author when a member of ours wrote it (D6)."""

    kind: str
    id: int
    text: str = ""
    author: str | None = None
    member: str | None = None
    author_recipient_ids: frozenset[int] = (
        frozenset()
    )  # the author's own recipients, even if they are not on the ticket
    internal: bool = False
    resolution: bool = False
    entered_at: datetime | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Identify the note over all tickets (T6)."""
        return (self.kind, self.id)

    @property
    def subject(self) -> str:
        """Name the note in the ledger (D5)."""
        return f"note:{self.kind}:{self.id}"


class Compared(msgspec.Struct, frozen=True, array_like=True):
    """A value that changes are noticed in: `key` is compared, an id wherever there is one, and `shown` is its name."""

    key: int | str | bool | tuple[str, ...] | None
    shown: str | None


class Change(msgspec.Struct, frozen=True):
    """A field of the ticket that differs from when the ticket was last decided (T8)."""

    field: str
    old: str | None
    new: str | None


class Details(msgspec.Struct, frozen=True, omit_defaults=True):
    """What only conditions ask for; of the members their identifiers as ConnectWise writes them."""

    contact: str | None = None
    owner: str | None = None
    resources: tuple[str, ...] = ()
    priority_sort: int | None = None
    severity: str | None = None
    impact: str | None = None
    subtype: str | None = None
    item: str | None = None
    source: str | None = None
    is_project: bool = False


class Ticket(msgspec.Struct, frozen=True):
    """A ticket as deciding sees it."""

    id: int
    entered_at: datetime | None = None
    compared: dict[str, Compared] = {}
    details: Details = Details()

    @property
    def assigned(self) -> frozenset[str]:
        """Return the identifiers of the assigned people, in lower case."""
        return assigned_in(self.compared)


class Policy(msgspec.Struct, frozen=True):
    """The runtime configuration, as far as deciding needs it; `assigned_events` notify the assigned people (R3)."""

    attempt_notify: bool = True
    require_board_rule: bool = False
    max_message_length: int = 300
    assigned_events: tuple[str, ...] = ("new", "customer_note", "team_note", "internal_note", "assigned")


class Facts(msgspec.Struct, frozen=True):
    """Everything a decision may depend on.

    `connectwise_now` is the time on ConnectWise's clock, which dates tickets and notes; without it, `now` serves.
    `notes` are all notes that were read, decided or not; `decided` the keys of those already decided, on whichever
    ticket. `ledger` holds the (subject, target) pairs that exist. `before` is what the ticket was when it was last
    decided, as far as that is known; `updated_by` the identifier of the member who changed it last, with their own
    recipients. `hour` and `weekday` are those of `now` in TBOT_TIMEZONE; facts kept before there were conditions have
    none. `rules` are those of the ticket's board and of all boards, disabled ones too; `silences` are those that have
    not ended, `quiet_hours` the enabled ones.
    """

    now: datetime
    watching_since: datetime
    ticket: Ticket
    announced: bool = False
    notes: tuple[Note, ...] = ()
    decided: frozenset[tuple[str, int]] = frozenset()
    rules: tuple[Rule, ...] = ()
    people: tuple[Person, ...] = ()
    forwards: tuple[Forward, ...] = ()
    silences: tuple[Silence, ...] = ()
    quiet_hours: tuple[QuietHours, ...] = ()
    ledger: frozenset[tuple[str, str]] = frozenset()
    policy: Policy = msgspec.field(default_factory=Policy)
    connectwise_now: datetime | None = None
    event_id: int = 0
    before: dict[str, Compared] = {}
    updated_by: str | None = None
    updated_by_recipient_ids: frozenset[int] = frozenset()
    hour: int | None = None
    weekday: str | None = None


def assigned_in(compared: Mapping[str, Compared]) -> frozenset[str]:
    """Return the identifiers of the owner and the resources, in lower case."""
    both = (compared[field].key for field in ("owner", "resources") if field in compared)
    return frozenset(each for key in both if isinstance(key, tuple) for each in key)


class PlannedNotification(msgspec.Struct, frozen=True):
    """One notification to write into the ledger: to send, or skipped with its reasons.

    One to be sent waits until `held_until`; an `is_urgent` one does not, and takes along what waits of its ticket (N4).
    """

    subject: str
    target: str
    events: tuple[str, ...]
    recipient: Recipient | None
    name: str
    send: bool
    reasons: tuple[Reason, ...]
    note: Note | None = None
    changes: tuple[Change, ...] = ()
    chain: tuple[str, ...] = ()
    earlier_notes: int = 0
    held_until: datetime | None = None
    is_urgent: bool = False


class Decision(msgspec.Struct, frozen=True):
    """One line of the trace (D8): a decision, who and what it is about, and why."""

    subject: str
    who: str
    outcome: Literal["told", "skipped", "not told"]
    reasons: tuple[Reason, ...]


class Plan(msgspec.Struct, frozen=True):
    """What the event leads to. `announced` and `decided` become facts in the database with it."""

    announced: bool
    decided: tuple[tuple[str, int], ...]
    drafts: tuple[PlannedNotification, ...]
    decisions: tuple[Decision, ...]
