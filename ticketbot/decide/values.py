"""The frozen values that a decision is made from, and the plan it results in."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

ROOM: Literal["room"] = "room"
PERSON: Literal["person"] = "person"


class Recipient(msgspec.Struct, frozen=True):
    """A Webex destination."""

    id: int
    type: Literal["room", "person"]
    name: str


class Rule(msgspec.Struct, frozen=True):
    """An enabled rule of the ticket's board."""

    id: int
    recipient: Recipient


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


class Ticket(msgspec.Struct, frozen=True):
    """A ticket as a message shows it; whatever is unknown is None."""

    id: int
    summary: str
    url: str
    company: str | None = None
    contact: str | None = None
    board: str | None = None
    status: str | None = None
    priority: str | None = None
    entered_at: datetime | None = None

    @property
    def subject(self) -> str:
        """Name the announcement of the ticket in the ledger (D5)."""
        return f"new:{self.id}"


class Policy(msgspec.Struct, frozen=True):
    """The runtime configuration, as far as deciding needs it."""

    attempt_notify: bool = True
    require_board_rule: bool = False
    max_message_length: int = 300


class Facts(msgspec.Struct, frozen=True):
    """Everything a decision may depend on.

    `connectwise_now` is the time on ConnectWise's clock, which dates tickets and notes; without it, `now` serves.
    `notes` are all notes that were read, decided or not; `decided` the keys of those already decided, on whichever
    ticket. `ledger` holds the (subject, target) pairs that exist.
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
    ledger: frozenset[tuple[str, str]] = frozenset()
    policy: Policy = msgspec.field(default_factory=Policy)
    connectwise_now: datetime | None = None


class PlannedNotification(msgspec.Struct, frozen=True):
    """One notification to write into the ledger: to send, or skipped with its reason."""

    subject: str
    target: str
    kind: Literal["new", "update"]
    recipient: Recipient | None
    name: str
    send: bool
    reason: str
    note: Note | None = None
    chain: tuple[str, ...] = ()
    markdown: str = ""


class Decision(msgspec.Struct, frozen=True):
    """One line of the trace (D8): what was decided for whom and why, about which subject."""

    subject: str
    who: str
    outcome: Literal["told", "skipped", "not told"]
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """What the event leads to. `announced` and `decided` become facts in the database with it."""

    announced: bool
    decided: tuple[tuple[str, int], ...]
    drafts: tuple[PlannedNotification, ...]
    decisions: tuple[Decision, ...]
