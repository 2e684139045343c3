"""The REST API of a simulated ConnectWise tenant, with the responses and the quirks of the real one."""

from __future__ import annotations

import base64
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import bottle
import msgspec

from ticketbot.simulators import (
    conditions,
    connectwise_payloads,
    http_server,
    middleware,
    paging,
    webhook_subscriptions,
)
from ticketbot.simulators.connectwise import ConnectWise, Module
from ticketbot.simulators.connectwise_errors import ApiError, ThrottledError, invalid

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Row = dict[str, Any]
_Endpoint = tuple[str, str, Callable[..., Any]]  # method, path, handler

VERSION = "v2025.1"
ALIAS = "v4_6_release"  # the codebase that every cloud site accepts besides its own
_API = "/<codebase>/apis/3.0"
_TICKET = "/<module:re:service|project>/tickets"
_NOT_HTML = b"<html><head><title>404 - File or directory not found.</title></head></html>"


class Created(NamedTuple):
    """A created record, answered with 201."""

    row: Row


def serve(
    system: ConnectWise, host: str = "127.0.0.1", port: int = 0, *, control: WSGIApplication | None = None
) -> http_server.Running:
    """Serve `system` and set its address; `control` serves the paths below `/_sim/`."""
    running = http_server.serve(app(system, control), host, port)
    system.serve_at(running.url)
    return running


def app(system: ConnectWise, control: WSGIApplication | None = None) -> WSGIApplication:
    """Return the WSGI application with its middleware; `control` serves the paths below `/_sim/`."""
    api = _Api(system)
    routes = bottle.Bottle()
    routes.default_error_handler = _unknown_endpoint
    for method, path, handler in api.routes():
        routes.route(path, method, handler)
    return middleware.with_normalized_paths(middleware.guard(routes, system, control))


def _unknown_endpoint(error: Any) -> str:
    bottle.response.content_type = "application/json"
    body = {"code": "ConnectWiseApi", "message": "The endpoint does not exist.", "errors": None}
    return msgspec.json.encode(body if error.status_code == 404 else body | {"message": error.status}).decode()


def _query() -> dict[str, str]:
    return dict(parse_qsl(bottle.request.environ["QUERY_STRING"], keep_blank_values=True))


