"""The routes of the panel. Each page runs operations of the HTTP API for whoever is signed in (P1)."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping
from datetime import tzinfo
from typing import Any, NamedTuple, get_args
from urllib.parse import unquote, urlencode

import bottle
import msgspec

from ticketbot import errors
from ticketbot.api import requests, responses, validation
from ticketbot.models import panel_sessions
from ticketbot.panel import sessions, tables, templates
from ticketbot.present import entities, explain, words
from ticketbot.server import operations
from ticketbot.server.routes import all_routes, endpoint
from ticketbot.settings import types

ROWS = 50


class Filter(NamedTuple):
    """A value of the address that narrows a list; `options` are all there are."""

    name: str
    label: str
    options: tuple[str, ...] = ()
    value: str = ""


class List(NamedTuple):
    """A page that lists an entity. `switch` is the operation that enables and disables a row."""

    title: str
    operation: str
    entity: entities.Entity
    filters: tuple[Filter, ...] = ()
    switch: str = ""
    newest_first: bool = True


_STATES = get_args(responses.NotificationState)
_Q = Filter("q", "Search")
LISTS = {
    "tickets": List(
        "Tickets", "list_tickets", entities.BY_PLURAL["tickets"], (_Q, Filter("open", "Open", ("true", "false")))
    ),
    "notifications": List(
        "Notifications",
        "list_notifications",
        entities.BY_PLURAL["notifications"],
        (Filter("state", "State", _STATES), _Q, Filter("since", "Decided since"), Filter("ticket_id", "Ticket number")),
    ),
    "rules": List("Rules", "list_rules", entities.BY_PLURAL["rules"], switch="update_rule", newest_first=False),
    "forwards": List("Forwards", "list_forwards", entities.BY_PLURAL["forwards"], switch="update_forward"),
    "silences": List("Silences", "list_silences", entities.BY_PLURAL["silences"]),
    "quiet-hours": List(
        "Quiet hours", "list_quiet_hours", entities.BY_PLURAL["quiet-hours"], switch="update_quiet_hours"
    ),
    "recipients": List("Recipients", "list_recipients", entities.BY_PLURAL["recipients"], (_Q,), newest_first=False),
    "users": List("Users", "list_users", entities.BY_PLURAL["users"], newest_first=False),
    "audit": List("Audit", "list_audit", entities.BY_PLURAL["audit"]),
}
PAGES = tuple((address, each.title) for address, each in LISTS.items())
_RETRIED_BY = ("q", "ticket_id", "since")
_OPERATIONS = {each.name: each for each in all_routes.all_operations()}


class Panel:
    """The panel of one server; `url` is where people reach it, if that is known."""

    def __init__(self, services: operations.Services, url: str | None) -> None:
        self._services = services
        self._url = url

    def add_routes(self, app: bottle.Bottle) -> None:
        """Serve the panel under `/panel/`."""
        app.route("/", "GET", lambda: _redirect("/panel/"))
        app.route("/panel", "GET", lambda: _redirect("/panel/"))
        for name in templates.STATIC:
            app.route(f"/panel/static/{name}", "GET", functools.partial(templates.static, name))
        app.route("/panel/sign-in", "GET", self._page(lambda: self._sign_in_page("")))
        app.route("/panel/sign-in", "POST", self._page(self._sign_in))
        app.route("/panel/sign-out", "POST", self._change(self._sign_out))
        app.route("/panel/", "GET", self._read(lambda _: _redirect("/panel/tickets")))
        app.route("/panel/tickets/<number:re:[0-9]+>", "GET", self._read(self._story))
        app.route("/panel/notifications/retry", "GET", self._read(self._retry_page))
        app.route("/panel/notifications/retry", "POST", self._change(self._retry_all))
        app.route("/panel/notifications/<number:re:[0-9]+>/retry", "POST", self._change(self._retry))
        for address, each in LISTS.items():
            app.route(f"/panel/{address}", "GET", self._read(_bound(self._list, address)))
            if each.switch:
                path = f"/panel/{address}/<number:re:[0-9]+>/<to:re:enable|disable>"
                app.route(path, "POST", self._change(_bound(self._switch, address)))

    def _page(self, show: Callable[..., Any], who: sessions.Visitor | None = None) -> Callable[..., Any]:
        """Return a handler that shows a failure as a page."""

        def handle(**named: str) -> Any:
            try:
                return show(**named)
            except errors.TicketbotError as error:
                return _problem_page(error, who)

        return handle

    def _read(self, show: Callable[..., Any]) -> Callable[..., Any]:
        """Return a handler for whoever is signed in; anybody else is asked to."""

        def handle(**named: str) -> Any:
            who = sessions.visitor(self._services)
            if who is None:
                return _redirect("/panel/sign-in")
            return self._page(lambda: show(who, **named), who)()

        return self._page(handle)

    def _change(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """Return a handler of a form, which must come from our own page of this session (P3)."""

        def checked(who: sessions.Visitor, **named: str) -> Any:
            sessions.check_origin(self._url)
            sessions.check_csrf(who)
            return change(who, **named)

        return self._read(checked)

    def _sign_in_page(self, problem: str, status: int = 200) -> Any:
        return templates.page("sign_in", status, title="Sign in", visitor=None, problem=problem)

    def _sign_in(self) -> Any:
        sessions.check_origin(self._url)
        try:
            token = sessions.sign_in(self._services, (bottle.request.forms.getunicode("key") or "").strip())
        except (errors.NotAllowed, errors.TooMany) as error:
            return self._sign_in_page(f"{errors.sentence(str(error))} Check it and try again.", error.http_status)
        response = _redirect("/panel/")
        is_secure = (self._url or "").startswith("https:")
        response.set_cookie(sessions.COOKIE, token, path=sessions.PATH, httponly=True, samesite="lax", secure=is_secure)
        return response

    def _sign_out(self, who: sessions.Visitor) -> Any:
        panel_sessions.end(who.token)
        response = _redirect("/panel/sign-in")
        response.delete_cookie(sessions.COOKIE, path=sessions.PATH)
        return response

    def _list(self, who: sessions.Visitor, address: str) -> Any:
        each, given = LISTS[address], _given()
        order = "desc" if each.newest_first else "asc"
        found = self._run(who, each.operation, {**given, "limit": str(ROWS), "order": order})
        more = urlencode({**given, "after": found.rows[-1].id}) if found.more else ""
        retry = {name: value for name, value in given.items() if name in _RETRIED_BY}
        return templates.page(
            "list",
            **_frame(each.title, who),
            about=each.entity.about,
            filters=[one._replace(value=given.get(one.name, "")) for one in each.filters],
            table=tables.table(each.entity, found.rows, self._zone(), _bound_action(address)),
            empty=each.entity.empty,
            more=f"?{more}" if more else "",
            retry=f"/panel/notifications/retry?{urlencode(retry)}" if address == "notifications" else "",
        )

    def _story(self, who: sessions.Visitor, number: str) -> Any:
        given, zone = _given(), self._zone()
        found = self._run(who, "explain_ticket", given, ids={"ticket_id": endpoint.read_id(number)})
        style = explain.Style(
            lambda at: words.moment(at, zone), "it can be sent again below", "The next webhook retries it"
        )
        return templates.page(
            "story",
            **_frame(f"Ticket {found.ticket_id}", who),
            summary="" if found.ticket is None else found.ticket.summary,
            ticket="" if found.ticket is None else explain.ticket_text(found.ticket),
            about=given.get("for", ""),
            sections=list(explain.sections(found, style)),
            table=tables.table(
                entities.BY_PLURAL["notifications"], found.notifications, zone, _bound_action("notifications")
            ),
        )

    def _retry(self, who: sessions.Visitor, number: str) -> Any:
        retried = self._run(who, "retry_notification", ids={"notification_id": endpoint.read_id(number)})
        return _redirect(f"/panel/tickets/{retried.ticket_id}")

    def _retry_page(self, who: sessions.Visitor) -> Any:
        """Show how much would be sent again, before it is (L5)."""
        given = _given()
        counted = self._run(who, "retry_dead", body=_retry_body(given) | {"dry_run": True})
        return templates.page("retry", **_frame("Send again", who), amount=explain.amount(counted), given=given)

    def _retry_all(self, who: sessions.Visitor) -> Any:
        given = {name: bottle.request.forms.getunicode(name) or "" for name in _RETRIED_BY}
        self._run(who, "retry_dead", body=_retry_body({name: value for name, value in given.items() if value}))
        return _redirect("/panel/notifications")

    def _switch(self, who: sessions.Visitor, address: str, number: str, to: str) -> Any:
        operation = _OPERATIONS[LISTS[address].switch]
        ids = {operation.ids[0]: endpoint.read_id(number)}
        self._run(who, operation.name, body={"enabled": to == "enable"}, ids=ids)
        return _redirect(f"/panel/{address}")

    def _run(
        self,
        who: sessions.Visitor,
        name: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Mapping[str, Any] | None = None,
        ids: Mapping[str, int] | None = None,
    ) -> Any:
        """Run an operation of the API, with its validation and its audit, for whoever is signed in."""
        operation, arguments = _OPERATIONS[name], dict[str, Any](ids or {})
        if query is not None:
            arguments["query"] = validation.read(operation.types["query"], query, is_text=True)
        if body is not None:
            arguments["body"] = validation.read(operation.types["body"], body)
        return endpoint.perform(operation, arguments, who.caller, self._services)

    def _zone(self) -> tzinfo:
        """Return the reader's time zone, which the script has told, or else that of the server (P4)."""
        with contextlib.suppress(types.InvalidSetting):
            return types.time_zone(unquote(bottle.request.get_cookie("tbot_timezone") or ""))
        return self._services.timezone


