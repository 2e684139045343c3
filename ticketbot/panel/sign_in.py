"""Sign in and out (P2)."""

from __future__ import annotations

import functools
import logging
from typing import Any

import bottle

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import panel_sessions, sign_in_links, users
from ticketbot.panel import sessions, templates, visit
from ticketbot.pipeline import sign_in_message
from ticketbot.server import operations
from ticketbot.settings import types

_logger = logging.getLogger(__name__)

ADDRESS = "/panel/sign-in"
_SENT = "If this address is that of a user with a living key, a link is on its way in Webex: for 10 minutes, and once."


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
        # After the answer, so that it takes as long for every address, and Webex is asked about our own users only.
        self._services.later(functools.partial(self._send_link, _given("email")[: types.MAX_EMAIL_LENGTH].lower()))
        return self.page(said=_SENT)

    def _send_link(self, email: str) -> None:
        try:
            problem = self._problem_with_link(email)
        except errors.TicketbotError as error:
            problem = str(error)
        except Exception:
            problem = "a bug in tbot"
            _logger.exception("a bug in tbot: the request for a sign-in link failed")
        if problem:
            _logger.info("no sign-in link was sent: %s", problem)

    def _problem_with_link(self, email: str) -> str:
        """Add a message with a link; return why not, empty if it was added."""
        now = self._services.now()
        with db.session():
            user = users.User.get_or_none(users.User.email_lookup == email)
            key = sign_in_links.widest_key(user.id, now) if user else None
        if key is None or not self._url:
            return "the address that was given has no user, or the user has no living key"
        account = self._services.find_account(email)
        if account is None:
            return f"user {user.id} has no Webex account"
        if not sign_in_links.request(user, account, sign_in_message.TEXT, now):
            return f"user {user.id} was sent one within the last minute"
        self._services.wake_messages()
        return ""

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
        response, token = templates.redirect(sessions.PATH), panel_sessions.start(key_id, self._services.now())
        is_secure = self._url.startswith("https:")
        response.set_cookie(sessions.COOKIE, token, path=sessions.PATH, httponly=True, samesite="lax", secure=is_secure)
        return response


def _given(name: str) -> str:
    return (bottle.request.forms.getunicode(name) or "").strip()
