"""Read tickets and what belongs to them from ConnectWise PSA, and keep the callback registered there."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

import msgspec

from ticketbot import errors
from ticketbot.connectwise import query_conditions, rate_limit, records
from ticketbot.remote import http_service, json_values

T = TypeVar("T")

LABEL = "ConnectWise"
NAME = "connectwise"
# Pinned, so that a new release of ConnectWise cannot change the names we read; a version is kept for
# about a year after it was superseded, and what is added to it does not matter to us.
ACCEPT = "application/vnd.connectwise.com+json; version=2025.1"
LARGEST_PAGE = 1000
TICKETS_PER_CALL = 100  # that many ids of ten digits fit into one address

TICKET_FIELDS = (
    "id,summary,recordType,board/id,board/name,status/id,status/name,company/id,company/name,contact/id,"
    "contact/name,contactName,owner/id,owner/identifier,owner/name,resources,closedFlag,priority/id,"
    "priority/name,priority/sort,type/id,type/name,subType/id,subType/name,item/id,item/name,source/id,source/name,"
    "_info/lastUpdated,_info/updatedBy,_info/dateEntered"
)
SERVICE_FIELDS = "severity,impact"  # project tickets have none
NOTE_FIELDS = (
    "id,noteType,ticket/id,text,detailDescriptionFlag,internalAnalysisFlag,resolutionFlag,isMarkdownFlag,originalAuthor,"
    "member/id,member/identifier,member/name,contact/id,contact/name,timeStart,_info/lastUpdated,"
    "_info/dateEntered,_info/enteredBy,_info/sortByDate"
)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list, and whether another follows.

    `last_id` is that of its last row, wanted or not; `served_at` what ConnectWise's clock said, in whole seconds;
    `is_ordered` whether ConnectWise accepted the order that the list was asked for.
    """

    number: int
    items: tuple[T, ...]
    has_next: bool
    last_id: int = 0
    served_at: datetime | None = None
    is_ordered: bool = True


class _Rows(NamedTuple):
    rows: list[json_values.JsonObject]
    has_next: bool
    served_at: datetime | None
    is_ordered: bool = True