def _bound(show: Callable[..., Any], address: str) -> Callable[..., Any]:
    return lambda who, **named: show(who, address, **named)


def _bound_action(address: str) -> Callable[[Any], tables.Action | None]:
    def action(row: Any) -> tables.Action | None:
        if address == "notifications":
            return tables.Action("Send again", f"/panel/{address}/{row.id}/retry") if row.state == "dead" else None
        if not LISTS[address].switch:
            return None
        to = "disable" if row.enabled else "enable"
        return tables.Action(to.title(), f"/panel/{address}/{row.id}/{to}")

    return action


def _frame(title: str, who: sessions.Visitor | None) -> dict[str, Any]:
    return {"title": title, "visitor": who, "pages": PAGES}


def _given() -> dict[str, str]:
    """Return the values of the address that are not empty: a form sends all its fields."""
    return {name: value for name in bottle.request.query if (value := bottle.request.query.getunicode(name))}


def _retry_body(given: Mapping[str, str]) -> dict[str, Any]:
    shape = {name: given[name] for name in _RETRIED_BY if name in given}
    read = validation.read(requests.RetryRequest, shape, is_text=True)
    return {name: value for name, value in msgspec.to_builtins(read).items() if name in shape}


def _problem_page(error: errors.TicketbotError, who: sessions.Visitor | None) -> Any:
    status = error.http_status
    text = "See the server log" if status == 500 else str(error)
    wrong = error.errors if isinstance(error, errors.InvalidInput) else ()
    return templates.page("problem", status, **_frame(error.title, who), problem=text, wrong=wrong)


def _redirect(address: str) -> bottle.HTTPResponse:
    return bottle.HTTPResponse("", 303, {"Location": address, "Cache-Control": "no-store"})
