"""Import what the Go implementation held of ConnectWise and Webex. What is stored here already stays as it is.

A sync confirms all of it: rows say that nothing has fetched them yet.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ticketbot.connectwise import records
from ticketbot.database import fields, sql
from ticketbot.importer.report import Report
from ticketbot.importer.source import VERSION_2, Row, Source
from ticketbot.models import recipients, tickets
from ticketbot.pipeline import process_event

CHUNK = 500
NOTE = "TicketNote"  # the only kind that was read there

_MARK = """
    UPDATE ticket SET announced_at = COALESCE(announced_at, ?), decided_at = COALESCE(decided_at, ?),
                      decided_at_update = COALESCE(decided_at_update, updated_at, ?)
    WHERE id IN {} AND (announced_at IS NULL OR decided_at IS NULL OR decided_at_update IS NULL)
"""


class Copies:
    """The import of recipients, boards, members, tickets and notes; afterwards, what others refer to by id."""

    def __init__(self, source: Source, report: Report, now: datetime) -> None:
        self._source, self._report, self._now = source, report, now
        self.recipients: dict[int, recipients.Recipient] = {}
        """Our rows by the ids of the source."""
        self.boards: dict[int, str] = {}
        self.statuses: dict[int, tuple[str, bool]] = {}
        self.companies: dict[int, str] = {}
        self.identifiers: dict[str, int] = {}
        """Companies by their identifiers in lower case, as far as tickets tell."""
        self.priorities: dict[int, str] = {}
        self.contacts: dict[int, str] = {}
        self.members: dict[int, Row] = {}
        self.ticket_added_at: dict[int, datetime] = {}
        self.member_notes: set[int] = set()

    def run(self) -> None:
        """Import everything, in an order in which names are known before they are needed."""
        self._recipients()
        self._boards()
        self._people()
        self._tickets()
        self._notes()

    def _recipients(self) -> None:
        found = list(self._source.rows("webex_recipient", "id", "webex_id", "name", "email", "type", "last_activity"))
        rows = []
        for row in found:
            if row["type"] not in (recipients.ROOM, recipients.PERSON):
                self._report.leave_out("webex_recipient", _tidy(row["name"]), f"its type is {row['type']!a}")
                continue
            email = (row["email"] or "").strip().lower() or None
            activity = self._source.moment(row["last_activity"])
            rows.append(
                {"type": row["type"], "webex_id": row["webex_id"], "name": _tidy(row["name"])}
                | {"email": email if row["type"] == recipients.PERSON else None, "last_activity": activity}
            )
        self._store("webex_recipient", recipients.Recipient, rows, len(found))
        recipients.link_emails((row["webex_id"], row["email"]) for row in rows if row["email"])
        known = {row.webex_id: row for row in recipients.Recipient.select()}
        self.recipients = {row["id"]: known[row["webex_id"]] for row in found if row["webex_id"] in known}

    def _boards(self) -> None:
        boards = list(self._source.rows("cw_board", "id", "name", "deleted"))
        self.boards = {row["id"]: _tidy(row["name"]) for row in boards}
        self._store("cw_board", tickets.Board, [self._named(row) for row in boards], len(boards))
        statuses = list(
            self._source.rows("cw_ticket_status", "id", "board_id", "name", "closed", "inactive", "deleted")
        )
        self.statuses = {row["id"]: (_tidy(row["name"]), row["closed"]) for row in statuses}
        rows = [
            self._named(row) | {"board_id": row["board_id"], "closed": row["closed"], "inactive": row["inactive"]}
            for row in statuses
        ]
        self._store("cw_ticket_status", tickets.Status, rows, len(statuses))

    def _people(self) -> None:
        self.companies = {row["id"]: _tidy(row["name"]) for row in self._source.rows("cw_company", "id", "name")}
        contacts = self._source.rows("cw_contact", "id", "first_name", "last_name")
        self.contacts = {row["id"]: _full_name(row) for row in contacts}
        columns = ("id", "identifier", "first_name", "last_name", "primary_email", "updated_on", "deleted")
        members = list(self._source.rows("cw_member", *columns))
        self.members = {row["id"]: row for row in members}
        last: dict[str, Row] = {}
        for row in sorted(members, key=lambda row: (row["updated_on"], row["id"])):
            lookup = row["identifier"].strip().lower()
            if lookup in last:
                self._report.leave_out("cw_member", str(last[lookup]["id"]), f"member {row['id']} is also {lookup!a}")
            last[lookup] = row
        rows = [self._member(lookup, row) for lookup, row in last.items() if lookup]
        self._store("cw_member", tickets.Member, rows, len(members))

    def _member(self, lookup: str, row: Row) -> dict[str, Any]:
        identifier = row["identifier"].strip()
        return {
            "id": row["id"],
            "identifier": identifier,
            "lookup": lookup,
            "name": _full_name(row) or identifier,
            "email": row["primary_email"].strip() or None,
            "deleted_at": self._now if row.get("deleted") else None,
        }

    def _tickets(self) -> None:
        columns = ("id", "summary", "board_id", "status_id", "company_id", "owner_id", "contact_id", "resources")
        more = ("raw", "priority_id", "priority_name", "closed_flag", "added_on", "deleted")
        for chunk in chunks(self._source.rows("cw_ticket", *columns, *more)):
            rows = [self._ticket(row) for row in chunk]
            self._store("cw_ticket", tickets.Ticket, rows, len(chunk))
            ids = [row["id"] for row in chunk]
            sql.execute(_MARK.format(sql.placeholders(ids)), self._now, self._now, self._now, *ids)
            self.ticket_added_at |= {row["id"]: row["added_on"] for row in chunk}

    def _ticket(self, row: Row) -> dict[str, Any]:
        raw = row.get("raw") if isinstance(row.get("raw"), dict) else None
        described = self._described(row) | (raw or {}) | {"id": row["id"], "recordType": "ServiceTicket"}
        described["_info"] = _dates(described.get("_info"))
        company = described.get("company")
        if isinstance(company, dict) and company.get("identifier"):
            self.identifiers[str(company["identifier"]).lower()] = row["company_id"]
        if row.get("priority_id") and row.get("priority_name"):
            self.priorities[row["priority_id"]] = row["priority_name"]
        ticket = process_event.ticket_row(records.ticket(described), self._now)
        if raw is None:  # what was not stored there is unknown, and unknown is no change (T8)
            unknown = {"type"} | (set() if row.get("priority_id") else {"priority"})
            ticket["compared"] = {name: each for name, each in ticket["compared"].items() if name not in unknown}
        return ticket | {"deleted_at": self._now if row.get("deleted") else None}

    def _described(self, row: Row) -> dict[str, Any]:
        """Return what the columns say of a ticket, as ConnectWise would."""
        status, is_closed = self.statuses.get(row.get("status_id") or 0, (None, False))
        owner = self.members.get(row["owner_id"] or 0)
        named = {
            "board": (row["board_id"], self.boards.get(row["board_id"])),
            "status": (row.get("status_id"), status),
            "company": (row["company_id"], self.companies.get(row["company_id"])),
            "contact": (row["contact_id"], self.contacts.get(row["contact_id"] or 0)),
            "priority": (row.get("priority_id"), row.get("priority_name")),
        }
        described = {name: {"id": row_id, "name": text} for name, (row_id, text) in named.items() if row_id}
        if owner:
            described["owner"] = {
                "id": owner["id"],
                "identifier": owner["identifier"].strip(),
                "name": _full_name(owner),
            }
        closed = row.get("closed_flag", is_closed)
        return described | {"summary": row["summary"], "resources": row["resources"], "closedFlag": closed}

    def _notes(self) -> None:
        columns = ("id", "ticket_id", "member_id", "contact_id", "content", "added_on", "updated_on")
        for chunk in chunks(self._source.rows("cw_ticket_note", *columns, "internal_analysis_flag")):
            self._store("cw_ticket_note", tickets.Note, [self._note(row) for row in chunk], len(chunk))
            tickets.mark_decided([(NOTE, row["id"]) for row in chunk], self._now)
            self.member_notes |= {row["id"] for row in chunk if row["member_id"]}

    def _note(self, row: Row) -> dict[str, Any]:
        member = self.members.get(row["member_id"] or 0)
        author = _full_name(member) if member else self.contacts.get(row["contact_id"] or 0)
        return {
            "kind": NOTE,
            "note_id": row["id"],
            "ticket_id": row["ticket_id"],
            "text": row["content"] or "",
            "internal": self._is_internal(row),
            "member": member["identifier"].strip() if member else None,
            "author": author or None,
            "entered_at": self._source.moment(row["added_on"]),  # or before: it was first stored then
            "stored_at": self._now,
            "decided_at": self._now,
        }

    def _is_internal(self, row: Row) -> bool:
        """Return whether a note counts as internal until it is fetched; older ones were all marked as public."""
        flagged_since = self._source.migrated_at(7)
        is_known = self._source.version == VERSION_2 and flagged_since is not None and row["updated_on"] > flagged_since
        return bool(row["internal_analysis_flag"]) if is_known and "internal_analysis_flag" in row else True

    def _named(self, row: Row) -> dict[str, Any]:
        return {
            "id": row["id"],
            "name": _tidy(row["name"]),
            "deleted_at": self._now if row.get("deleted") else None,
        }

    def _store(self, table: str, model: type[fields.Model], rows: Sequence[Mapping[str, Any]], read: int) -> None:
        new = sum(sql.insert_new(model, chunk) for chunk in chunks(rows))
        self._report.count(table, read=read, imported=new, known=len(rows) - new)


def chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    reading = iter(rows)
    while chunk := list(itertools.islice(reading, CHUNK)):
        yield chunk


def _tidy(name: str | None) -> str:
    return " ".join((name or "").split())


def _full_name(row: Row) -> str:
    return _tidy(f"{row['first_name'] or ''} {row['last_name'] or ''}")


def _dates(info: object) -> dict[str, Any]:
    """Return `_info` without dates that mean that there was none."""
    given = info if isinstance(info, dict) else {}
    return {name: value for name, value in given.items() if not str(value).startswith("0001-")}
