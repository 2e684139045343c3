"""What the app offers to tabs and dialogs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from ticketbot import errors
from ticketbot.api import client
from ticketbot.present import errors as descriptions

if TYPE_CHECKING:
    from ticketbot.tui import dialogs

T = TypeVar("T")
OnError = Callable[[errors.TicketbotError], None]


class AppContext(Protocol):
    """The app, as tabs and dialogs see it. Only the main loop's thread may use it."""

    def call(
        self, work: Callable[[client.Client], T], done: Callable[[T], None], failed: OnError | None = None
    ) -> None:
        """Call the server in the background; without `failed`, an error opens a dialog."""

    def open(self, dialog: dialogs.Dialog) -> None:
        """Show a dialog on top; it receives all keys until it is closed."""

    def close(self, dialog: dialogs.Dialog) -> None:
        """Close a dialog, if it is still open."""

    def show_error(self, error: errors.TicketbotError) -> None:
        """Show an error in a dialog."""

    def say(self, text: str) -> None:
        """Show a notice for a few seconds."""

    def copy(self, text: str) -> None:
        """Put a text into the clipboard of the terminal."""

    def moment(self, at: datetime) -> str:
        """Return a time with its zone."""

    def ago(self, at: datetime) -> str:
        """Return a time relative to now."""


def explain(error: errors.TicketbotError) -> str:
    """Return an error as sentences: what is wrong, in which fields, and what to do."""
    said = " ".join(errors.sentence(each) for each in descriptions.messages(error))
    lines = [said, descriptions.hint(error, descriptions.Origins())]
    if isinstance(error, errors.Unreachable):
        lines.append("Retrying every few seconds. The data shown may be out of date.")
    return "\n".join(errors.sentence(line) for line in lines if line)
