"""Our copy of ConnectWise's data: boards, statuses, members, tickets and notes.

Ids are ConnectWise's own. `fetched_at` is when a row was last fetched; null means that only a ticket has
mentioned it. `deleted_at` marks what is gone in ConnectWise (T4: what reappears is undeleted).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import peewee

from ticketbot.database import fields, sql


class Board(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    name = peewee.TextField(default="")
    inactive = peewee.BooleanField(default=False)
    project = peewee.BooleanField(default=False)
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Status(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    board_id = peewee.BigIntegerField(index=True)
    name = peewee.TextField(default="")
    closed = peewee.BooleanField(default=False)
    inactive = peewee.BooleanField(default=False)
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Priority(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    name = peewee.TextField(default="")
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class TicketType(fields.Model):
    """A type of tickets, in the sense of ConnectWise; each belongs to one board."""

    id = peewee.BigIntegerField(primary_key=True)
    board_id = peewee.BigIntegerField(index=True)
    name = peewee.TextField(default="")
    inactive = peewee.BooleanField(default=False)
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Member(fields.Model):
    """A ConnectWise user. `lookup` is the identifier in lower case: ConnectWise ignores the case."""

    id = peewee.BigIntegerField(primary_key=True)
    identifier = peewee.TextField()
    lookup = peewee.TextField(index=True)
    name = peewee.TextField(default="")
    email = peewee.TextField(null=True)  # chosen by D7
    inactive = peewee.BooleanField(default=False)
    license_class = peewee.TextField(null=True)
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Ticket(fields.Model):
    """A service or project ticket as ConnectWise last described it, and what we have decided about it.

    `announced_at` is the fact of T5, `decided_at_update` the `lastUpdated` up to which events have decided (C1),
    `notes_read_at_update` the one up to which a sync has read notes (S3).
    """

    id = peewee.BigIntegerField(primary_key=True)
    kind = peewee.TextField(default="service")  # service | project
    summary = peewee.TextField(default="")
    board_id = peewee.BigIntegerField(null=True, index=True)
    board_name = peewee.TextField(null=True)
    status = peewee.TextField(null=True)
    company_id = peewee.BigIntegerField(null=True)
    company = peewee.TextField(null=True)
    contact_id = peewee.BigIntegerField(null=True)
    contact = peewee.TextField(null=True)
    priority = peewee.TextField(null=True)
    details = fields.JsonField(default=dict)  # R4: what only conditions ask for
    owner = peewee.TextField(null=True)  # member identifier
    resources = fields.JsonField(default=list)  # member identifiers
    open = peewee.BooleanField(default=True)
    entered_at = fields.UtcField(null=True)
    updated_at = fields.UtcField(null=True)
    stored_at = fields.UtcField()
    deleted_at = fields.UtcField(null=True)
    announced_at = fields.UtcField(null=True)
    decided_at = fields.UtcField(null=True)
    compared = fields.JsonField(null=True)  # T8: the values it was last decided with
    decided_at_update = fields.UtcField(null=True)
    notes_read_at_update = fields.UtcField(null=True)


Ticket.add_index(Ticket.index(Ticket.id, where=peewee.SQL("open AND deleted_at IS NULL"), name="ticket_open"))


class Note(fields.Model):
    """A note, identified by kind and id together (T6). `decided_at` is null until an event decided it."""

    kind = peewee.TextField()  # TicketNote | TimeEntryNote | MeetingNote
    note_id = peewee.BigIntegerField()
    ticket_id = peewee.BigIntegerField(index=True)
    text = peewee.TextField(default="")
    internal = peewee.BooleanField(default=False)
    resolution = peewee.BooleanField(default=False)
    is_markdown = peewee.BooleanField(default=False)  # B5
    member = peewee.TextField(null=True)  # identifier of its author, if a member wrote it
    author = peewee.TextField(null=True)  # name to show
    entered_at = fields.UtcField(null=True)
    updated_at = fields.UtcField(null=True)
    stored_at = fields.UtcField()
    decided_at = fields.UtcField(null=True)

    class Meta:
        indexes = ((("kind", "note_id"), True),)


NoteKey = tuple[str, int]


def members_by_identifier(identifiers: Iterable[str]) -> dict[str, Member]:
    """Return the members with these identifiers, by identifier in lower case."""
    wanted = sorted({identifier.lower() for identifier in identifiers})
    if not wanted:
        return {}
    query = f"SELECT * FROM member WHERE lookup IN {sql.placeholders(wanted)} ORDER BY id"  # noqa: S608
    return {row.lookup: row for row in sql.select(Member, query, *wanted)}


def member_emails(*, without_class: str) -> set[str]:
    """Return the addresses (lower case) of the active members, except those of one license class."""
    active = Member.select().where(~Member.inactive, Member.deleted_at.is_null(), Member.email.is_null(False))
    return {row.email.lower() for row in active if row.license_class != without_class}


def upsert(model: type[fields.Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with ConnectWise's ids, or overwrite the stored ones."""
    sql.upsert(model, rows, target=["id"])


