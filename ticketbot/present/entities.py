"""Each entity of the API as people see it: its names, its columns, and what to say when there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from ticketbot.api import responses
from ticketbot.present import words

Kind = Literal["id", "name", "state", "time", "value"]
Read = Callable[[Any], object]


class Column(NamedTuple):
    """One column. Only a `name` may be cut; a `state` has a style of `states`; a `time` may be a datetime."""

    title: str
    read: Read
    kind: Kind = "value"


class Entity(NamedTuple):
    """One type of object; `title` names one row in a sentence. `newest_first` types only grow."""

    singular: str
    plural: str
    columns: tuple[Column, ...]
    title: Callable[[Any], str]
    empty: str
    newest_first: bool = False


class OwnedKey(responses.Key):
    """A key with the name of its user, which the server does not send."""

    user_name: str


def owned_keys(keys: Iterable[responses.Key], users: Iterable[responses.User]) -> list[OwnedKey]:
    """Return keys with the names of their users."""
    names = {user.id: user.name for user in users}
    return [OwnedKey(**msgspec.structs.asdict(key), user_name=names.get(key.user_id, "")) for key in keys]


def details(row: msgspec.Struct) -> Iterator[tuple[str, object]]:
    """Yield every field of a row with its label."""
    for name, value in msgspec.structs.asdict(row).items():
        yield name.replace("_", " "), value


def _id(title: str = "id", field: str = "id") -> Column:
    return Column(title, attrgetter(field), "id")


def _name(title: str = "name", read: str | Read = "name") -> Column:
    return Column(title, attrgetter(read) if isinstance(read, str) else read, "name")


def _time(title: str, field: str) -> Column:
    return Column(title, attrgetter(field), "time")


def _value(title: str, field: str) -> Column:
    return Column(title, attrgetter(field))


def _state(read: str | Read = "state") -> Column:
    return Column("state", attrgetter(read) if isinstance(read, str) else read, "state")


def _entity(
    singular: str,
    *columns: Column,
    title: Callable[[Any], str] = attrgetter("name"),
    plural: str = "",
    empty: str = "",
    newest_first: bool = False,
) -> Entity:
    plural = plural or f"{singular}s"
    return Entity(singular, plural, columns, title, empty or f"No {plural}", newest_first)


def board_state(row: responses.Board) -> str:
    """Return the state of a board."""
    return "deleted" if row.deleted else "inactive" if row.inactive else "active"


def ticket_state(row: responses.Ticket) -> str:
    """Return the state of a ticket."""
    return "deleted" if row.deleted else "open" if row.open else "closed"


def _why(row: responses.Notification) -> str:
    return row.error if row.error and row.state != "sent" else row.reason


def _key_title(row: responses.Key) -> str:
    return f"of user {row.user_id}" + (f", ending in {row.hint}" if row.hint else "")


ALL = (
    _entity(
        "board",
        _id(),
        _name(),
        Column("kind", lambda row: "project" if row.project else "service"),
        _state(board_state),
        empty="No boards yet. `tbot sync --boards` reads them from ConnectWise",
    ),
    _entity(
        "member",
        _id(),
        _value("identifier", "identifier"),
        _name(),
        _name("email", "email"),
        _state(lambda row: "inactive" if row.inactive else "active"),
    ),
    _entity(
        "recipient",
        _id(),
        _value("type", "type"),
        _name(),
        _name("email", "email"),
        _state(lambda row: "active" if row.active else "inactive"),
        _time("last activity", "last_activity"),
        empty="No recipients. `tbot sync --recipients` reads them from Webex",
    ),
    _entity(
        "rule",
        _id(),
        _id("board id", "board_id"),
        _name("board", "board_name"),
        _id("recipient id", "recipient_id"),
        _name("recipient", "recipient_name"),
        _value("type", "recipient_type"),
        _state(lambda row: "enabled" if row.enabled else "disabled"),
        title=lambda row: f"{row.board_name} > {row.recipient_name}",
    ),
    _entity(
        "forward",
        _id(),
        _name("source", "source_name"),
        _name("destination", "destination_name"),
        _time("start", "start"),
        _time("end", "end"),
        _value("copy", "keep_copy"),
        _state(),
        title=lambda row: f"{row.source_name} > {row.destination_name}",
    ),
    _entity(
        "user",
        _id(),
        _name(),
        _name("email", "email"),
        _time("created", "created_at"),
        title=lambda row: f"{row.name} <{row.email}>",
    ),
    _entity(
        "key",
        _id(),
        _id("user id", "user_id"),
        _name("user", "user_name"),
        _value("ends in", "hint"),
        _time("created", "created_at"),
        _time("last used", "last_used_at"),
        title=_key_title,
    ),
    _entity(
        "ticket",
        _id(),
        _name("summary", "summary"),
        _name("board", "board_name"),
        _name("company", "company"),
        _name("status", "status"),
        _state(ticket_state),
        title=attrgetter("summary"),
    ),
    _entity(
        "event",
        _id(),
        _time("received", "first_received_at"),
        _id("ticket", "ticket_id"),
        _value("source", "source"),
        _state(),
        _value("tries", "attempts"),
        _name("error", "error"),
        title=lambda row: f"of ticket {row.ticket_id}",
        newest_first=True,
    ),
    _entity(
        "notification",
        _id(),
        _time("decided", "created_at"),
        _id("ticket", "ticket_id"),
        _value("kind", "kind"),
        _name("recipient", "recipient_name"),
        _state(),
        _name("why", _why),
        title=lambda row: f"to {row.recipient_name} about ticket {row.ticket_id}",
        newest_first=True,
    ),
    _entity(
        "change",
        _id(),
        _time("at", "at"),
        _name("user", "user_email"),
        _value("action", "action"),
        _value("object", "object"),
        _id("object id", "object_id"),
        _name("what", lambda row: words.changes(row.before, row.after)),
        plural="audit",
        empty="No changes",
        newest_first=True,
    ),
    _entity(
        "sync",
        _id(),
        _time("started", "started_at"),
        _state(),
        _name("progress", words.progress),
        _value("errors", "error_count"),
        _name("requested by", "requested_by"),
        empty="No syncs. `tbot sync --all` starts one",
        newest_first=True,
    ),
)

BY_PLURAL = {entity.plural: entity for entity in ALL}
BY_SINGULAR = {entity.singular: entity for entity in ALL}
