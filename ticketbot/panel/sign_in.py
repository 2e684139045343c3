"""Sign in and out (P2)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import bottle

from ticketbot import errors
from ticketbot.models import panel_sessions, sign_in_links
from ticketbot.panel import sessions, templates, visit
from ticketbot.server import operations

ADDRESS = "/panel/sign-in"
_SENT = "If this address is that of a user with a living key, a link is on its way in Webex: for 10 minutes, and once."
_WANTED = "tbot_wanted"


class SignIn:
    """The way into the panel of one server; `url` is where people reach it, empty if that is not known."""

    def __init__(self, services: operations.Services, url: str) -> None:
        self._services = services
        self._url = url

    def page(self, problem: str = "", status: int = 200, said: str = "") -> bottle.HTTPResponse:
        """Ask for a key, or for an e-mail address to send a link to."""
        values = {"problem": problem, "has_links": bool(self._url), "said": said}
        return templates.page("sign_in", status, title="Sign in", **values)

    def enter(self) -> bottle.HTTPResponse:
        """Start a session with the key of the form."""
        sessions.check_origin(self._url)
        try:
            key_id = sessions.key_of_form(self._services, _given("key"))
        except (errors.NotAllowed, errors.TooMany) as error:
            return self.page(f"{errors.sentence(str(error))} Check it and try again.", error.http_status)
        return self._started(key_id)

    def send_link(self) -> bottle.HTTPResponse:
        """Send a one-time link to the user's own Webex space; what is said does not tell whether there is one."""
        sessions.check_origin(self._url)
        try:
            self._services.authenticator.count_link(bottle.request.environ)
        except errors.TooMany as error:
            return self.page(errors.sentence(str(error)), error.http_status)
        if self._url:
            self._services.send_sign_in_link(_given("email").lower())
        return self.page(said=_SENT)

    def link_page(self) -> bottle.HTTPResponse:
        """Show the button that uses a link up: whatever looks at links in messages must not."""
        token = bottle.request.query.getunicode("token") or ""
        return templates.page("sign_in_link", title="Sign in", token=token)

    def enter_by_link(self) -> bottle.HTTPResponse:
        """Start a session with a link, which this uses up."""
        sessions.check_origin(self._url)
        key = sign_in_links.use(_given("token"), self._services.now())
        if key is None:
            self._services.authenticator.refuse_link(bottle.request.environ)
            return self.page("This link has been used, or is too old. Ask for another one.", 401)
        return self._started(key.id)

    def leave(self, here: visit.Visit) -> Any:
        """End the session."""
        panel_sessions.end(here.visitor.token)
        response = templates.redirect(ADDRESS)
        response.delete_cookie(sessions.COOKIE, path=sessions.PATH)
        return response

    def _started(self, key_id: int) -> bottle.HTTPResponse:
        response, token = templates.redirect(_wanted()), panel_sessions.start(key_id, self._services.now())
        is_secure = self._url.startswith("https:")
        response.set_cookie(sessions.COOKIE, token, path=sessions.PATH, httponly=True, samesite="lax", secure=is_secure)
        response.delete_cookie(_WANTED, path=sessions.PATH)
        return response


def ask() -> bottle.HTTPResponse:
    """Send somebody without a session to the page to sign in, and note for 10 minutes which page was wanted (B7)."""
    response, wanted = templates.redirect(ADDRESS), urlsplit(bottle.request.url)
    page = quote(f"{wanted.path}?{wanted.query}".rstrip("?"))
    if bottle.request.method == "GET" and len(page) <= 2000:  # a cookie holds 4,096 bytes
        response.set_cookie(_WANTED, page, path=sessions.PATH, httponly=True, samesite="lax", max_age=600)
    return response


def _wanted() -> str:
    page = unquote(bottle.request.get_cookie(_WANTED) or "")
    return page if re.fullmatch(rf"{sessions.PATH}[!-~]*", page) else sessions.PATH


def _given(name: str) -> str:
    return (bottle.request.forms.getunicode(name) or "").strip()
