"""Entities as the CLI fetches, lists and names them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ticketbot.api import requests, responses
from ticketbot.api.client import Client
from ticketbot.cli.arguments import Arguments
from ticketbot.cli.output import Column

FORWARD_STATES = ("active", "upcoming", "expired", "disabled")
NOTIFICATION_STATES = ("pending", "sending", "sent", "skipped", "dead")


class Entity(NamedTuple):
    """One type of object. `newest_only` types only grow: the newest 100 are listed if no limit is given."""

    name: str
    columns: Sequence[Column]
    rows: Callable[[Client, Arguments, int | None], list[Any]]
    row: Callable[[Client, int], Any] | None = None
    delete: Callable[[Client, int], None] | None = None
    words: Callable[[Any], str] = lambda _: ""
    newest_only: bool = False


def list_rows(kind: Entity, server: Client, arguments: Arguments) -> list[Any]:
    """Return the requested rows."""
    limit = arguments.number("--limit", least=1)
    return kind.rows(server, arguments, requests.DEFAULT_LIMIT if limit is None and kind.newest_only else limit)


def _id(row: Any) -> object:
    return row.id


def _name(row: Any) -> object:
    return row.name


def _board_state(row: responses.Board) -> str:
    return "deleted" if row.deleted else "inactive" if row.inactive else "active"


def _ticket_state(row: responses.Ticket) -> str:
    return "deleted" if row.deleted else "open" if row.open else "closed"


def _active(is_active: bool) -> str:
    return "active" if is_active else "inactive"


def progress(run: responses.SyncRun) -> str:
    """Return the progress of each phase of a sync."""
    return ", ".join(f"{phase.name} {phase_text(phase)}" for phase in run.phases)


def phase_text(phase: responses.SyncPhase) -> str:
    """Return the progress of one phase."""
    done = str(phase.done) if phase.total in (None, phase.done) else f"{phase.done} of {phase.total}"
    return f"{done} ({error_count_text(phase.errors)})" if phase.errors else done


def error_count_text(count: int) -> str:
    """Return the number of errors with its noun."""
    return "1 error" if count == 1 else f"{count} errors"


BOARD = Entity(
    "board",
    [
        Column("id", _id),
        Column("name", _name, is_name=True),
        Column("kind", lambda row: "project" if row.project else "service"),
        Column("state", _board_state),
    ],
    lambda server, _, limit: server.boards(limit=limit),
    Client.board,
)
MEMBER = Entity(
    "member",
    [
        Column("id", _id),
        Column("identifier", lambda row: row.identifier),
        Column("name", _name, is_name=True),
        Column("e-mail", lambda row: row.email, is_name=True),
        Column("state", lambda row: _active(not row.inactive)),
    ],
    lambda server, _, limit: server.members(limit=limit),
)
RECIPIENT = Entity(
    "recipient",
    [
        Column("id", _id),
        Column("type", lambda row: row.type),
        Column("name", _name, is_name=True),
        Column("e-mail", lambda row: row.email, is_name=True),
        Column("state", lambda row: _active(row.active)),
        Column("last activity", lambda row: row.last_activity),
    ],
    lambda server, arguments, limit: server.recipients(
        recipient_type=arguments.choice("--type", ("room", "person")), search=arguments.text("--search"), limit=limit
    ),
    Client.recipient,
)
RULE = Entity(
    "rule",
    [
        Column("id", _id),
        Column("board id", lambda row: row.board_id),
        Column("board", lambda row: row.board_name, is_name=True),
        Column("recipient id", lambda row: row.recipient_id),
        Column("recipient", lambda row: row.recipient_name, is_name=True),
        Column("type", lambda row: row.recipient_type),
        Column("state", lambda row: "enabled" if row.enabled else "disabled"),
    ],
    lambda server, _, limit: server.rules(limit=limit),
    Client.rule,
    Client.delete_rule,
    lambda row: f"{row.board_name} > {row.recipient_name}",
)
FORWARD = Entity(
    "forward",
    [
        Column("id", _id),
        Column("source", lambda row: row.source_name, is_name=True),
        Column("destination", lambda row: row.destination_name, is_name=True),
        Column("start", lambda row: row.start),
        Column("end", lambda row: row.end),
        Column("copy", lambda row: row.keep_copy),
        Column("state", lambda row: row.state),
    ],
    lambda server, arguments, limit: server.forwards(state=arguments.choice("--state", FORWARD_STATES), limit=limit),
    Client.forward,
    Client.delete_forward,
    lambda row: f"{row.source_name} > {row.destination_name}",
)
USER = Entity(
    "user",
    [
        Column("id", _id),
        Column("name", _name, is_name=True),
        Column("e-mail", lambda row: row.email, is_name=True),
        Column("created", lambda row: row.created_at),
    ],
    lambda server, _, limit: server.users(limit=limit),
    Client.user,
    Client.delete_user,
    lambda row: f"{row.name} <{row.email}>, including all keys",
)
KEY = Entity(
    "key",
    [
        Column("id", _id),
        Column("user id", lambda row: row.user_id),
        Column("ends in", lambda row: row.hint),
        Column("created", lambda row: row.created_at),
        Column("last used", lambda row: row.last_used_at),
    ],
    lambda server, _, limit: server.keys(limit=limit),
    Client.key,
    Client.delete_key,
    lambda row: f"of user {row.user_id}" + (f", ending in {row.hint}" if row.hint else ""),
)
TICKET = Entity(
    "ticket",
    [
        Column("id", _id),
        Column("summary", lambda row: row.summary, is_name=True),
        Column("board", lambda row: row.board_name, is_name=True),
        Column("company", lambda row: row.company, is_name=True),
        Column("status", lambda row: row.status, is_name=True),
        Column("state", _ticket_state),
    ],
    lambda server, arguments, limit: server.tickets(
        board_id=arguments.number("--board-id"), is_open=arguments.has("--open") or None, limit=limit
    ),
    Client.ticket,
)
NOTIFICATION = Entity(
    "notification",
    [
        Column("id", _id),
        Column("decided", lambda row: row.created_at),
        Column("ticket", lambda row: row.ticket_id),
        Column("kind", lambda row: row.kind),
        Column("recipient", lambda row: row.recipient_name, is_name=True),
        Column("state", lambda row: row.state),
        Column("why", lambda row: row.error if row.error and row.state != "sent" else row.reason, is_name=True),
    ],
    lambda server, arguments, limit: server.notifications(
        state=arguments.choice("--state", NOTIFICATION_STATES),
        ticket_id=arguments.number("--ticket-id"),
        recipient_id=arguments.number("--recipient-id"),
        since=arguments.when("--since"),
        limit=limit,
        newest=True,
    ),
    Client.notification,
    newest_only=True,
)
AUDIT = Entity(
    "change",
    [
        Column("id", _id),
        Column("at", lambda row: row.at),
        Column("user", lambda row: row.user_email, is_name=True),
        Column("action", lambda row: row.action),
        Column("object", lambda row: row.object),
        Column("object id", lambda row: row.object_id),
    ],
    lambda server, _, limit: server.audit(limit=limit, newest=True),
    newest_only=True,
)
SYNC = Entity(
    "sync",
    [
        Column("id", _id),
        Column("started", lambda row: row.started_at),
        Column("state", lambda row: row.state),
        Column("progress", progress, is_name=True),
        Column("errors", lambda row: row.error_count),
        Column("requested by", lambda row: row.requested_by, is_name=True),
    ],
    lambda server, _, limit: server.sync_runs(limit=limit, newest=True),
    newest_only=True,
)

BY_PLURAL = {
    "boards": BOARD,
    "members": MEMBER,
    "recipients": RECIPIENT,
    "rules": RULE,
    "forwards": FORWARD,
    "users": USER,
    "keys": KEY,
    "tickets": TICKET,
    "notifications": NOTIFICATION,
    "audit": AUDIT,
    "syncs": SYNC,
}
"""Every entity by its plural, as in `tbot list`."""

BY_NAME = {kind.name: kind for kind in BY_PLURAL.values()}
"""Every entity by its singular."""
