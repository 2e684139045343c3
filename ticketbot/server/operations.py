"""One table for routing and for OpenAPI: path, what comes in and goes out, status, and the function that does it.

The function's signature says the rest. `{rule_id}` in the path is an argument of that name, an id; `body` and `query`
are models of `api.requests`; `caller` is the owner of the API key; `services` is what the server provides; the
annotated result is the response. `scope` is what the key must allow (A7), `read` for GET. A function raises `errors`; a
change and its `audit.record` share one transaction:

    ROUTES = operations.Routes("rules")

    @ROUTES.post("/notifiers/rules", "Add a rule", scope="operate", status=201, refuses=(409,))
    def create_rule(body: requests.NewRule, caller: authentication.Caller, services: Services) -> responses.Rule: ...
"""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any, Generic, NamedTuple, NewType, TypeVar

import msgspec
import peewee

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.decide import forwarding
from ticketbot.models import recipients, servers
from ticketbot.server import authentication
from ticketbot.sync import sync_service
from ticketbot.webex import webex_client

Row = TypeVar("Row")
Toml = NewType("Toml", str)
"""A body or a response that is TOML instead of JSON."""
Run = TypeVar("Run", bound=Callable[..., Any])


Checks = Mapping[str, str]
"""The checks of `/readyz` by name."""


class Services(msgspec.Struct, frozen=True):
    """What the server provides to operations; `wake_...` wake a background thread."""

    authenticator: authentication.Authenticator
    webex: webex_client.Webex
    syncs: sync_service.Syncs
    timezone: tzinfo
    now: Callable[[], datetime]
    server: servers.Current
    wake_events: Callable[[], None]
    wake_messages: Callable[[], None]
    readiness: Callable[[], Checks]
    send_sign_in_link: Callable[[str], object]
    """Send a link to the user with an address (lower case), if there is one; returns before it looks."""


class Listing(NamedTuple, Generic[Row]):
    """A page of a list; `more` says that another one follows.

    `counted` counts all rows that match, up to a number, in a session; None where that is not one query.
    """

    rows: list[Row]
    more: bool
    counted: Callable[[int], int] | None = None


class Operation(msgspec.Struct, frozen=True):
    """One row of the table. `refuses` are the statuses that only this operation has, beside those of its kind."""

    method: str
    path: str
    summary: str
    tag: str
    scope: responses.Scope
    """What the key of the request must at least allow (A7)."""
    run: Callable[..., Any]
    status: int
    refuses: tuple[int, ...]
    types: dict[str, Any]
    """The types of the arguments by name; of the answer under `return`."""
    takes_empty_body: bool
    has_session: bool = True
    """Whether it runs inside one database session; otherwise it opens its own."""

    @property
    def name(self) -> str:
        """Return the name of its function, unique over all tables."""
        return self.run.__name__

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the names of the ids in its path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def listed(self) -> Any:
        """Return the row type of a paged list, None for other responses."""
        answer = self.types["return"]
        return typing.get_args(answer)[0] if typing.get_origin(answer) is Listing else None


class Routes:
    """The operations of one subject, in the order of their definition."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def get(self, path: str, summary: str) -> Callable[[Run], Run]:
        """Add an operation that only reads."""
        return self._add("GET", path, summary, "read", 200, ())

    def post(
        self,
        path: str,
        summary: str,
        *,
        scope: responses.Scope,
        status: int = 200,
        refuses: tuple[int, ...] = (),
        has_session: bool = True,
    ) -> Callable[[Run], Run]:
        """Add an operation that makes or starts something."""
        return self._add("POST", path, summary, scope, status, refuses, has_session=has_session)

    def put(self, path: str, summary: str, *, scope: responses.Scope) -> Callable[[Run], Run]:
        """Add an operation that sets something."""
        return self._add("PUT", path, summary, scope, 200, ())

    def patch(
        self, path: str, summary: str, *, scope: responses.Scope, refuses: tuple[int, ...] = ()
    ) -> Callable[[Run], Run]:
        """Add an operation that changes a part of something."""
        return self._add("PATCH", path, summary, scope, 200, refuses)

    def delete(
        self, path: str, summary: str, *, scope: responses.Scope, refuses: tuple[int, ...] = ()
    ) -> Callable[[Run], Run]:
        """Add an operation that deletes something; its response is empty."""
        return self._add("DELETE", path, summary, scope, 204, refuses)

    def _add(  # noqa: PLR0917  (the columns of the table, in its order)
        self,
        method: str,
        path: str,
        summary: str,
        scope: responses.Scope,
        status: int,
        refuses: tuple[int, ...],
        *,
        has_session: bool = True,
    ) -> Callable[[Run], Run]:
        def add(run: Run) -> Run:
            types = typing.get_type_hints(run, include_extras=True)
            takes_empty_body = type(None) in typing.get_args(types.get("body"))
            if takes_empty_body:
                types["body"] = typing.get_args(types["body"])[0]
            self.operations.append(
                Operation(
                    method,
                    path,
                    summary,
                    self.tag,
                    scope,
                    run,
                    status,
                    refuses,
                    types,
                    takes_empty_body,
                    has_session,
                )
            )
            return run

        return add


def listing(
    rows: peewee.ModelSelect,
    key: peewee.Field,
    page: requests.Page,
    shape: Callable[[Any], Row],
    *,
    keep: Callable[[Row], bool] | None = None,
) -> Listing[Row]:
    """Return the requested page of a query, ordered by `key`.

    `keep` leaves rows out that the database cannot; it is for tables of some thousand rows at most.
    """
    matching = rows
    if page.after is not None:
        rows = rows.where(key < page.after if page.order == "desc" else key > page.after)
    ordered = rows.order_by(key.desc() if page.order == "desc" else key)
    if keep is None:
        found = _page((shape(row) for row in ordered.limit(page.limit + 1)), page.limit)
        return found._replace(counted=lambda most: int(matching.limit(most).count()))
    return _page(filter(keep, map(shape, ordered)), page.limit)


def or_not_found(row: Row | None, what: str, row_id: int) -> Row:
    """Return a row that a path names, or raise `NotFound`."""
    if row is None:
        raise errors.NotFound(f"There is no {what} {row_id}")
    return row


def known_recipient(field: str, recipient_id: int) -> recipients.Recipient:
    """Return the recipient that a field names, or raise `InvalidInput`."""
    row: recipients.Recipient | None = recipients.Recipient.get_or_none(recipients.Recipient.id == recipient_id)
    if row is None:
        raise invalid_field(field, f"There is no recipient {recipient_id}. If it is new, sync the recipients first")
    return row


def moment(field: str, text: str | None, zone: tzinfo, *, is_end: bool = False) -> datetime | None:
    """Return the moment that a date or time means, the end of a day for an end; raises `InvalidInput`."""
    try:
        start, end = forwarding.parse_period(text, text, zone)
    except (ValueError, OverflowError):
        raise invalid_field(field, requests.PATTERN_HINTS[requests.DATE_OR_TIME]) from None
    return end if is_end else start


def given(body: requests.RequestModel) -> dict[str, Any]:
    """Return the fields that a request to change something has given, by name."""
    return {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}


def invalid_field(field: str, message: str) -> errors.InvalidInput:
    """Return the failure that one field is wrong, to be raised."""
    return errors.InvalidInput("The request is not valid", [errors.FieldError(field, message)])


def _page(rows: Iterable[Row], limit: int) -> Listing[Row]:
    found: list[Row] = []
    for row in rows:
        if len(found) == limit:
            return Listing(found, more=True)
        found.append(row)
    return Listing(found, more=False)
