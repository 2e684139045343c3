"""Fields that pick boards, recipients and users by name, and the loading of their names."""

from __future__ import annotations

from collections.abc import Callable

from ticketbot import errors
from ticketbot.api import client, responses
from ticketbot.tui import fields
from ticketbot.tui.app_context import AppContext

_NO_BOARDS = "No boards yet. Press Esc, Ctrl+S, then N to sync them."
_NO_RECIPIENTS = "No recipients yet. Press Esc, Ctrl+S, then N to sync them."


def board(name: str, label: str) -> fields.PickerField:
    """Return a field to choose a board."""
    return fields.PickerField(name, label, none=_NO_BOARDS)


def boards(name: str, label: str, hint: str) -> fields.PickerField:
    """Return a field to choose several boards; an empty choice means all."""
    return fields.PickerField(name, label, hint, none=_NO_BOARDS, empty="all boards", is_many=True)


def recipient(name: str, label: str) -> fields.PickerField:
    """Return a field to choose a recipient."""
    return fields.PickerField(name, label, none=_NO_RECIPIENTS)


def user(name: str, label: str) -> fields.PickerField:
    """Return a field to choose a user."""
    return fields.PickerField(name, label, none="There are no users.")


def load_boards_into(context: AppContext, *wanting: fields.PickerField) -> None:
    """Load the boards into fields."""
    _fill(context, _read_boards, *wanting)


def load_recipients_into(context: AppContext, *wanting: fields.PickerField) -> None:
    """Load the recipients into fields."""
    _fill(context, _read_recipients, *wanting)


def load_users_into(context: AppContext, *wanting: fields.PickerField) -> None:
    """Load the users into fields."""
    _fill(context, _read_users, *wanting)


def _fill(context: AppContext, read: Callable[[client.Client], fields.Options], *wanting: fields.PickerField) -> None:
    def done(options: fields.Options) -> None:
        for field in wanting:
            field.fill(options)

    def failed(error: errors.TicketbotError) -> None:
        for field in wanting:
            field.set_error(f"{error}. Press Esc, then N to retry.")

    context.call(read, done, failed)


def _read_boards(api: client.Client) -> fields.Options:
    return fields.Options(fields.Option(row.id, row.name) for row in api.boards() if not row.inactive)


def _read_recipients(api: client.Client) -> fields.Options:
    return fields.Options(fields.Option(row.id, recipient_name(row)) for row in api.recipients())


def _read_users(api: client.Client) -> fields.Options:
    return fields.Options(fields.Option(row.id, f"{row.name} ({row.email})") for row in api.users())


def recipient_name(row: responses.Recipient) -> str:
    """Return a name that distinguishes recipients of the same name."""
    known_as = f"{row.name} ({row.email})" if row.email else f"{row.name} ({row.type})"
    return known_as if row.active else f"{known_as}, no longer in Webex"
