"""One table for routing and for OpenAPI: a path, what comes in, what goes out, the status, and the function that does it.

The signature of the function says the rest. `{rule_id}` in the path is an argument of that name, an id; `body` and
`query` are structs of `asked`; `caller` is whose key it is; `desk` is what the server lends; the annotated result is
the answer. A function raises `errors`; a change and its `audit.record` share one transaction:

    TABLE = operations.Table("rules")

    @TABLE.post("/notifiers/rules", "Add a rule", status=201, refuses=(409,))
    def create_rule(body: asked.NewRule, caller: access.Caller, desk: operations.Desk) -> shapes.Rule: ...
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Generic, NamedTuple, TypeVar

import peewee

from ticketbot import asked, errors
from ticketbot.remote import webex
from ticketbot.server import access

Row = TypeVar("Row")
Run = TypeVar("Run", bound=Callable[..., Any])


@dataclass(frozen=True)
class Desk:
    """What the server lends to operations; `wake_...` let a background thread look for work now."""

    access: access.Access
    webex: webex.Webex
    timezone: tzinfo
    now: Callable[[], datetime]
    wake_events: Callable[[], None]
    wake_messages: Callable[[], None]


class Listing(NamedTuple, Generic[Row]):
    """A page of a list; `more` says that another one follows."""

    rows: list[Row]
    more: bool


@dataclass(frozen=True)
class Operation:
    """One row of the table. `refuses` are the statuses that only this operation has, beside those of its kind."""

    method: str
    path: str
    summary: str
    tag: str
    run: Callable[..., Any]
    status: int
    refuses: tuple[int, ...]
    types: dict[str, Any]
    """The types of the arguments by name; of the answer under `return`."""
    takes_empty_body: bool

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
        """Return the type of the rows when it answers with a list in pages, else None."""
        answer = self.types["return"]
        return typing.get_args(answer)[0] if typing.get_origin(answer) is Listing else None


class Table:
    """The operations of one subject, in the order of their definition."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.operations: list[Operation] = []

    def get(self, path: str, summary: str) -> Callable[[Run], Run]:
        """Add an operation that only reads."""
        return self._add("GET", path, summary, 200, ())

    def post(
        self, path: str, summary: str, *, status: int = 200, refuses: tuple[int, ...] = ()
    ) -> Callable[[Run], Run]:
        """Add an operation that makes or starts something."""
        return self._add("POST", path, summary, status, refuses)

    def put(self, path: str, summary: str) -> Callable[[Run], Run]:
        """Add an operation that sets something."""
        return self._add("PUT", path, summary, 200, ())

    def patch(self, path: str, summary: str, *, refuses: tuple[int, ...] = ()) -> Callable[[Run], Run]:
        """Add an operation that changes a part of something."""
        return self._add("PATCH", path, summary, 200, refuses)

    def delete(self, path: str, summary: str, *, refuses: tuple[int, ...] = ()) -> Callable[[Run], Run]:
        """Add an operation that deletes something and answers nothing."""
        return self._add("DELETE", path, summary, 204, refuses)

    def _add(self, method: str, path: str, summary: str, status: int, refuses: tuple[int, ...]) -> Callable[[Run], Run]:
        def add(run: Run) -> Run:
            types = typing.get_type_hints(run, include_extras=True)
            body = inspect.signature(run).parameters.get("body")
            self.operations.append(
                Operation(
                    method,
                    path,
                    summary,
                    self.tag,
                    run,
                    status,
                    refuses,
                    types,
                    takes_empty_body=body is not None and body.default is not inspect.Parameter.empty,
                )
            )
            return run

        return add


def listing(rows: peewee.ModelSelect, key: peewee.Field, page: asked.Page, shape: Callable[[Any], Row]) -> Listing[Row]:
    """Return the page of a query that is asked for, ordered by `key`."""
    if page.after is not None:
        rows = rows.where(key < page.after if page.order == "desc" else key > page.after)
    ordered = rows.order_by(key.desc() if page.order == "desc" else key)
    return cut((shape(row) for row in ordered.limit(page.limit + 1)), page.limit)


def cut(rows: Iterable[Row], limit: int) -> Listing[Row]:
    """Return the first rows, and whether there is at least one more."""
    found: list[Row] = []
    for row in rows:
        if len(found) == limit:
            return Listing(found, more=True)
        found.append(row)
    return Listing(found, more=False)


def found(row: Row | None, what: str, row_id: int) -> Row:
    """Return a row that a path names, or raise `NotFound`."""
    if row is None:
        raise errors.NotFound(f"There is no {what} {row_id}")
    return row


def wrong(field: str, message: str) -> errors.InvalidInput:
    """Return the failure that one field is wrong, to be raised."""
    return errors.InvalidInput("The request is not valid", [errors.FieldError(field, message)])
