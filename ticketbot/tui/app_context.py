"""What the app offers to tabs and dialogs."""

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
    """The app, as tabs and dialogs see it. Only the main loop's thread may use it."""

    zone: tzinfo

    def call(
        self, work: Callable[[client.Client], T], done: Callable[[T], None], failed: OnError | None = None
    ) -> None:
        """Call the server in the background; without `failed`, an error opens a dialog."""

    def open(self, dialog: dialogs.Dialog) -> None:
        """Show a dialog on top; it receives all keys until it is closed."""

    def close(self, dialog: dialogs.Dialog) -> None:
        """Close a dialog, if it is still open."""

    def say(self, text: str) -> None:
        """Show a notice for a few seconds."""


def moment(at: datetime | None, zone: tzinfo) -> str:
    """Format a time in a time zone; empty for None."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def yes_no(value: bool) -> str:
    """Return `yes` or `no`."""
    return "yes" if value else "no"


def explain(error: errors.TicketbotError) -> str:
    """Return an error as sentences: what is wrong, in which fields, and what to do."""
    text = str(error)
    if isinstance(error, errors.InvalidInput) and error.errors:
        named = "; ".join(f"{each.field} {each.message}" if each.field else each.message for each in error.errors)
        text = f"{text.rstrip('.')}: {named}"
    text = errors.sentence(text)
    if isinstance(error, errors.NotAllowed):
        return f"{text}\nThe server rejected the API key. Set TBOT_API_KEY to a valid key and restart."
    if isinstance(error, errors.Unreachable):
        return f"{text}\nRetrying every few seconds. The data shown may be out of date."
    return text
