"""Sign in and out (P2)."""

from __future__ import annotations

from typing import Any

import bottle

from ticketbot import errors
from ticketbot.models import panel_sessions
from ticketbot.panel import sessions, templates, visit
from ticketbot.server import operations

ADDRESS = "/panel/sign-in"


class SignIn:
    """The way into the panel of one server; `url` is where people reach it, if that is known."""

    def __init__(self, services: operations.Services, url: str | None) -> None:
        self._services = services
        self._url = url

    def page(self, problem: str = "", status: int = 200) -> bottle.HTTPResponse:
        """Ask for a key."""
        return templates.page("sign_in", status, title="Sign in", visit=None, said="", problem=problem)

    def enter(self) -> bottle.HTTPResponse:
        """Start a session with the key of the form."""
        sessions.check_origin(self._url)
        try:
            token = sessions.sign_in(self._services, (bottle.request.forms.getunicode("key") or "").strip())
        except (errors.NotAllowed, errors.TooMany) as error:
            return self.page(f"{errors.sentence(str(error))} Check it and try again.", error.http_status)
        response = templates.redirect(sessions.PATH)
        is_secure = (self._url or "").startswith("https:")
        response.set_cookie(sessions.COOKIE, token, path=sessions.PATH, httponly=True, samesite="lax", secure=is_secure)
        return response

    def leave(self, here: visit.Visit) -> Any:
        """End the session."""
        panel_sessions.end(here.visitor.token)
        response = templates.redirect(ADDRESS)
        response.delete_cookie(sessions.COOKIE, path=sessions.PATH)
        return response
