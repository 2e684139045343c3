"""The message with a one-time link into the web panel: the link is written just before the post, and never stored."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import recipients, sign_in_links, users

_logger = logging.getLogger(__name__)

PATH = "/panel/sign-in/link"
_PLACEHOLDER = "{sign-in link}"
_HEAD = "**Sign in to Ticketbot:** "
TEXT = f"{_HEAD}{_PLACEHOLDER}  \n_If you have not asked for this, ignore it: nobody else has it._"


def send(
    email: str,
    find_account: Callable[[str], recipients.Recipient | None],
    now: Callable[[], datetime],
    wake_messages: Callable[[], None],
) -> None:
    """Add a message with a link for the user with an address (lower case); the log says why there is none.

    Called after the answer to who asked, which so takes as long for every address (P2).
    """
    try:
        problem = _problem(email, find_account, now())
    except errors.TicketbotError as error:
        problem = str(error)
    except Exception:
        problem = "a bug in tbot"
        _logger.exception("a bug in tbot: the request for a sign-in link failed")
    if problem:
        _logger.info("no sign-in link was sent: %s", problem)
    else:
        wake_messages()


def _problem(email: str, find_account: Callable[[str], recipients.Recipient | None], now: datetime) -> str:
    """Add a message with a link; return why not, empty if it was added. Webex is asked about our own users only."""
    with db.session():
        user = users.User.get_or_none(users.User.email_lookup == email)
        key = sign_in_links.widest_key(user.id, now) if user else None
    if key is None:
        return "the address that was given has no user, or the user has no living key"
    account = find_account(email)
    if account is None:
        return f"user {user.id} has no Webex account"
    if not sign_in_links.request(user, account, TEXT, now):
        return f"user {user.id} was sent one within the last minute"
    return ""


def with_link(markdown: str, message_id: int, panel_url: str, now: Callable[[], datetime]) -> str:
    """Return the text of a sign-in message with a new link, any other as it is; call it outside of transactions."""
    if not markdown.startswith(TEXT):  # a repeat says that it is one
        return markdown
    token = sign_in_links.new_token(message_id, now()) if panel_url else None
    if token is None:
        return markdown.replace(_PLACEHOLDER, "the link that you asked for comes too late. Ask for another one.")
    link = f"[open the panel]({panel_url}{PATH}?token={token}) within {sign_in_links.LASTS.seconds // 60} minutes."
    return markdown.replace(_PLACEHOLDER, link)


def without_link(markdown: str) -> str:
    """Return a text as it may be stored: of a sign-in message nothing that was posted, however it was cut."""
    return TEXT if markdown.startswith(f"{_HEAD}[") else markdown
