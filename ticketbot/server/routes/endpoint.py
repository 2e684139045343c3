"""Serve an operation over HTTP: check the key, read path, query and body, call the function, write the answer."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

import bottle
import msgspec
import peewee

from ticketbot import errors
from ticketbot.api import requests
from ticketbot.database import db
from ticketbot.server import application, operations

MAX_BODY = 1024 * 1024

T = TypeVar("T")

# In a query a plus that nobody escaped has become a space: `2026-03-01T09:00:00+01:00`.
_LOST_PLUS = re.compile(r"([0-9]T[0-9:.]+) ([0-9]{2}:[0-9]{2})")

_BOUND = re.compile(r"Expected `(?P<kind>int|str)`(?: of length)? (?P<side>>=|<=) (?P<limit>-?[0-9]+)")


def serve(app: bottle.Bottle, operation: operations.Operation, services: operations.Services) -> None:
    """Add the route of an operation to the application."""

    def handle(**ids: str) -> bottle.HTTPResponse:
        caller = services.authenticator.authenticate(bottle.request.environ, is_change=operation.method != "GET")
        arguments: dict[str, Any] = {name: read_id(text) for name, text in ids.items()}
        for name, read in readers.items():
            arguments[name] = read()
        injected = {"caller": caller, "services": services}
        arguments |= {name: value for name, value in injected.items() if name in operation.types}
        return _respond(operation, arguments)

    readers = _readers(operation)
    # An id is digits and nothing else, so that `/users/me` is no user and has none of the methods of one.
    app.route(re.sub(r"{(\w+)}", r"<\1:re:[0-9]+>", operation.path), operation.method, handle)


def _readers(operation: operations.Operation) -> Mapping[str, Callable[[], Any]]:
    """Return how the query and the body of an operation are read."""
    query, body = operation.types.get("query"), operation.types.get("body")
    readers: dict[str, Callable[[], Any]] = {}
    if query is not None:
        readers["query"] = lambda: read(query, _query(), is_text=True)
    if body is not None:
        readers["body"] = lambda: read(body, _body(may_be_empty=operation.takes_empty_body))
    return readers


def _respond(operation: operations.Operation, arguments: Mapping[str, Any]) -> bottle.HTTPResponse:
    try:
        with db.session() if operation.has_session else contextlib.nullcontext():
            result = operation.run(**arguments)
    except peewee.IntegrityError:
        raise errors.Conflict("This was changed concurrently. Retry the request") from None
    except errors.RemoteError as error:
        more = {"tracking_id": error.tracking_id} if error.tracking_id else {}
        return application.problem(error.http_status, error.title, str(error), **more)
    if result is None:
        return bottle.HTTPResponse(b"", operation.status)
    if isinstance(result, operations.Listing):
        return _respond_list(result, arguments["query"])
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


def _body(*, may_be_empty: bool) -> Mapping[str, Any]:
    length = max(bottle.request.content_length, 0)
    if length > MAX_BODY:
        raise errors.TooLarge("A body has at most 1 MiB")
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


def read(shape: type[T], given: Mapping[str, Any], *, is_text: bool = False) -> T:
    """Return what was sent as a struct; raises `InvalidInput` that names every field that is wrong.

    `is_text` says that all values are texts, as in a query, where null is no value.
    """
    try:
        result = msgspec.convert(given, shape, strict=not is_text)
        wrong = []
    except msgspec.ValidationError as error:
        wrong = [errors.FieldError("", str(error))]
    if wrong or (is_text and any(getattr(result, name) is None for name in given)):
        named = _wrong_fields(shape, given, strict=not is_text)
        raise errors.InvalidInput("The request is not valid", named or wrong)
    return result


def _wrong_fields(shape: Any, given: Mapping[str, Any], *, strict: bool) -> list[errors.FieldError]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    wrong = [errors.FieldError(name, "There is no such field") for name in given if name not in fields]
    for name, field in fields.items():
        if name in given:
            wrong += _wrong_value(name, given[name], field.type, strict=strict)
        elif field.required:
            wrong.append(errors.FieldError(name, "This is missing"))
    return wrong


def _humanize(message: str) -> str:
    """Return what msgspec says of a number or text out of bounds as a person says it."""
    bound = _BOUND.fullmatch(message)
    if not bound:
        return message
    characters = f" character{'' if bound['limit'] == '1' else 's'}" if bound["kind"] == "str" else ""
    return f"Give at {'least' if bound['side'] == '>=' else 'most'} {bound['limit']}{characters}"


def _wrong_value(name: str, value: object, kind: Any, *, strict: bool) -> list[errors.FieldError]:
    if not strict and isinstance(value, list):
        return [errors.FieldError(name, "This is given more than once")]
    try:
        if msgspec.convert(value, kind, strict=strict) is None and not strict:
            return [errors.FieldError(name, "Give a value, or leave it out")]
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$")
        advice = (words for pattern, words in requests.PATTERN_HINTS.items() if repr(pattern) in message)
        return [errors.FieldError(f"{name}{place.rstrip('`')}", next(advice, _humanize(message)))]
    return []