class ConnectWise:
    """A client of ConnectWise; any number of threads may share one.

    Every method raises a `RemoteError` and nothing else. It never tries again and never sleeps, but for
    the turn that `limit` gives. Timeouts are seconds; `now` is for a Retry-After that is a date; `on_date` is told the
    time on ConnectWise's clock.
    """

    def __init__(
        self,
        *,
        url: str,
        company: str,
        public_key: str,
        private_key: str,
        client_id: str,
        codebase: str = "v4_6_release",
        limit: rate_limit.RateLimiter | None = None,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 20.0,
        on_call: http_service.OnCall = http_service.ignore_call,
        now: Callable[[], datetime] = http_service.utc_now,
        on_date: Callable[[datetime], object] = lambda _: None,
    ) -> None:
        credentials = base64.b64encode(f"{company}+{public_key}:{private_key}".encode()).decode()
        self._service = http_service.HttpService(
            NAME,
            LABEL,
            f"{url.rstrip('/')}/{codebase.strip('/')}/apis/3.0",
            headers={"Authorization": f"Basic {credentials}", "clientId": client_id, "Accept": ACCEPT},
            secrets=(credentials, private_key, public_key, client_id),
            refusal=_refusal,
            tracking_header="x-cw-request-id",
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            on_call=on_call,
            now=now,
            on_date=on_date,
        )
        self._limit = limit or rate_limit.RateLimiter(0)
        self._background = False

    def close(self) -> None:
        """Close the connections that are kept."""
        self._service.close()

    def has_answered_within(self, seconds: float) -> bool:
        """Return whether a call has succeeded lately, or the client is new."""
        return self._service.has_answered_within(seconds)

    def in_background(self) -> ConnectWise:
        """Return the same client for a sync, whose calls stand back behind those of events."""
        other = copy.copy(self)
        other._background = True
        return other

    def ticket(self, ticket_id: int, *, project: bool = False) -> records.Ticket:
        """Return the ticket; RemoteGone when there is none of this kind with this id."""
        answer = self._call("ticket", "GET", f"/{_module(project)}/tickets/{ticket_id}")
        return records.ticket(self._record(answer), project=project, served_at=answer.served_at)

    def notes(
        self, ticket_id: int, *, project: bool = False, page: int = 1, page_size: int = 100
    ) -> Page[records.Note]:
        """Return a page of the ticket's notes: discussion, internal, resolution, time entries.

        They are asked for by when they were entered, newest first: `sortByDate` would put a time entry where its work
        began. That ConnectWise keeps to this order is for the caller to check. Versions without `allNotes` are asked
        for `notes`, which leave out time entries.
        """
        path = f"/{_module(project)}/tickets/{ticket_id}"
        query: dict[str, str | int] = {"page": page, "pageSize": page_size}
        try:
            found = self._all_notes(path, query)
        except (errors.RemoteDenied, errors.RemoteRefused) as error:
            if error.status not in (404, 405):
                raise
            found = self._page("notes", f"{path}/notes", {"orderBy": "id desc", **query})
        notes = tuple(records.note(row, ticket_id) for row in found.rows)
        return Page(page, notes, found.has_next, is_ordered=found.is_ordered)

    def _all_notes(self, path: str, query: Mapping[str, str | int]) -> _Rows:
        path, query = f"{path}/allNotes", {"fields": NOTE_FIELDS, **query}
        try:
            return self._page("notes", path, {"orderBy": "_info/dateEntered desc", **query})
        except errors.RemoteRefused as error:
            if error.status != 400:
                raise
            # Public clients sort by `sortByDate`; that any other key works is documented nowhere.
            found = self._page("notes", path, {"orderBy": "_info/sortByDate desc", **query})
            return found._replace(is_ordered=False)

    def tickets(
        self,
        *,
        project: bool = False,
        board_ids: Iterable[int] | None = None,
        open_only: bool = False,
        updated_after: datetime | None = None,
        page_size: int = LARGEST_PAGE,
        after_id: int = 0,
        only: str | None = None,
    ) -> Iterator[Page[records.Ticket]]:
        """Yield the tickets by id, page by page; after a failure continue with `after_id`, the `last_id` of a page.

        `board_ids` None means all boards. `updated_after` includes the second it names. `only` lists the fields to ask
        for (default: all we know), `board/id` among them where `board_ids` are given. Each page is asked for by the id
        before it, not by its number: tickets that leave the list meanwhile move no other out of sight.
        """
        boards = None if board_ids is None else frozenset(board_ids)
        if boards is not None and not boards:
            return
        path, number, has_next = f"/{_module(project)}/tickets", 1, True
        fields = only or _ticket_fields(project=project)
        query: dict[str, str | int] = {"orderBy": "id", "pageSize": page_size, "fields": fields, "page": 1}
        while has_next:
            if conditions := query_conditions.ticket_conditions(boards, open_only, updated_after, after_id):
                query["conditions"] = conditions
            rows, has_next, served_at, _ = self._page("tickets", path, query)
            if rows and min(row["id"] for row in rows) <= after_id:
                raise errors.RemoteUnavailable(f"{LABEL}: {path} gives the same page again and again", service=NAME)
            after_id = rows[-1]["id"] if rows else after_id
            found = (records.ticket(row, project=project) for row in rows)
            wanted = tuple(ticket for ticket in found if boards is None or query_conditions.is_on_board(ticket, boards))
            yield Page(number, wanted, has_next and bool(rows), after_id, served_at)
            number, has_next = number + 1, has_next and bool(rows)

    def tickets_by_id(self, ids: Sequence[int], *, project: bool = False) -> list[records.Ticket]:
        """Return those of at most TICKETS_PER_CALL tickets that there are, open or closed, with one call."""
        fields = _ticket_fields(project=project)
        query: dict[str, str | int] = {"orderBy": "id", "pageSize": LARGEST_PAGE, "fields": fields, "page": 1}
        query["conditions"] = f"id in ({','.join(str(id_) for id_ in ids)})"
        rows = self._page("tickets", f"/{_module(project)}/tickets", query).rows
        return [records.ticket(row, project=project) for row in rows if row["id"] in ids]

    def boards(self) -> list[records.Board]:
        """Return all boards, inactive ones too."""
        return [records.board(row) for row in self._get_all("boards", "/service/boards")]

    def statuses(self, board_id: int) -> list[records.Status]:
        """Return the statuses of a board."""
        path = f"/service/boards/{board_id}/statuses"
        return [records.status(row, board_id) for row in self._get_all("statuses", path)]

    def types(self, board_id: int) -> list[records.Named]:
        """Return the types that tickets of a board can have."""
        return [records.named(row) for row in self._get_all("types", f"/service/boards/{board_id}/types")]

    def priorities(self) -> list[records.Named]:
        """Return the priorities of tickets."""
        return [records.named(row) for row in self._get_all("priorities", "/service/priorities")]

    def members(self) -> list[records.Member]:
        """Return all members, inactive ones and API members too."""
        return [records.member(row) for row in self._get_all("members", "/system/members")]

    def members_by_identifier(self, identifiers: Iterable[str]) -> list[records.Member]:
        """Return the members with these identifiers, case ignored; unknown ones are left out."""
        wanted = {name.casefold(): name for name in identifiers if 0 < len(name) <= query_conditions.LONGEST_IDENTIFIER}
        if any(not name.isprintable() or query_conditions.UNQUOTABLE.intersection(name) for name in wanted.values()):
            found = self.members()
        else:
            found = [
                records.member(row)
                for conditions in query_conditions.identifier_conditions(list(wanted.values()))
                for row in self._get_all("members", "/system/members", {"conditions": conditions})
            ]
        # Looked at again, because a condition that ConnectWise does not like may be left out in silence.
        return [member for member in found if member.identifier.casefold() in wanted]

    def callbacks(self) -> list[records.Callback]:
        """Return all registrations for webhooks, ours and others'."""
        return [records.callback(row) for row in self._get_all("callbacks", "/system/callbacks")]

    def create_callback(self, url: str) -> records.Callback:
        """Register `url` for every ticket of the system (level `owner`)."""
        body = {"url": url, "objectId": 1, "type": "ticket", "level": "owner", "description": "Ticketbot"}
        return records.callback(self._get_record("create_callback", "/system/callbacks", "POST", body))

    def update_callback(self, callback_id: int, *, inactive: bool) -> records.Callback:
        """Switch a registration on or off."""
        body = [{"op": "replace", "path": "inactiveFlag", "value": inactive}]
        return records.callback(self._get_record("update_callback", f"/system/callbacks/{callback_id}", "PATCH", body))

    def delete_callback(self, callback_id: int) -> None:
        """Remove a registration; RemoteGone when there is none."""
        self._call("delete_callback", "DELETE", f"/system/callbacks/{callback_id}")

    def info(self) -> records.SystemInfo:
        """Return version and clock: the cheapest question that needs valid credentials."""
        answer = self._call("info", "GET", "/system/info")
        version = answer.body.get("version") if isinstance(answer.body, Mapping) else None
        return records.SystemInfo(json_values.text(version), answer.served_at)

    def _call(
        self,
        operation: str,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
    ) -> http_service.HttpResponse:
        self._limit.acquire(background=self._background)
        return self._service.call(method, path, operation=operation, query=query, body=body)

    def _get_record(
        self, operation: str, path: str, method: str = "GET", body: object = None
    ) -> json_values.JsonObject:
        return self._record(self._call(operation, method, path, body=body))

    def _record(self, answer: http_service.HttpResponse) -> json_values.JsonObject:
        for row in json_values.rows([answer.body]):
            return row
        raise self._service.unusable(answer, "not with a record that has an id")

    def _page(self, operation: str, path: str, query: Mapping[str, str | int]) -> _Rows:
        answer = self._call(operation, "GET", path, query)
        if not isinstance(answer.body, list):
            raise self._service.unusable(answer, "not with a list")
        # The link names an absolute address, often another host's or codebase's: only that there is
        # one is taken from it. Without any Link header a full page may be followed by another.
        full = len(answer.body) >= int(query["pageSize"])
        has_next = full if "Link" not in answer.headers else answer.next_link is not None
        return _Rows(list(json_values.rows(answer.body)), has_next, answer.served_at)

    def _pages(
        self, operation: str, path: str, query: Mapping[str, str | int]
    ) -> Iterator[Page[json_values.JsonObject]]:
        number, has_next = 1, True
        before: list[json_values.JsonObject] | None = None
        while has_next:
            rows, has_next, *_ = self._page(operation, path, {**query, "page": number})
            if rows == before:
                raise errors.RemoteUnavailable(f"{LABEL}: {path} gives the same page again and again", service=NAME)
            yield Page(number, tuple(rows), has_next)
            number, before = number + 1, rows

    def _get_all(
        self, operation: str, path: str, query: Mapping[str, str | int] | None = None
    ) -> Iterator[json_values.JsonObject]:
        query = {"orderBy": "id", "pageSize": LARGEST_PAGE, **(query or {})}
        return (row for page in self._pages(operation, path, query) for row in page.items)


def _refusal(problem: http_service.Problem) -> type[errors.RemoteError]:
    """Tell the meanings of a 404 apart: the record, the endpoint, or the whole address.

    Only the code `NotFound` speaks of the record. `ConnectWiseApi` says that the endpoint does not exist,
    which is what a security role without the permission sees. Anything else comes from something in
    front of the API, or from a codebase that has changed.
    """
    if problem.status == 403:
        return errors.RemoteDenied
    if problem.status != 404:
        return errors.RemoteRefused
    code = (problem.code or "").lower()
    by_code = {"notfound": errors.RemoteGone, "connectwiseapi": errors.RemoteDenied}
    return by_code.get(code, errors.RemoteUnavailable)


def _ticket_fields(*, project: bool) -> str:
    return TICKET_FIELDS if project else f"{TICKET_FIELDS},{SERVICE_FIELDS}"


def _module(project: bool) -> str:
    return "project" if project else "service"
