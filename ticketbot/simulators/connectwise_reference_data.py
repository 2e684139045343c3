"""The reference data of a simulated ConnectWise: boards, statuses, companies, contacts and members."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from ticketbot.simulators import clock, connectwise_payloads

Row = dict[str, Any]
Table = Literal["boards", "statuses", "types", "companies", "contacts", "members"]

STATUSES = ("New", "In Progress", ">Closed")
TYPES = ("Incident", "Request")
PRIORITY = "Priority 3 - Normal Response"
PRIORITIES = ("Priority 1 - Emergency Response", "Priority 2 - Quick Response", PRIORITY, "Priority 4 - Maintenance")

# The first id of each kind. The ranges differ, so that a mixed-up id is noticed; but notes and time entries are
# numbered separately from the same start, so that their ids collide as in the real ConnectWise.
_FIRST_IDS = {
    "board": 1, "status": 101, "type": 151, "company": 201, "contact": 301, "member": 401, "ticket": 1001,
    "TicketNote": 5001, "TimeEntryNote": 5001, "MeetingNote": 5001, "callback": 26001,
}  # fmt: skip


class Directory:
    """Rows by id; they are replaced, never changed in place, so that a row in hand is a snapshot."""

    def __init__(self, now: Callable[[], datetime], *, explicit_nulls: bool) -> None:
        self.now = now
        self.explicit_nulls = explicit_nulls  # unset fields as null instead of missing; both occur in practice
        self.root = ""  # the address of the REST API, for references between rows
        self.boards: dict[int, Row] = {}
        self.statuses: dict[int, Row] = {}
        self.types: dict[int, Row] = {}
        self.priorities = {row["id"]: row for row in map(_priority, PRIORITIES)}
        self.companies: dict[int, Row] = {}
        self.contacts: dict[int, Row] = {}
        self.members: dict[int, Row] = {}
        self.lock = threading.RLock()
        self._ids = {kind: itertools.count(first) for kind, first in _FIRST_IDS.items()}
        self.api_member_id = self.add_member("apimember", "API", "Member", license_class="A")

    def add_board(self, name: str, statuses: Sequence[str] = STATUSES, *, project: bool = False) -> int:
        """Add a board with its statuses and types; a status whose name starts with `>` is closed."""
        with self.lock:
            board_id, at = self.next_id("board"), clock.in_seconds(self.now())
            self.boards[board_id] = connectwise_payloads.board(board_id, name, project=project, at=at)
            for order, title in enumerate(statuses):
                number, closed = self.next_id("status"), title.startswith(">")
                self.statuses[number] = connectwise_payloads.status(
                    number, title, board_id, order=order, closed=closed, at=at
                )
            for title in TYPES:
                number = self.next_id("type")
                self.types[number] = connectwise_payloads.ticket_type(number, title, board_id, at)
            return board_id

    def remove_board(self, board_id: int) -> None:
        """Remove a board with its statuses and types."""
        with self.lock:
            del self.boards[board_id]
            for name in ("statuses", "types"):
                rows: dict[int, Row] = getattr(self, name)
                setattr(self, name, {key: row for key, row in rows.items() if row["board"]["id"] != board_id})

    def add_company(self, name: str, identifier: str = "") -> int:
        """Add a company; its identifier defaults to its name without spaces."""
        with self.lock:
            company_id = self.next_id("company")
            identifier = identifier or "".join(name.split())
            self.companies[company_id] = connectwise_payloads.company(
                company_id, name, identifier, clock.in_seconds(self.now())
            )
            return company_id

    def add_contact(
        self, first: str, last: str | None = None, email: str | None = None, company: int | None = None
    ) -> int:
        """Add a contact, optionally of a company."""
        with self.lock:
            contact_id = self.next_id("contact")
            employer = self.companies[company] if company else None
            self.contacts[contact_id] = connectwise_payloads.contact(contact_id, first, last, email, employer)
            return contact_id

    def add_member(
        self,
        identifier: str,
        first: str,
        last: str,
        email: str | None = None,
        *,
        office_email: str | None = None,
        inactive: bool = False,
        license_class: str = "F",
    ) -> int:
        """Add a member; `email` is the `primaryEmail`, which old systems do not have."""
        with self.lock:
            member_id = self.next_id("member")
            emails: Row = {"primaryEmail": email, "officeEmail": office_email}
            fields = {**emails, "inactiveFlag": inactive, "licenseClass": license_class}
            member = connectwise_payloads.member(
                member_id, identifier, first, last, clock.in_seconds(self.now()), **fields
            )
            self.members[member_id] = connectwise_payloads.unset(member, emails, explicit_nulls=self.explicit_nulls)
            return member_id

    def change(self, table: Table, row_id: int, fields: Row) -> None:
        """Set keys of one row; None removes the key."""
        with self.lock:
            kept: dict[int, Row] = getattr(self, table)
            changed = kept[row_id] | fields
            kept[row_id] = {key: value for key, value in changed.items() if value is not None}

    def remove(self, table: Table, row_id: int) -> None:
        """Remove one row; tickets keep referring to it."""
        with self.lock:
            del getattr(self, table)[row_id]

    def next_id(self, kind: str) -> int:
        """Return the next id of one kind."""
        return next(self._ids[kind])

    def module_of(self, board_id: int) -> Literal["service", "project"]:
        """Return the module of a board's tickets."""
        return "project" if self.boards[board_id]["projectFlag"] else "service"

    def first_status(self, board_id: int) -> str:
        """Return the status of a new ticket on the board."""
        return next(str(row["name"]) for row in self.statuses.values() if row["board"]["id"] == board_id)

    def member_ref(self, identifier: str | None) -> Row | None:
        """Return a reference to a member; None if there is no such identifier."""
        for row in self.members.values():
            if row["identifier"] == identifier:
                named = row | {"name": f"{row['firstName']} {row['lastName']}"}
                return self._ref("member", "system/members", named, "identifier", "name")
        return None

    def contact_ref(self, contact_id: int | None) -> Row | None:
        """Return a reference to a contact."""
        if contact_id is None:
            return None
        row = self.contacts[contact_id]
        named = row | {"name": " ".join(filter(None, (row.get("firstName"), row.get("lastName"))))}
        return self._ref("contact", "company/contacts", named, "name")

    def ticket_fields(self, changes: Mapping[str, Any], board_id: int, by: str) -> Row:
        """Return `changes`, given as names and ids, as the fields of a ticket of the board."""
        fields: Row = {}
        for name, value in changes.items():
            fields |= self._ticket_field(name, value, board_id, by)
        return fields

    def _ticket_field(self, name: str, value: Any, board_id: int, by: str) -> Row:
        match name:
            case "summary":
                return {name: value}
            case "board":
                return {name: self._ref("board", "service/boards", self.boards[value], "name")}
            case "status":
                return self._status(value, board_id, by)
            case "priority":
                return {name: _priority(value)}
            case "owner":
                return {name: self.member_ref(value)}
            case "resources":
                return {name: ", ".join(value) or None}
            case "contact":
                return self._contact(value)
            case "company":
                company = self.companies[value] if value else None
                path = "company/companies"
                return {name: company and self._ref(name, path, company, "identifier", "name")}
        raise TypeError(f"a ticket has no {name}")

    def _status(self, name: str, board_id: int, by: str) -> Row:
        for row in self.statuses.values():
            if row["board"]["id"] == board_id and row["name"] == name:
                closed = row["closedStatus"]
                return {
                    "status": self._ref("status", f"service/boards/{board_id}/statuses", row, "name"),
                    "closedFlag": closed,
                    "closedDate": clock.in_seconds(self.now()) if closed else None,
                    "closedBy": by if closed else None,
                }
        raise KeyError(f"board {board_id} has no status {name}")

    def _contact(self, contact_id: int | None) -> Row:
        reference = self.contact_ref(contact_id)
        if contact_id is None or not reference:
            return {"contact": None, "contactName": None, "contactEmailAddress": None}
        emails = [item["value"] for item in self.contacts[contact_id].get("communicationItems", ())]
        return {
            "contact": reference,
            "contactName": reference["name"],
            "contactEmailAddress": emails[0] if emails else None,
        }

    def _ref(self, kind: str, path: str, row: Row, *keys: str) -> Row:
        return connectwise_payloads.reference(kind, f"{self.root}/{path}", row, "id", *keys)


def _priority(name: str) -> Row:
    """Return a priority: the usual one, or one that is as urgent as the first digit in its name."""
    if name == PRIORITY:
        return {"id": 4, "name": name, "sort": 6}
    digit = next((int(each) for each in name if each.isdecimal()), 9)
    return {"id": 10 + digit, "name": name, "sort": digit}
