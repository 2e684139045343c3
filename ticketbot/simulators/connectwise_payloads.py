"""The rows that ConnectWise sends, with exactly the keys of the payload files and the reference."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]

NIL = uuid.UUID(int=0)

# Keys that are missing (current models) or null (old models) while unset; see `unset`.
OPTIONAL_TICKET = (
    "company", "contact", "contactName", "contactEmailAddress", "owner", "resources", "type", "subType",
    "item", "team", "budgetHours", "closedDate", "closedBy", "parentTicketId", "requiredDate",
)  # fmt: skip
OPTIONAL_NOTE = ("text", "member", "contact", "timeStart", "timeEnd")

_REFERENCE_KEYS = ("id", "name", "identifier")


def _recognized(*names: str, references: Iterable[str] = ()) -> dict[str, str]:
    """Map the names that conditions may use, in lower case, to paths in a row.

    Conditions name the dates at the top level, although rows have them inside `_info`.
    """
    paths = [*names, *(f"{reference}/{key}" for reference in references for key in _REFERENCE_KEYS)]
    dates = {"lastupdated": "_info/lastUpdated", "dateentered": "_info/dateEntered"}
    return {path.lower(): path for path in paths} | dates


TICKET_FIELDS = _recognized(
    "id", "summary", "recordType", "contactName", "contactPhoneNumber", "contactEmailAddress", "severity",
    "impact", "requiredDate", "budgetHours", "actualHours", "approved", "closedDate", "closedBy",
    "closedFlag", "resources", "parentTicketId", "hasChildTicket", "hasMergedChildTicketFlag",
    "customerUpdatedFlag", "isInSla", "wbsCode", "isIssueFlag",
    references=("board", "status", "company", "contact", "owner", "priority", "project", "phase", "type",
                "subType", "item", "team", "source", "site", "mergedParentTicket"),
)  # fmt: skip
BOARD_FIELDS = _recognized("id", "name", "inactiveFlag", "projectFlag", "location/id")
TYPE_FIELDS = _recognized("id", "name", "inactiveFlag", "defaultFlag")
PRIORITY_FIELDS = _recognized("id", "name", "sort", "defaultFlag")
STATUS_FIELDS = _recognized("id", "name", "sortOrder", "displayOnBoard", "inactive", "closedStatus")
COMPANY_FIELDS = _recognized("id", "identifier", "name", "phoneNumber", "deletedFlag", references=["status"])
CONTACT_FIELDS = _recognized("id", "firstName", "lastName", "inactiveFlag", references=["company"])
MEMBER_FIELDS = _recognized(
    "id", "identifier", "firstName", "lastName", "primaryEmail", "officeEmail", "mobileEmail", "homeEmail",
    "defaultEmail", "inactiveFlag", "licenseClass", "disableOnlineFlag",
)  # fmt: skip
CALLBACK_FIELDS = _recognized(
    "id", "description", "url", "objectId", "type", "level", "memberId", "inactiveFlag", "payloadVersion"
)
_NOTE_NAMES = ("id", "text", "detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag", "issueFlag")
NOTE_FIELDS = _recognized(*_NOTE_NAMES, "ticketId", "dateCreated", "createdBy", references=["member", "contact"])
ALL_NOTES_FIELDS = _recognized(
    *_NOTE_NAMES, "noteType", "originalAuthor", "bundledFlag", "mergedFlag",
    references=["ticket", "member", "contact"],
)  # fmt: skip


def unset(row: Row, names: Iterable[str], *, explicit_nulls: bool) -> Row:
    """Remove the `names` that are None, or with `explicit_nulls` set all missing ones to null."""
    if explicit_nulls:
        return row | {name: row.get(name) for name in names}
    absent = {name for name in names if row.get(name) is None}
    return {name: value for name, value in row.items() if name not in absent}


def info(at: str, by: str, **more: str) -> Row:
    """Return the `_info` of a record that was last changed `at` by `by`."""
    return {"lastUpdated": at, "updatedBy": by, **more}


def reference(kind: str, path: str, row: Row, *keys: str) -> Row:
    """Return a reference to `row` from another record: its `keys` and its address."""
    return {key: row[key] for key in keys} | {"_info": {f"{kind}_href": f"{path}/{row['id']}"}}


def board(board_id: int, name: str, *, project: bool, at: str) -> Row:
    """Return a service or project board."""
    return {
        "id": board_id,
        "name": name,
        "location": {"id": 1, "name": "Tampa Office"},
        "department": {"id": 10, "name": "Professional Services"},
        "inactiveFlag": False,
        "projectFlag": project,
        "billTime": "NoDefault",
        "_info": info(at, "zadmin"),
    }


def status(status_id: int, name: str, board_id: int, *, order: int, closed: bool, at: str) -> Row:
    """Return a status of a board; statuses use `inactive`, everything else `inactiveFlag`."""
    return {
        "id": status_id,
        "name": name,
        "board": {"id": board_id},
        "sortOrder": order,
        "displayOnBoard": True,
        "inactive": False,
        "closedStatus": closed,
        "timeEntryNotAllowed": False,
        "_info": info(at, "zadmin"),
    }


def ticket_type(type_id: int, name: str, board_id: int, at: str) -> Row:
    """Return a type that the tickets of a board can have."""
    return {
        "id": type_id,
        "name": name,
        "board": {"id": board_id},
        "inactiveFlag": False,
        "defaultFlag": False,
        "_info": info(at, "zadmin"),
    }


def company(company_id: int, name: str, identifier: str, at: str) -> Row:
    """Return an active company."""
    return {
        "id": company_id,
        "identifier": identifier,
        "name": name,
        "status": {"id": 1, "name": "Active"},
        "phoneNumber": "8135550103",
        "territory": {"id": 1, "name": "Tampa Office"},
        "leadFlag": False,
        "unsubscribeFlag": False,
        "deletedFlag": False,
        "mobileGuid": str(uuid.uuid5(NIL, f"company-{company_id}")),
        "_info": info(at, "zadmin"),
    }


def contact(contact_id: int, first: str, last: str | None, email: str | None, company: Row | None) -> Row:
    """Return a contact; the e-mail address is a communication item."""
    row: Row = {
        "id": contact_id,
        "firstName": first,
        "inactiveFlag": False,
        "marriedFlag": False,
        "childrenFlag": False,
        "unsubscribeFlag": False,
        "mobileGuid": str(uuid.uuid5(NIL, f"contact-{contact_id}")),
        "communicationItems": [],
        "types": [],
    }
    if last:
        row["lastName"] = last
    if company:
        row["company"] = {key: company[key] for key in ("id", "identifier", "name")}
    if email:
        row["communicationItems"].append(_email_item(contact_id, email))
    return row


def _email_item(contact_id: int, email: str) -> Row:
    return {
        "id": contact_id * 10,
        "type": {"id": 1, "name": "Email"},
        "value": email,
        "defaultFlag": True,
        "communicationType": "Email",
        "domain": "@" + email.partition("@")[2],
    }


def member(member_id: int, identifier: str, first: str, last: str, at: str, **fields: Any) -> Row:
    """Return a member; `fields` are more JSON keys, such as `primaryEmail`."""
    return {
        "id": member_id,
        "identifier": identifier,
        "firstName": first,
        "lastName": last,
        "defaultEmail": "Office",
        "defaultPhone": "Office",
        "inactiveFlag": False,
        "licenseClass": "F",
        "adminFlag": False,
        "disableOnlineFlag": False,
        "securityRole": {"id": 63, "name": "Admin"},
        "timeZone": {"id": 4, "name": "US Pacific"},
        "hireDate": "2020-01-01T08:00:00Z",
        "_info": info(at, "zadmin"),
    } | fields


def ticket(ticket_id: int, summary: str, *, project: bool, at: str, by: str, root: str) -> Row:
    """Return an open, unassigned ticket; `root` is the API address of the tenant."""
    module = "project" if project else "service"
    address = f"{root}/{module}/tickets/{ticket_id}"
    row: Row = {
        "id": ticket_id,
        "summary": summary,
        "allowAllClientsPortalView": False,
        "customerUpdatedFlag": False,
        "automaticEmailContactFlag": False,
        "automaticEmailResourceFlag": False,
        "automaticEmailCcFlag": False,
        "closedFlag": False,
        "actualHours": 0.0,
        "approved": True,
        "billTime": "NoDefault",
        "billExpenses": "Billable",
        "billProducts": "Billable",
        "mobileGuid": str(uuid.uuid5(NIL, f"ticket-{ticket_id}")),
        "_info": info(at, by, dateEntered=at, enteredBy=by, notes_href=f"{address}/notes"),
    }
    if project:
        phase = {"id": 1, "name": "Planning", "_info": {"phase_href": f"{root}/project/projects/1/phases/1"}}
        return row | {"isIssueFlag": False, "wbsCode": "1.1", "phase": phase}
    service = {"severity": "Medium", "impact": "Medium", "hasChildTicket": False, "isInSla": False}
    return row | service | {"recordType": "ServiceTicket"}


def note(note_id: int, kind: str, ticket: Row, *, at: str, by: str, sort_at: str, root: str) -> Row:
    """Return a note as `allNotes` lists it; the caller sets flags, text and author."""
    return {
        "id": note_id,
        "noteType": kind,
        "ticket": reference("ticket", f"{root}/service/tickets", ticket, "id", "summary"),
        "isMarkdownFlag": False,
        "detailDescriptionFlag": False,
        "internalAnalysisFlag": False,
        "resolutionFlag": False,
        "bundledFlag": False,
        "mergedFlag": False,
        "issueFlag": False,
        "createdByParentFlag": False,
        "_info": info(at, by, dateEntered=at, enteredBy=by, sortByDate=sort_at),
    }


def service_note(row: Row) -> Row:
    """Return the same note as `notes` lists it, with other keys; time entries are not listed there."""
    kept = ("id", "text", "detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag", "issueFlag",
            "member", "contact")  # fmt: skip
    entered = row["_info"]
    return {key: row[key] for key in kept if key in row} | {
        "ticketId": row["ticket"]["id"],
        "dateCreated": entered["dateEntered"],
        "createdBy": entered["enteredBy"],
        "internalFlag": row["internalAnalysisFlag"],
        "externalFlag": not row["internalAnalysisFlag"],
        "_info": info(entered["lastUpdated"], entered["updatedBy"]),
    }


def callback(callback_id: int, fields: Row, at: str, member_id: int) -> Row:
    """Return a callback entry as the response to its registration shows it."""
    return {
        "id": callback_id,
        "description": fields.get("description") or "",
        "url": fields["url"],
        "objectId": fields.get("objectId") or 1,  # 0 comes back as 1
        "type": fields["type"],
        "level": fields["level"],
        "memberId": member_id,
        "payloadVersion": fields.get("payloadVersion") or "3.0.0",
        "inactiveFlag": bool(fields.get("inactiveFlag")),
        "isSoapCallbackFlag": False,
        "isSelfSuppressedFlag": bool(fields.get("isSelfSuppressedFlag")),
        "connectWiseID": str(uuid.uuid5(NIL, f"callback-{callback_id}")),
        "_info": info(at, "apimember"),
    }