def existing_ids(model: type[fields.Model], among: Any = None) -> set[int]:
    """Return the ids of the rows of `model` that are not soft-deleted, optionally only those matching `among`."""
    rows = model.select(model.id).where(model.deleted_at.is_null())
    return {row.id for row in (rows if among is None else rows.where(among))}


def known_names(column: peewee.Field, limit: int) -> list[str]:
    """Return the different texts of a column, in order, at most `limit`; those of soft-deleted rows are left out."""
    rows = column.model.select(column).where(column.model.deleted_at.is_null(), column.is_null(False), column != "")
    return [name for (name,) in rows.distinct().order_by(column).limit(limit).tuples()]


def soft_delete(model: type[fields.Model], ids: Iterable[int], now: datetime) -> None:
    """Mark rows of `model` as gone in ConnectWise."""
    wanted = sorted(ids)
    for chunk in sql.chunks(wanted):
        model.update(deleted_at=now).where(model.id.in_(chunk)).execute()


_DECIDED = ("announced_at", "decided_at", "decided_at_update", "notes_read_at_update")
_IF_UNKNOWN = ("compared",)  # T8: a sync neither hides nor invents a change
_NEWER = """
    excluded.updated_at >= ticket.updated_at OR ticket.updated_at IS NULL OR excluded.updated_at IS NULL
    OR ticket.deleted_at IS NOT NULL
"""  # the last: T4, a restored ticket may have an older date
_NEWER_NOTE = "excluded.updated_at >= note.updated_at OR note.updated_at IS NULL OR excluded.updated_at IS NULL"


def store_tickets(rows: Sequence[Mapping[str, Any]]) -> None:
    """Store tickets as fetched; an older `updated_at` never overwrites a newer one (T3), decisions stay.

    All transactions write tickets and notes in this order, by id and tickets first, so that they cannot deadlock.
    """
    by_id = sorted(rows, key=lambda row: row["id"])
    sql.upsert(Ticket, by_id, target=["id"], keep=_DECIDED, fill=_IF_UNKNOWN, where=_NEWER)


def store_notes(rows: Sequence[Mapping[str, Any]]) -> None:
    """Store notes as fetched; an older `updated_at` never overwrites a newer one (T3), `decided_at` stays as it is."""
    changed = sorted(_changed_notes(rows), key=lambda row: (row["kind"], row["note_id"]))
    sql.upsert(Note, changed, target=["kind", "note_id"], keep=["decided_at"], where=_NEWER_NOTE)


