"""Each entity of the API as people see it: its names, its columns, and what to say when there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from ticketbot.api import responses
from ticketbot.decide import plan
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


def _column(title: str, read: str | Read = "", kind: Kind = "value") -> Column:
    return Column(title, read if callable(read) else attrgetter(read or title), kind)


def _entity(
    singular: str,
    *columns: Column,
    title: Callable[[Any], str] = attrgetter("name"),
    plural: str = "",
    empty: str = "",
    newest_first: bool = False,
) -> Entity:
    plural = plural or f"{singular}s"
    return Entity(singular, plural, (_column("id", kind="id"), *columns), title, empty or f"No {plural}", newest_first)


def board_state(row: responses.Board) -> str:
    """Return the state of a board."""
    return "deleted" if row.deleted else "inactive" if row.inactive else "active"


def ticket_state(row: responses.Ticket) -> str:
    """Return the state of a ticket."""
    return "deleted" if row.deleted else "open" if row.open else "closed"


def board_of(row: responses.Rule) -> str:
    """Return the name of a rule's board."""
    return "all boards" if row.board_id is None else row.board_name or ""


def recipient_of(row: responses.Rule) -> str:
    """Return the name of whom a rule notifies."""
    return plan.ASSIGNED_PEOPLE if row.target == "assigned" else row.recipient_name or ""


def rule_state(row: responses.Rule) -> str:
    """Return the state of a rule."""
    return "disabled" if not row.enabled else "dry run" if row.dry_run else "enabled"


def rule_title(row: responses.Rule) -> str:
    """Return what names a rule in a sentence."""
    return row.name or f"{board_of(row)} > {recipient_of(row)}"


def _limits(row: responses.Forward) -> str:
    limits = (("public notes", row.public_only), ("if sole", row.only_if_sole))
    return ", ".join(name for name, is_set in limits if is_set)


def _why(row: responses.Notification) -> str:
    return row.error if row.error and row.state != "sent" else row.reason


def _key_title(row: responses.Key) -> str:
    return f"of user {row.user_id}" + (f", ending in {row.hint}" if row.hint else "")


ALL = (
    _entity(
        "board",
        _column("name", kind="name"),
        _column("kind", lambda row: "project" if row.project else "service"),
        _column("state", board_state, "state"),
        empty="No boards yet. `tbot sync --boards` reads them from ConnectWise",
    ),
    _entity(
        "member",
        _column("identifier"),
        _column("name", kind="name"),
        _column("email", kind="name"),
        _column("state", lambda row: "inactive" if row.inactive else "active", "state"),
    ),
    _entity(
        "recipient",
        _column("type"),
        _column("name", kind="name"),
        _column("email", kind="name"),
        _column("state", lambda row: "active" if row.active else "inactive", "state"),
        _column("last activity", "last_activity", kind="time"),
        empty="No recipients. `tbot sync --recipients` reads them from Webex",
    ),
    _entity(
        "rule",
        _column("board id", "board_id", kind="id"),
        _column("board", board_of, kind="name"),
        _column("recipient id", "recipient_id", kind="id"),
        _column("recipient", recipient_of, kind="name"),
        _column("type", "recipient_type"),
        _column("events", lambda row: ", ".join(row.events)),
        _column("when", lambda row: row.condition or "", kind="name"),
        _column("name", lambda row: row.name or "", kind="name"),
        _column("state", rule_state, "state"),
        title=rule_title,
    ),
    _entity(
        "forward",
        _column("source", "source_name", kind="name"),
        _column("destination", "destination_name", kind="name"),
        _column("start", kind="time"),
        _column("end", kind="time"),
        _column("copy", "keep_copy"),
        _column("only", _limits),
        _column("state", kind="state"),
        title=lambda row: f"{row.source_name} > {row.destination_name}",
    ),
    _entity(
        "user",
        _column("name", kind="name"),
        _column("email", kind="name"),
        _column("created", "created_at", kind="time"),
        title=lambda row: f"{row.name} <{row.email}>",
    ),
    _entity(
        "key",
        _column("user id", "user_id", kind="id"),
        _column("user", "user_name", kind="name"),
        _column("ends in", "hint"),
        _column("created", "created_at", kind="time"),
        _column("last used", "last_used_at", kind="time"),
        title=_key_title,
    ),
    _entity(
        "ticket",
        _column("summary", kind="name"),
        _column("board", "board_name", kind="name"),
        _column("company", kind="name"),
        _column("status", kind="name"),
        _column("state", ticket_state, "state"),
        title=attrgetter("summary"),
    ),
    _entity(
        "event",
        _column("received", "first_received_at", kind="time"),
        _column("ticket", "ticket_id", kind="id"),
        _column("source"),
        _column("state", kind="state"),
        _column("tries", "attempts"),
        _column("error", kind="name"),
        title=lambda row: f"of ticket {row.ticket_id}",
        newest_first=True,
    ),
    _entity(
        "notification",
        _column("decided", "created_at", kind="time"),
        _column("ticket", "ticket_id", kind="id"),
        _column("kind"),
        _column("recipient", "recipient_name", kind="name"),
        _column("state", kind="state"),
        _column("why", _why, kind="name"),
        title=lambda row: f"to {row.recipient_name} about ticket {row.ticket_id}",
        newest_first=True,
    ),
    _entity(
        "change",
        _column("at", kind="time"),
        _column("user", "user_email", kind="name"),
        _column("action"),
        _column("object"),
        _column("object id", "object_id", kind="id"),
        _column("what", lambda row: words.changes(row.before, row.after), kind="name"),
        plural="audit",
        empty="No changes",
        newest_first=True,
    ),
    _entity(
        "sync",
        _column("started", "started_at", kind="time"),
        _column("state", kind="state"),
        _column("progress", words.progress, kind="name"),
        _column("errors", "error_count"),
        _column("requested by", "requested_by", kind="name"),
        empty="No syncs. `tbot sync --all` starts one",
        newest_first=True,
    ),
)

BY_PLURAL = {entity.plural: entity for entity in ALL}
BY_SINGULAR = {entity.singular: entity for entity in ALL}
