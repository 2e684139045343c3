"""What tabs and dialogs may ask of the app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Protocol, TypeVar

from ticketbot import errors
from ticketbot.api import client

if TYPE_CHECKING:
    from ticketbot.tui import dialogs

T = TypeVar("T")
OnError = Callable[[errors.TicketbotError], None]


class AppContext(Protocol):
    """The app, as its parts see it. All of it belongs to the main loop's thread."""

    zone: tzinfo

    def call(
        self, work: Callable[[client.Client], T], done: Callable[[T], None], failed: OnError | None = None
    ) -> None:
        """Ask the server in the background; without `failed` a failure becomes a popup."""

    def open(self, dialog: dialogs.Dialog) -> None:
        """Show a dialog above everything; it gets the keys until it is closed."""

    def close(self, dialog: dialogs.Dialog) -> None:
        """Take a dialog away, if it is still there."""

    def say(self, text: str) -> None:
        """Show a line for some seconds."""


def moment(at: datetime | None, zone: tzinfo) -> str:
    """Return a time as people read it, in their time zone; empty when there is none."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def yes_no(value: bool) -> str:
    """Return a truth in a word."""
    return "yes" if value else "no"


def explain(error: errors.TicketbotError) -> str:
    """Return a failure as sentences: what is wrong, with fields where they are named, and what to do."""
    text = str(error)
    if isinstance(error, errors.InvalidInput) and error.errors:
        named = "; ".join(f"{each.field} {each.message}" if each.field else each.message for each in error.errors)
        text = f"{text.rstrip('.')}: {named}"
    text = errors.sentence(text)
    if isinstance(error, errors.NotAllowed):
        return f"{text}\nThe server does not accept our API key. Set TBOT_API_KEY to a valid key and restart."
    if isinstance(error, errors.Unreachable):
        return f"{text}\nRetrying every few seconds. The data shown may be out of date."
    return text
