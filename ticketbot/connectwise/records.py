"""ConnectWise's tickets, notes, and what belongs to them, as plain values."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ticketbot.remote import json_values
from ticketbot.remote.json_values import JsonObject

NOTE = "TicketNote"


class Ref(msgspec.Struct, frozen=True):
    """A reference to another record; its name may be missing."""

    id: int
    name: str | None


class MemberRef(msgspec.Struct, frozen=True):
    """A reference to a member; at least one of `id` and `identifier` is there."""

    id: int | None
    identifier: str | None
    name: str | None


class Ticket(msgspec.Struct, frozen=True):
    """A ticket as it stands; `kind` is `service` or `project`, `resources` are member identifiers.

    `served_at` is what ConnectWise's clock said, in whole seconds, when it gave this single ticket.
    """

    id: int
    kind: str
    summary: str
    board: Ref | None
    status: Ref | None
    company: Ref | None
    contact: Ref | None
    contact_name: str | None
    owner: MemberRef | None
    resources: tuple[str, ...]
    priority: Ref | None
    priority_sort: int | None
    severity: str | None
    impact: str | None
    type: Ref | None
    subtype: Ref | None
    item: Ref | None
    source: Ref | None
    closed: bool
    entered_at: datetime | None
    updated_at: datetime | None
    updated_by: str | None
    served_at: datetime | None = None


class Note(msgspec.Struct, frozen=True):
    """A note of a ticket; time entries number apart, so only kind and id together name one.

    `ticket_id` is the ticket it was written on: a child's or a merged ticket's notes come with their
    parent's. `author` is what to show, `author_identifier` the member to leave out.
    """

    kind: str
    id: int
    ticket_id: int
    text: str
    discussion: bool
    internal: bool
    resolution: bool
    is_markdown: bool
    author: str | None
    author_id: int | None
    author_identifier: str | None
    contact_name: str | None
    entered_at: datetime | None
    updated_at: datetime | None


class Board(msgspec.Struct, frozen=True):
    """A service or project board."""

    id: int
    name: str
    inactive: bool
    project: bool


class Status(msgspec.Struct, frozen=True):
    """A ticket status; each belongs to one board."""

    id: int
    name: str
    board_id: int
    closed: bool
    inactive: bool


class Named(msgspec.Struct, frozen=True):
    """A priority of tickets, or a type that the tickets of a board can have."""

    id: int
    name: str
    inactive: bool


class Member(msgspec.Struct, frozen=True):
    """A user of ConnectWise. `license_class`: F full, A API, C StreamlineIT, X subcontractor."""

    id: int
    identifier: str
    name: str
    email: str | None
    inactive: bool
    license_class: str | None


class Callback(msgspec.Struct, frozen=True):
    """A registration for webhooks."""

    id: int
    url: str
    object_id: int | None
    type: str
    level: str
    inactive: bool


class SystemInfo(msgspec.Struct, frozen=True):
    """The version of ConnectWise, and the time on its clock when it answered."""

    version: str | None
    served_at: datetime | None


def ticket(row: JsonObject, *, project: bool = False, served_at: datetime | None = None) -> Ticket:
    """Read a ticket; `project` says from which list it came, since rows there do not say it themselves."""
    info = json_values.mapping_at(row, "_info")
    record_type = json_values.text(row.get("recordType"))
    priority = json_values.mapping_at(row, "priority")
    return Ticket(
        id=row["id"],
        kind="project" if (record_type or "").startswith("Project") or (project and not record_type) else "service",
        summary=json_values.text(row.get("summary")) or "",
        board=_ref(row, "board"),
        status=_ref(row, "status"),
        company=_ref(row, "company"),
        contact=_ref(row, "contact"),
        contact_name=json_values.text(row.get("contactName"), json_values.mapping_at(row, "contact").get("name")),
        owner=_member_ref(row, "owner"),
        resources=_identifiers(row.get("resources")),
        priority=_ref(row, "priority"),
        priority_sort=json_values.int_id(priority.get("sort", priority.get("sortOrder"))),  # older ones: sortOrder
        severity=json_values.text(row.get("severity")),
        impact=json_values.text(row.get("impact")),
        type=_ref(row, "type"),
        subtype=_ref(row, "subType"),
        item=_ref(row, "item"),
        source=_ref(row, "source"),
        closed=json_values.truthy(row.get("closedFlag")),
        entered_at=json_values.timestamp(info.get("dateEntered"), row.get("dateEntered")),
        updated_at=json_values.timestamp(info.get("lastUpdated"), row.get("lastUpdated")),
        updated_by=json_values.text(info.get("updatedBy")),
        served_at=served_at,
    )


def note(row: JsonObject, ticket_id: int) -> Note:
    """Read a note out of `allNotes` or of `notes`, whose rows name the same things differently."""
    info = json_values.mapping_at(row, "_info")
    member = _member_ref(row, "member")
    contact_name = json_values.text(json_values.mapping_at(row, "contact").get("name"))
    entered_by = (row.get("originalAuthor"), row.get("createdBy"), info.get("enteredBy"))
    dates = (info.get("lastUpdated"), info.get("sortByDate"), row.get("dateCreated"), row.get("timeStart"))
    written_on = (json_values.mapping_at(row, "ticket").get("id"), row.get("ticketId"))
    return Note(
        kind=json_values.text(row.get("noteType")) or NOTE,
        id=row["id"],
        ticket_id=next((id_ for id_ in map(json_values.int_id, written_on) if id_), ticket_id),
        text=json_values.text(row.get("text")) or "",
        discussion=json_values.truthy(row.get("detailDescriptionFlag")),
        internal=json_values.truthy(row.get("internalAnalysisFlag")),
        resolution=json_values.truthy(row.get("resolutionFlag")),
        is_markdown=json_values.truthy(row.get("isMarkdownFlag")),
        author=json_values.text(member and member.name, contact_name, *entered_by),
        author_id=member.id if member else None,
        author_identifier=member.identifier if member else None,
        contact_name=contact_name,
        entered_at=json_values.timestamp(info.get("dateEntered"), *dates),
        updated_at=json_values.timestamp(info.get("lastUpdated")),
    )


def board(row: JsonObject) -> Board:
    """Read a board."""
    return Board(
        row["id"],
        _name(row),
        inactive=json_values.truthy(row.get("inactiveFlag")),
        project=json_values.truthy(row.get("projectFlag")),
    )


def status(row: JsonObject, board_id: int) -> Status:
    """Read a status of the board with `board_id`; its flags have other names than on the other records."""
    closed, inactive = json_values.truthy(row.get("closedStatus")), json_values.truthy(row.get("inactive"))
    return Status(row["id"], _name(row), board_id, closed=closed, inactive=inactive)


def named(row: JsonObject) -> Named:
    """Read a priority or a type."""
    return Named(row["id"], _name(row), json_values.truthy(row.get("inactiveFlag")))


def member(row: JsonObject) -> Member:
    """Read a member; which of their addresses counts is clause D7."""
    identifier = json_values.text(row.get("identifier")) or ""
    chosen = (json_values.text(row.get("defaultEmail")) or "").lower()
    return Member(
        id=row["id"],
        identifier=identifier,
        name=_full_name(row) or identifier,
        email=json_values.text(row.get("primaryEmail"), row.get(f"{chosen}Email"), row.get("officeEmail")),
        inactive=json_values.truthy(row.get("inactiveFlag")),
        license_class=json_values.text(row.get("licenseClass")),
    )


def callback(row: JsonObject) -> Callback:
    """Read a registration for webhooks."""
    return Callback(
        id=row["id"],
        url=json_values.text(row.get("url")) or "",
        object_id=json_values.int_id(row.get("objectId")),
        type=(json_values.text(row.get("type")) or "").lower(),
        level=(json_values.text(row.get("level")) or "").lower(),
        inactive=json_values.truthy(row.get("inactiveFlag")),
    )


def _ref(row: JsonObject, key: str) -> Ref | None:
    found = json_values.mapping_at(row, key)
    id_ = json_values.int_id(found.get("id"))
    return None if id_ is None else Ref(id_, json_values.text(found.get("name"), found.get("identifier")))


def _member_ref(row: JsonObject, key: str) -> MemberRef | None:
    found = json_values.mapping_at(row, key)
    id_, identifier = json_values.int_id(found.get("id")), json_values.text(found.get("identifier"))
    if id_ is None and identifier is None:
        return None
    return MemberRef(id_, identifier, json_values.text(found.get("name"), _full_name(found), identifier))


def _identifiers(value: object) -> tuple[str, ...]:
    names = (name.strip() for name in (json_values.text(value) or "").split(","))
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(name.casefold(), name)
    return tuple(name for name in found.values() if name)


def _name(row: JsonObject) -> str:
    return json_values.text(row.get("name"), row.get("identifier")) or ""


def _full_name(row: JsonObject) -> str | None:
    names = (json_values.text(row.get("firstName")), json_values.text(row.get("lastName")))
    return " ".join(name for name in names if name) or None
