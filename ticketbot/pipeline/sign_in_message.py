"""The message with a one-time link into the web panel: the link is written just before the post, and never stored."""

from __future__ import annotations

from datetime import datetime

from ticketbot.models import sign_in_links

PATH = "/panel/sign-in/link"
_PLACEHOLDER = "{sign-in link}"
_HEAD = "**Sign in to Ticketbot:** "
TEXT = f"{_HEAD}{_PLACEHOLDER}  \n_If you have not asked for this, ignore it: nobody else has it._"


def with_link(markdown: str, message_id: int, panel_url: str, now: datetime) -> str:
    """Return the text of a sign-in message with a new link, any other as it is; call it outside of transactions."""
    if markdown != TEXT:
        return markdown
    token = sign_in_links.new_token(message_id, now) if panel_url else None
    if token is None:
        return markdown.replace(_PLACEHOLDER, "the link that you asked for comes too late. Ask for another one.")
    link = f"[open the panel]({panel_url}{PATH}?token={token}) within {sign_in_links.LASTS.seconds // 60} minutes."
    return markdown.replace(_PLACEHOLDER, link)


def without_link(markdown: str) -> str:
    """Return a text as it may be stored: of a sign-in message nothing that was posted, however it was cut."""
    return TEXT if markdown.startswith(f"{_HEAD}[") else markdown