def _changed_notes(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out what is already stored, usually all of a ticket's notes but the newest."""
    kinds, ids = _kinds_and_ids((row["kind"], row["note_id"]) for row in rows)
    known: dict[NoteKey, datetime | None] = {}
    for chunk in sql.chunks(ids):
        stored = _notes("kind, note_id, updated_at", kinds, chunk)
        known |= {(row.kind, row.note_id): row.updated_at for row in stored}
    return [
        row
        for row in rows
        if row["updated_at"] is None or known.get((row["kind"], row["note_id"])) != row["updated_at"]
    ]


def decided_notes(keys: Iterable[NoteKey]) -> set[NoteKey]:
    """Return those of the notes that an event has decided, on any ticket."""
    wanted = set(keys)
    kinds, ids = _kinds_and_ids(wanted)
    if not ids:
        return set()
    rows = _notes("kind, note_id, decided_at", kinds, ids)
    return {(row.kind, row.note_id) for row in rows if row.decided_at is not None} & wanted


def notes_by_key(keys: Iterable[NoteKey]) -> dict[NoteKey, Note]:
    """Return the stored notes with these keys."""
    kinds, ids = _kinds_and_ids(keys)
    return {(row.kind, row.note_id): row for row in _notes("*", kinds, ids)} if ids else {}


def notes_of(ticket_id: int) -> list[Note]:
    """Return the stored notes of a ticket."""
    return sql.select(Note, "SELECT * FROM note WHERE ticket_id = ?", ticket_id)


def _notes(columns: str, kinds: Sequence[str], ids: Sequence[int]) -> list[Note]:
    query = f"SELECT {columns} FROM note WHERE kind IN {sql.placeholders(kinds)} AND note_id IN {sql.placeholders(ids)}"  # noqa: S608
    return sql.select(Note, query, *kinds, *ids)


def _kinds_and_ids(keys: Iterable[NoteKey]) -> tuple[list[str], list[int]]:
    """Return both parts of the keys. Queries need the kinds, too: without them, they could not use the index."""
    all_keys = list(keys)
    return sorted({kind for kind, _ in all_keys}), sorted({note_id for _, note_id in all_keys})


def mark_decided(keys: Iterable[NoteKey], at: datetime) -> None:
    """Record that these notes have been decided; the first time counts."""
    by_kind: dict[str, list[int]] = {}
    for kind, note_id in keys:
        by_kind.setdefault(kind, []).append(note_id)
    for kind, ids in by_kind.items():
        where = f"kind = ? AND note_id IN {sql.placeholders(ids)} AND decided_at IS NULL"
        sql.update_where(Note, {"decided_at": at}, where, kind, *ids)


def remember_decision(
    ticket_id: int, *, announced: bool, compared: Mapping[str, Any], update: datetime | None, now: datetime
) -> None:
    """Record what a decision was made on, and up to which update (T5, T8, C1, S3)."""
    sql.update_where(Ticket, {"compared": compared, "decided_at": now}, "id = ?", ticket_id)
    if announced:
        sql.update_where(Ticket, {"announced_at": now}, "id = ? AND announced_at IS NULL", ticket_id)
    if update is not None:
        older = "id = ? AND (decided_at_update IS NULL OR decided_at_update < ?)"
        sql.update_where(Ticket, {"decided_at_update": update}, older, ticket_id, update)
        mark_notes_read({ticket_id: update})


def mark_deleted(ticket_id: int, now: datetime) -> None:
    """Soft-delete a ticket that is gone in ConnectWise (W7)."""
    Ticket.update(deleted_at=now).where(Ticket.id == ticket_id, Ticket.deleted_at.is_null()).execute()


_NOTES_READ = """
    UPDATE ticket SET notes_read_at_update = ?
    WHERE id = ? AND (notes_read_at_update IS NULL OR notes_read_at_update < ?)
"""


def mark_notes_read(updates: Mapping[int, datetime]) -> None:
    """Record for each ticket the update up to which its notes have been read and stored (S3)."""
    for ticket_id, update in sorted(updates.items()):
        sql.execute(_NOTES_READ, update, ticket_id, update)


def decided_updates(ids: Iterable[int]) -> dict[int, datetime | None]:
    """Return the update up to which events have decided each of the stored tickets (C1)."""
    rows = Ticket.select(Ticket.id, Ticket.decided_at_update).where(Ticket.id.in_(sorted(ids)))
    return {row.id: row.decided_at_update for row in rows}


def decided_ids(ids: Iterable[int]) -> set[int]:
    """Return those of the tickets that an event has decided at least once (T10)."""
    wanted = sorted(ids)
    query = f"SELECT id FROM ticket WHERE id IN {sql.placeholders(wanted)} AND decided_at IS NOT NULL"  # noqa: S608
    return {ticket_id for (ticket_id,) in sql.execute(query, *wanted).fetchall()}


class NeedingNotes(NamedTuple):
    """An open ticket whose notes a sync still has to read, as of `update`."""

    id: int
    kind: str
    update: datetime | None


def needing_notes(boards: Sequence[int], *, after_id: int, limit: int) -> list[NeedingNotes]:
    """Return open tickets that are new or have changed since their notes were last read (S3), by id."""
    query = Ticket.select(Ticket.id, Ticket.kind, Ticket.updated_at).where(
        _where_needing_notes(boards), Ticket.id > after_id
    )
    return [NeedingNotes(row.id, row.kind, row.updated_at) for row in query.order_by(Ticket.id).limit(limit)]


def count_needing_notes(boards: Sequence[int]) -> int:
    """Return how many open tickets need their notes read."""
    return int(Ticket.select().where(_where_needing_notes(boards)).count())


def open_ids(boards: Sequence[int], *, kind: str, after_id: int, up_to_id: int | None) -> set[int]:
    """Return the ids of stored open tickets of one kind, within a range of ids."""
    query = Ticket.select(Ticket.id).where(_open(boards), Ticket.kind == kind, Ticket.id > after_id)
    return {row.id for row in (query if up_to_id is None else query.where(Ticket.id <= up_to_id))}


def count_open(boards: Sequence[int]) -> int:
    """Return the number of stored open tickets."""
    return int(Ticket.select().where(_open(boards)).count())


def _where_needing_notes(boards: Sequence[int]) -> Any:
    changed = Ticket.notes_read_at_update.is_null() | (Ticket.notes_read_at_update < Ticket.updated_at)
    return _open(boards) & changed


def _open(boards: Sequence[int]) -> Any:
    everywhere = Ticket.open & Ticket.deleted_at.is_null()
    return everywhere & Ticket.board_id.in_(list(boards)) if boards else everywhere


def where_contains(words: str) -> peewee.Expression:
    """Return the condition that each of the words is in the number, summary or company of a ticket."""
    return sql.where_contains(words, peewee.Value("#").concat(Ticket.id), Ticket.summary, Ticket.company)


def where_closed(ticket_id: peewee.Field) -> Any:
    """Return the condition that the ticket of a row is closed, deleted, or was never stored."""
    alive = Ticket.select(peewee.SQL("1")).where(Ticket.id == ticket_id, Ticket.open, Ticket.deleted_at.is_null())
    return ~peewee.fn.EXISTS(alive)


def where_note_expired(before: datetime) -> Any:
    """Return the condition that a note was entered and decided before a time and its ticket is closed (O8).

    A note without a date never expires: without its row, only its age would keep it from being announced again.
    """
    decided = Note.decided_at.is_null() | (Note.decided_at < before)
    return (Note.entered_at < before) & decided & where_closed(Note.ticket_id)
