"""The routes of the panel, and who may enter them: a session for each page, and a token for each form (P2, P3)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import bottle

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import runtime_config
from ticketbot.panel import edit, lists, pages, sessions, sign_in, templates, visit
from ticketbot.pipeline import sign_in_message
from ticketbot.server import operations

_PAGES = (pages, edit, lists)


def add_routes(app: bottle.Bottle, services: operations.Services, url: str) -> None:
    """Serve the panel under `/panel/`; `url` is where people reach it, empty if that is not known."""
    guard, door = Guard(services, url), sign_in.SignIn(services, url)
    for address in ("/", "/panel"):
        app.route(address, "GET", guard.open(lambda: templates.redirect(sessions.PATH)))
    for name in templates.STATIC:
        app.route(f"/panel/static/{name}", "GET", guard.open(functools.partial(templates.static, name)))
    app.route(sign_in.ADDRESS, "GET", guard.open(door.page))
    app.route(sign_in.ADDRESS, "POST", guard.open(door.enter))
    app.route("/panel/sign-in/send", "POST", guard.open(door.send_link))
    app.route(sign_in_message.PATH, "GET", guard.open(door.link_page))
    app.route(sign_in_message.PATH, "POST", guard.open(door.enter_by_link))
    app.route("/panel/sign-out", "POST", guard.change(door.leave))
    for module in _PAGES:
        for path, show in module.PAGES.items():
            app.route(f"/panel/{path}", "GET", guard.read(show))
        for path, change in module.CHANGES.items():
            app.route(f"/panel/{path}", "POST", guard.change(change))


class Guard:
    """Makes handlers of pages: functions of a visit and of what the path names. None answers while the panel is off."""

    def __init__(self, services: operations.Services, url: str) -> None:
        self._services = services
        self._url = url

    def open(self, show: Callable[..., Any]) -> Callable[..., Any]:
        """Return a handler for anybody that shows a failure as a page."""

        def handle(**named: str) -> Any:
            with db.session():
                is_on = runtime_config.load().panel
            if not is_on:
                return bottle.HTTPError(404)
            return _or_problem(None, show, **named)

        return handle

    def read(self, show: Callable[..., Any]) -> Callable[..., Any]:
        """Return a handler for whoever is signed in; anybody else is asked to."""

        def handle(**named: str) -> Any:
            visitor = sessions.visitor(self._services)
            if visitor is None:
                return sign_in.ask()
            here = visit.Visit(self._services, visitor)
            return _or_problem(here, functools.partial(show, here), **named)

        return self.open(handle)

    def change(self, change: Callable[..., Any]) -> Callable[..., Any]:
        """Return a handler of a form, which must come from our own page of this session."""

        def checked(here: visit.Visit, **named: str) -> Any:
            sessions.check_origin(self._url)
            sessions.check_csrf(here.visitor)
            return change(here, **named)

        return self.read(checked)


def _or_problem(here: visit.Visit | None, show: Callable[..., Any], **named: str) -> Any:
    try:
        return show(**named)
    except errors.TicketbotError as error:
        # What a service said is for whoever runs the server, but for a test message or a lookup it is the answer.
        is_told = error.http_status < 500 or isinstance(error, errors.RemoteError)
        said = errors.sentence(str(error) if is_told else "See the server log")
        wrong = error.errors if isinstance(error, errors.InvalidInput) else ()
        status, values = error.http_status, {"problem": said, "wrong": wrong}
        if here is None:
            return templates.page("problem", status, title=error.title, **values)
        return here.page("problem", error.title, status, **values)