class _Api:
    """The handlers; each returns a row, a list, or raises ApiError."""

    def __init__(self, system: ConnectWise) -> None:
        self._system = system
        self._call_times: deque[float] = deque()
        self._rate_lock = threading.Lock()

    def routes(self) -> Iterable[_Endpoint]:
        """Yield method, path and handler of every endpoint."""
        endpoints: list[_Endpoint] = [
            ("GET", _TICKET, self.tickets),
            ("GET", f"{_TICKET}/count", self.ticket_count),
            ("GET", f"{_TICKET}/<ticket_id:int>", self.ticket),
            ("GET", f"{_TICKET}/<ticket_id:int>/notes", self.notes),
            ("GET", f"{_TICKET}/<ticket_id:int>/notes/count", self.note_count),
            ("GET", f"{_TICKET}/<ticket_id:int>/allNotes", self.all_notes),
            ("GET", "/service/boards/<board_id:int>/statuses", self.statuses),
            ("GET", "/service/boards/<board_id:int>/types", self.types),
            ("GET", "/company/contacts/<contact_id:int>/communications", self.communications),
            ("GET", "/system/info", self.info),
            ("POST", "/system/callbacks", self.register),
            ("PUT", "/system/callbacks/<row_id:int>", self.replace_callback),
            ("PATCH", "/system/callbacks/<row_id:int>", self.patch_callback),
            ("DELETE", "/system/callbacks/<row_id:int>", self.delete_callback),
            *self._plain_routes(),
        ]
        for method, path, handler in endpoints:
            yield method, _API + path, self._guarded(handler)
        yield "GET", "/login/companyinfo/<company>", self.company_info
        yield "GET", "/<codebase>/system/callbackkey/index.rails", self.signing_key

    def _plain_routes(self) -> Iterable[_Endpoint]:
        """Yield list, count and single GET of the tables without special rules."""
        system = self._system
        for path, noun, table, fields in (
            ("/service/boards", "Board", lambda: system.boards, connectwise_payloads.BOARD_FIELDS),
            ("/service/priorities", "Priority", lambda: system.priorities, connectwise_payloads.PRIORITY_FIELDS),
            ("/company/companies", "company", lambda: system.companies, connectwise_payloads.COMPANY_FIELDS),
            ("/company/contacts", "Contact", lambda: system.contacts, connectwise_payloads.CONTACT_FIELDS),
            ("/system/members", "Member", lambda: system.members, connectwise_payloads.MEMBER_FIELDS),
            ("/system/callbacks", "Callback", lambda: system.callbacks.entries, connectwise_payloads.CALLBACK_FIELDS),
        ):
            plain = _Table(self, noun, table, fields)
            yield "GET", path, plain.page
            yield "GET", f"{path}/count", plain.count
            yield "GET", f"{path}/<row_id:int>", plain.get

    def _guarded(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        """Check the credentials, run the handler, and return its result or error as ConnectWise does."""

        def guarded(codebase: str, **arguments: Any) -> Any:
            if codebase not in {ALIAS, self._system.callbacks.codebase}:
                return bottle.HTTPResponse(_NOT_HTML, 404)
            try:
                self._check_credentials()
                self._check_rate()
                result = handler(**arguments)
            except ThrottledError as error:
                return _response(error.body, 429, **{"Retry-After": str(error.retry_after_s)})
            except ApiError as error:
                return _response(error.body, error.status)
            except ValueError as error:
                return _response({"code": "InvalidArgument", "message": str(error), "errors": None}, 400)
            if isinstance(result, Created):
                return _response(result.row, 201)
            if isinstance(result, paging.Listed):
                return _response(result.rows, 200, result.link)
            return _response(result, 200) if result is not None else bottle.HTTPResponse(status=204)

        return guarded

    def _check_credentials(self) -> None:
        system, headers = self._system, bottle.request.headers
        pair = f"{system.company}+{system.public_key}:{system.private_key}"
        expected = "Basic " + base64.b64encode(pair.encode()).decode()
        if headers.get("Authorization") != expected or headers.get("clientId") != system.client_id:
            raise ApiError(401, "Unauthorized", "Please make sure that your credentials are correct.")

    def _check_rate(self) -> None:
        """Raise if the last minute has reached the limit; refused calls do not count."""
        limit, now_s = self._system.calls_per_minute, time.monotonic()
        with self._rate_lock:
            while self._call_times and self._call_times[0] <= now_s - 60:
                self._call_times.popleft()
            if limit is not None and len(self._call_times) >= limit:
                raise ThrottledError(math.ceil(self._call_times[0] + 60 - now_s) if self._call_times else 60)
            self._call_times.append(now_s)

    def page(self, found: Iterable[Row], fields: dict[str, str]) -> paging.Listed:
        """Answer a list request; conditions, order, page and fields are in the query string."""
        query, path = _query(), bottle.request.environ["PATH_INFO"]
        if self._system.note_order and path.endswith("/allNotes"):
            query["orderBy"] = self._system.note_order
        url = (self._system.link_url or f"http://{bottle.request.headers['Host']}") + path
        if bottle.request.headers.get("pagination-type", "").lower() == "forward-only":
            if query.get("orderBy"):
                raise ApiError(400, "InvalidArgument", "orderBy is not allowed with forward-only paging.")
            selected = self.select(sorted(found, key=itemgetter("id")), fields)
            result = paging.forward_page(selected, query, url)
        else:
            result = paging.page(self.select(found, fields), query, url)
        return result._replace(rows=paging.project(result.rows, query.get("fields", "")))

    def select(self, found: Iterable[Row], fields: dict[str, str]) -> Iterable[Row]:
        """Return the rows that match the `conditions` of the query string."""
        try:
            return paging.select(found, _query().get("conditions", ""), fields)
        except conditions.ConditionError as error:
            raise ApiError(400, "ApiFindCondition", str(error)) from None

    def count(self, found: Iterable[Row], fields: dict[str, str]) -> Row:
        """Answer a count request."""
        return {"count": sum(1 for _ in self.select(found, fields))}

    def info(self) -> Row:
        return {"version": VERSION}

    # Tickets

    def tickets(self, module: Module) -> paging.Listed:
        return self.page(self._system.tickets(module), connectwise_payloads.TICKET_FIELDS)

    def ticket_count(self, module: Module) -> Row:
        return self.count(self._system.tickets(module), connectwise_payloads.TICKET_FIELDS)

    def ticket(self, module: Module, ticket_id: int) -> Row:
        found = self._system.find_ticket(module, ticket_id)
        if not found:
            noun = "Project Ticket" if module == "project" else "Ticket"
            raise ApiError(404, "NotFound", f"{noun} {ticket_id} not found")
        return paging.project([found], _query().get("fields", ""))[0]

    def notes(self, module: Module, ticket_id: int) -> paging.Listed:
        return self.page(self._service_notes(module, ticket_id), connectwise_payloads.NOTE_FIELDS)

    def note_count(self, module: Module, ticket_id: int) -> Row:
        return self.count(self._service_notes(module, ticket_id), connectwise_payloads.NOTE_FIELDS)

    def all_notes(self, module: Module, ticket_id: int) -> paging.Listed:
        self.ticket(module, ticket_id)
        return self.page(self._system.all_notes(ticket_id), connectwise_payloads.ALL_NOTES_FIELDS)

    def _service_notes(self, module: Module, ticket_id: int) -> list[Row]:
        self.ticket(module, ticket_id)
        notes = self._system.notes(ticket_id)
        return [connectwise_payloads.service_note(note) for note in notes if note["noteType"] == "TicketNote"]

    # Boards and contacts

    def statuses(self, board_id: int) -> paging.Listed:
        return self._of_board(board_id, self._system.statuses, connectwise_payloads.STATUS_FIELDS)

    def types(self, board_id: int) -> paging.Listed:
        return self._of_board(board_id, self._system.types, connectwise_payloads.TYPE_FIELDS)

    def _of_board(self, board_id: int, rows: dict[int, Row], fields: dict[str, str]) -> paging.Listed:
        if board_id not in self._system.boards:
            raise ApiError(404, "NotFound", f"Board {board_id} not found")
        return self.page([row for row in list(rows.values()) if row["board"]["id"] == board_id], fields)

    def communications(self, contact_id: int) -> list[Row]:
        contact = self._system.contacts.get(contact_id)
        if not contact:
            raise ApiError(404, "NotFound", f"Contact {contact_id} not found")
        return list(contact["communicationItems"])

    # Callbacks

    def register(self) -> Created:
        fields = {"objectId": 1, **_json_body(dict)}
        _check_callback(fields)
        same = ("type", "level", "objectId", "url")
        if any(all(entry[key] == fields[key] for key in same) for entry in self._entries().values()):
            raise invalid("ObjectExists", "objectId", "A matching callback entry already exists")
        system = self._system
        return Created(system.callbacks.add(system.next_id("callback"), fields, system.api_member_id))

    def replace_callback(self, row_id: int) -> Row:
        fields = _json_body(dict)
        self._entry(row_id)
        _check_callback(fields)
        return self._system.callbacks.change(row_id, {k: v for k, v in fields.items() if k != "id"})

    def patch_callback(self, row_id: int) -> Row:
        self._entry(row_id)
        changes = {step["path"].strip("/"): step["value"] for step in _json_body(list)}
        return self._system.callbacks.change(row_id, changes)

    def delete_callback(self, row_id: int) -> None:
        self._entry(row_id)
        del self._entries()[row_id]

    def _entries(self) -> dict[int, Row]:
        return self._system.callbacks.entries

    def _entry(self, row_id: int) -> Row:
        if row_id not in self._entries():
            raise ApiError(404, "NotFound", f"Callback {row_id} not found")
        return self._entries()[row_id]

    # Without credentials

    def company_info(self, company: str) -> Any:
        """Answer with the codebase of a company; `null` for an unknown company."""
        if company.lower() != self._system.company.lower():
            return _response(None, 200)
        info = {"CompanyName": company, "Codebase": f"{self._system.callbacks.codebase}/", "IsCloud": True,
                "VersionCode": VERSION, "VersionNumber": "v4.6.94812", "CompanyID": company}  # fmt: skip
        return _response(info, 200)

    def signing_key(self, codebase: str) -> Any:  # noqa: ARG002 - any codebase serves the key
        """Answer with the key that signs the webhooks of a tenant."""
        query = _query()
        key = self._system.callbacks.key_of(query.get("companyName", ""), query.get("id", ""))
        return _response({"signing_key": key}, 200) if key else bottle.HTTPResponse(_NOT_HTML, 404)


@dataclass(frozen=True)
class _Table:
    """List, count and single GET of one table."""

    api: _Api
    noun: str
    table: Callable[[], dict[int, Row]]
    fields: dict[str, str]

    def page(self) -> paging.Listed:
        return self.api.page(list(self.table().values()), self.fields)

    def count(self) -> Row:
        return self.api.count(list(self.table().values()), self.fields)

    def get(self, row_id: int) -> Row:
        row = self.table().get(row_id)
        if not row:
            raise ApiError(404, "NotFound", f"{self.noun} {row_id} not found")
        return paging.project([row], _query().get("fields", ""))[0]


def _response(body: Any, status: int, link: str | None = None, **more: str) -> Any:
    headers = more | {
        "Content-Type": "application/json; charset=utf-8",
        "api-current-version": VERSION.lstrip("v"),
        "x-cw-request-id": str(uuid.uuid4()),
        "x-server-name": "simulator",
    }
    if link is not None:
        headers["Link"] = link
    return bottle.HTTPResponse(msgspec.json.encode(body), status, headers)


def _json_body(kind: type) -> Any:
    try:
        return msgspec.json.decode(bottle.request.body.read(), type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ApiError(400, "InvalidObject", str(error)) from None


def _check_callback(fields: Row) -> None:
    for name in ("url", "type", "level"):
        if not fields.get(name):
            raise invalid("MissingRequiredField", name, f"The {name} field is required.")
    if not str(fields["url"]).startswith(("http://", "https://")):
        raise invalid("InvalidField", "url", "The url is invalid.")
    if (
        fields["level"].lower() not in webhook_subscriptions.LEVELS
        or fields["type"].lower() not in webhook_subscriptions.TYPES
    ):
        raise invalid("InvalidObject", "level", "The level is invalid for this type.")
