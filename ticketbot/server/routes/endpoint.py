"""Serve an operation over HTTP: check the key, read path, query and body, call the function, write the answer."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import bottle
import msgspec
import peewee

from ticketbot import errors
from ticketbot.api import requests, validation
from ticketbot.database import db
from ticketbot.server import application, authentication, operations

MAX_BODY = 1024 * 1024

# In a query a plus that nobody escaped has become a space: `2026-03-01T09:00:00+01:00`.
_LOST_PLUS = re.compile(r"([0-9]T[0-9:.]+) ([0-9]{2}:[0-9]{2})")


def serve(app: bottle.Bottle, operation: operations.Operation, services: operations.Services) -> None:
    """Add the route of an operation to the application."""

    def handle(**ids: str) -> bottle.HTTPResponse:
        caller = services.authenticator.authenticate(
            bottle.request.environ, needs=operation.scope, is_change=operation.method != "GET"
        )
        arguments: dict[str, Any] = {name: read_id(text) for name, text in ids.items()}
        for name, read in readers.items():
            arguments[name] = read()
        return _respond(operation, arguments, caller, services)

    readers = _readers(operation)
    # An id is digits and nothing else, so that `/users/me` is no user and has none of the methods of one.
    app.route(re.sub(r"{(\w+)}", r"<\1:re:[0-9]+>", operation.path), operation.method, handle)


def _readers(operation: operations.Operation) -> Mapping[str, Callable[[], Any]]:
    """Return how the query and the body of an operation are read."""
    query, body = operation.types.get("query"), operation.types.get("body")
    readers: dict[str, Callable[[], Any]] = {}
    if query is not None:
        readers["query"] = lambda: validation.read(query, _query(), is_text=True)
    if body is not None:
        readers["body"] = lambda: validation.read(body, _body(may_be_empty=operation.takes_empty_body))
    if body is operations.Toml:
        readers["body"] = _text
    return readers


def perform(
    operation: operations.Operation,
    arguments: Mapping[str, Any],
    caller: authentication.Caller,
    services: operations.Services,
) -> Any:
    """Run an operation of the present request with valid arguments for whoever calls; raises `errors`."""
    if operation.method != "GET":
        caller = services.authenticator.located(caller, bottle.request.environ)
    injected = {"caller": caller, "services": services}
    needed = {name: value for name, value in injected.items() if name in operation.types}
    try:
        with db.session() if operation.has_session else contextlib.nullcontext():
            return operation.run(**arguments, **needed)
    except peewee.IntegrityError:
        raise errors.Conflict("This was changed concurrently. Retry the request") from None


def _respond(
    operation: operations.Operation,
    arguments: Mapping[str, Any],
    caller: authentication.Caller,
    services: operations.Services,
) -> bottle.HTTPResponse:
    try:
        result = perform(operation, arguments, caller, services)
    except errors.RemoteError as error:
        more = {"tracking_id": error.tracking_id} if error.tracking_id else {}
        return application.problem(error.http_status, error.title, str(error), **more)
    if result is None:
        return bottle.HTTPResponse(b"", operation.status)
    if isinstance(result, operations.Listing):
        return _respond_list(result, arguments["query"])
    if operation.types["return"] is operations.Toml:
        return bottle.HTTPResponse(result.encode(), operation.status, {"Content-Type": application.TOML})
    return application.json_answer(result, operation.status)


def _respond_list(result: operations.Listing[Any], page: requests.Page) -> bottle.HTTPResponse:
    response = application.json_answer(result.rows)
    if result.more:
        query = urlencode({**_query(), "limit": page.limit, "after": result.rows[-1].id})
        # Relative to the address of the request: what that was, only a header says, and anybody may send one.
        response.set_header("Link", f'<{bottle.request.path}?{query}>; rel="next"')
    return response


def read_id(text: str) -> int:
    """Return an id from a path, which is digits; raises `NotFound` for what no row can have."""
    if len(text) > 19 or int(text) > requests.LARGEST_ID:
        raise errors.NotFound(f"There is no object with the id {text[:40]}")
    return int(text)


def _query() -> dict[str, str | list[str]]:
    """Return the values of the query by name; of a name that is repeated, which is always wrong, a list."""
    # WSGI hands bytes over as latin-1.
    text = bottle.request.query_string.encode("latin-1", "replace").decode("utf-8", "replace")
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        values.setdefault(name, []).append(_LOST_PLUS.sub(r"\1+\2", value))
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _text() -> str:
    """Return a body that is no JSON, whatever its type says: curl sends files as forms."""
    try:
        return bytes(bottle.request.environ["wsgi.input"].read(_length())).decode()
    except UnicodeDecodeError:
        raise errors.Unreadable("The body is not UTF-8") from None


def _length() -> int:
    length: int = max(bottle.request.content_length, 0)
    if length > MAX_BODY:
        raise errors.TooLarge("A body has at most 1 MiB")
    return length


def _body(*, may_be_empty: bool) -> Mapping[str, Any]:
    length = _length()
    if length == 0 and may_be_empty:
        return {}
    kind = bottle.request.content_type.partition(";")[0].strip().lower()
    if kind not in ("application/json", ""):
        raise errors.Unreadable(f"The body must be application/json, not {kind[:80]}")
    try:
        body = msgspec.json.decode(bottle.request.environ["wsgi.input"].read(length))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise errors.Unreadable("The body is not JSON") from None
    if not isinstance(body, dict):
        raise errors.Unreadable("The body is not a JSON object")
    return body
