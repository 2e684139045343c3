"""The cases of `cases.toml`: who must be notified of what."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec


class CaseNote(msgspec.Struct, forbid_unknown_fields=True):
    """A note by a member of the cast, or by `contact`."""

    by: str
    text: str
    kind: str = "TicketNote"
    internal: bool = False
    minutes_ago: int = 0


class CaseForward(msgspec.Struct, forbid_unknown_fields=True):
    """A forward between people of the cast."""

    source: str
    destination: str
    keep_copy: bool = False
    public_only: bool = False
    only_if_sole: bool = False


class CaseRule(msgspec.Struct, forbid_unknown_fields=True):
    """A rule to a room, to a person of the cast by name, or to `the assigned people`."""

    to: str
    events: list[str] = msgspec.field(default_factory=lambda: ["new"])
    when: str | None = None
    name: str | None = None
    disabled: bool = False
    dry_run: bool = False
    all_boards: bool = False


class Expected(msgspec.Struct, forbid_unknown_fields=True):
    """A notification, and text that its message must or must not contain."""

    who: str
    state: str
    reason: str
    words: list[str] = []
    not_words: list[str] = []


class Case(msgspec.Struct, forbid_unknown_fields=True):
    """One case."""

    name: str
    clause: str
    notes: list[CaseNote]
    expect: list[Expected]
    rooms: list[str] = []
    disabled: list[str] = []
    owner: str | None = None
    resources: list[str] = []
    known: bool = False
    project: bool = False
    repeat: bool = False
    minutes_ago: int = 0
    config: dict[str, Any] = {}
    forwards: list[CaseForward] = []
    rules: list[CaseRule] = []
    start: dict[str, Any] = {}
    change: dict[str, Any] = {}
    changed_by: str = "zadmin"

    @property
    def all_rules(self) -> list[CaseRule]:
        """Return the rules of its rooms, then the others; their ids count from 1."""
        of_rooms = [CaseRule(room, disabled=room in self.disabled) for room in self.rooms]
        return [*of_rooms, *self.rules]


class CastMember(msgspec.Struct):
    """A member of the cast."""

    name: str
    on_webex: bool = True
    inactive: bool = False
    license_class: str = "F"

    def email(self, identifier: str) -> str:
        """Return the email address."""
        return f"{identifier}@msp.example"


CAST = {
    "ana": CastMember("Ana Alvarez"),
    "ben": CastMember("Ben Bauer"),
    "cora": CastMember("Cora Chen"),
    "dan": CastMember("Dan Doe", on_webex=False),
    "eve": CastMember("Eve Ersatz", inactive=True),
    "robot": CastMember("Robby Robot", license_class="A"),
}
CONTACT = "Gus Hanrahan"
ASSIGNED = "the assigned people"
IDENTIFIERS = {member.name: identifier for identifier, member in CAST.items()}
SUMMARY = "Printer on fire"

_TABLE = tomllib.loads(Path(__file__).with_name("cases.toml").read_text())
CASES = msgspec.convert(_TABLE["case"], list[Case])
