"""What `--json` prints: the shapes of the server's answers, and those of commands that ask no server.

Every document is ASCII, indented, and the only thing on stdout. Fields may be added in a later release; none is renamed
or removed.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from ticketbot import shapes

CheckState = Literal["ok", "warning", "skipped", "failed"]


class Setting(msgspec.Struct, kw_only=True):
    """One setting in force; `value` is null when it is not set, and never a secret."""

    setting: str
    value: str | None
    origin: str
    secret: bool


class Migration(msgspec.Struct, kw_only=True):
    """One step of the database's schema; `applied_at` is null while it waits."""

    name: str
    applied_at: shapes.Moment | None


class Check(msgspec.Struct, kw_only=True):
    """One thing that `tbot doctor` looked at; `fix` says how to mend what is not well."""

    check: str
    state: CheckState
    message: str
    fix: str | None = None


class Version(msgspec.Struct, kw_only=True):
    """The version of the program; `built_from` is the commit that a packed program was made of."""

    version: str
    built_from: str | None


DOCUMENTS: dict[str, Any] = {
    "migrate": list[Migration],
    "doctor": list[Check],
    "config": list[Setting],
    "version": Version,
    "ping": shapes.Health,
    "authcheck": shapes.User,
    "sync": shapes.SyncRun,
    "sync status": shapes.SyncStatus,
    "sync cancel": shapes.SyncRun,
    "list boards": list[shapes.Board],
    "list members": list[shapes.Member],
    "list recipients": list[shapes.Recipient],
    "list rules": list[shapes.Rule],
    "list forwards": list[shapes.Forward],
    "list users": list[shapes.User],
    "list keys": list[shapes.Key],
    "list tickets": list[shapes.Ticket],
    "list notifications": list[shapes.Notification],
    "list audit": list[shapes.AuditEntry],
    "list syncs": list[shapes.SyncRun],
    "get board": shapes.Board,
    "get recipient": shapes.Recipient,
    "get rule": shapes.Rule,
    "get forward": shapes.Forward,
    "get user": shapes.User,
    "get key": shapes.Key,
    "get ticket": shapes.Ticket,
    "get notification": shapes.Notification,
    "get config": shapes.Config,
    "create rule": shapes.Rule,
    "create forward": shapes.Forward,
    "create user": shapes.User,
    "create key": shapes.CreatedKey,
    "update rule": shapes.Rule,
    "update forward": shapes.Forward,
    "update config": shapes.Config,
    "delete rule": shapes.Rule,
    "delete forward": shapes.Forward,
    "delete user": shapes.User,
    "delete key": shapes.Key,
    "explain": shapes.Explanation,
    "retry": shapes.Notification,
    "retry --dead": shapes.Retried,
    "test": shapes.TestSent,
}
"""What each command prints; a delete prints what is no more, as it was."""


def text(document: Any) -> str:
    """Return a document as it is printed: ASCII, so that neither locale nor terminal can spoil it."""
    return json.dumps(msgspec.to_builtins(document), indent=2).replace("\x7f", "\\u007f") + "\n"
