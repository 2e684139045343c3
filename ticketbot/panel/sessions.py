"""Who is signed in: the cookie, the token of each form, and where a form may come from (P2, P3)."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

import bottle
import msgspec

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import panel_sessions
from ticketbot.server import authentication, operations

COOKIE = "tbot_session"
PATH = "/panel/"


class Visitor(msgspec.Struct, frozen=True):
    """Whoever is signed in; `csrf` is in each of their forms."""

    caller: authentication.Caller
    token: str
    csrf: str


def key_of_form(services: operations.Services, key: str) -> int:
    """Return the id of a key. Raises `NotAllowed` for a wrong one, `TooMany` after ten of them (A2)."""
    environ = {**bottle.request.environ, "HTTP_AUTHORIZATION": f"Bearer {key}"}
    return services.authenticator.authenticate(environ, is_change=True).key_id


def visitor(services: operations.Services) -> Visitor | None:
    """Return who sent this request, None without a living session."""
    token = bottle.request.get_cookie(COOKIE) or ""
    if not token:
        return None
    with db.session():
        key = panel_sessions.key_of(token, services.now())
    if key is None:
        return None
    caller = services.authenticator.located(authentication.caller_of(key), bottle.request.environ)
    return Visitor(caller, token, _csrf(token))


def check_origin(panel_url: str) -> None:
    """Raise `Forbidden` unless the form that is posted stands on a page of this server."""
    origin = urlsplit(bottle.request.get_header("Origin") or "")
    hosts = {bottle.request.get_header("Host"), urlsplit(panel_url).netloc} - {None, ""}
    if origin.scheme not in ("http", "https") or origin.netloc not in hosts:
        raise errors.Forbidden("This form was sent from another site. Open the page of the panel again")


def check_csrf(who: Visitor) -> None:
    """Raise `Forbidden` unless the form that is posted was made for this session."""
    given = bottle.request.forms.getunicode("csrf") or ""
    if not hmac.compare_digest(given.encode(), who.csrf.encode()):
        raise errors.Forbidden("This form is from an earlier session. Open the page again")


def _csrf(token: str) -> str:
    return hashlib.sha256(b"csrf:" + token.encode("utf-8", "replace")).hexdigest()
