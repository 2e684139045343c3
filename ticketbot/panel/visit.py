"""One request of somebody who is signed in: what they may do, what they gave, and the page they get back."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import bottle
import msgspec

from ticketbot.api import requests, validation
from ticketbot.panel import sessions, templates
from ticketbot.present import words
from ticketbot.server import authentication, operations
from ticketbot.server.routes import all_routes, endpoint
from ticketbot.settings import types

OPERATIONS = {each.name: each for each in all_routes.all_operations()}
_SAID = "tbot_said"


class Visit:
    """A request with its session."""

    def __init__(self, services: operations.Services, visitor: sessions.Visitor) -> None:
        self.services = services
        self.visitor = visitor
        self._lists: dict[str, list[Any]] = {}

    @functools.cached_property
    def given(self) -> dict[str, str]:
        """The values of the address that are not empty: a form sends all its fields."""
        query = bottle.request.query
        return {name: value for name in query if (value := query.getunicode(name))}

    @functools.cached_property
    def zone(self) -> tzinfo:
        """The reader's time zone, which the script has told, or else that of the server (P4)."""
        with contextlib.suppress(types.InvalidSetting):
            return types.time_zone(unquote(bottle.request.get_cookie("tbot_timezone") or ""))
        return self.services.timezone

    def moment(self, at: datetime) -> str:
        """Return a time as the reader's clock shows it, with the exact one for `templates.timed`."""
        return f"\x02{at.isoformat()}\x03{words.moment(at, self.zone, '%Y-%m-%d %H:%M')}\x04"

    def may(self, name: str) -> bool:
        """Return whether there is an operation of this name, and the visitor's scope allows it (P5)."""
        operation = OPERATIONS.get(name)
        return operation is not None and authentication.includes(self.visitor.caller.scope, operation.scope)

    def require(self, name: str) -> None:
        """Raise `ScopeTooNarrow` unless the visitor's scope allows an operation."""
        authentication.check_scope(self.visitor.caller, OPERATIONS[name].scope)

    def run(
        self,
        name: str,
        query: Mapping[str, str] | None = None,
        *,
        body: msgspec.Struct | None = None,
        row_id: str | int | None = None,
    ) -> Any:
        """Run an operation of the API with its access check and audit; `row_id` is the id in its path."""
        self.require(name)
        operation, arguments = OPERATIONS[name], dict[str, Any]()
        if row_id is not None:
            arguments[operation.ids[0]] = endpoint.read_id(str(row_id))
        if "query" in operation.types:
            arguments["query"] = validation.read(operation.types["query"], query or {}, is_text=True)
        if body is not None:
            arguments["body"] = body
        return endpoint.perform(operation, arguments, self.visitor.caller, self.services)

    def every(self, name: str) -> list[Any]:
        """Return all rows of a list, which is read once in a request."""
        if name not in self._lists:
            rows, more = list[Any](), True
            while more:
                after = str(rows[-1].id if rows else 0)
                found, more, _ = self.run(name, {"limit": str(requests.MAX_LIMIT), "after": after})
                rows += found
            self._lists[name] = rows
        return self._lists[name]

    def page(self, template: str, title: str, status: int = 200, **values: Any) -> bottle.HTTPResponse:
        """Return a page, with what the last change said."""
        said = unquote(bottle.request.get_cookie(_SAID) or "")
        response = templates.page(template, status, title=title, visit=self, said=said, **values)
        if said:
            response.delete_cookie(_SAID, path=sessions.PATH)
        return response

    def done(self, said: str, address: str, *, is_back: bool = False) -> bottle.HTTPResponse:
        """Go to a page and say there what was done; `is_back`: to where the form was, if that is known."""
        came_from = urlsplit(bottle.request.get_header("Referer") or "")
        if is_back and came_from.path.startswith(sessions.PATH):
            address = f"{came_from.path}?{came_from.query}".rstrip("?")
        response = templates.redirect(address)
        response.set_cookie(_SAID, quote(said[:500]), path=sessions.PATH, httponly=True, samesite="lax", max_age=60)
        return response
