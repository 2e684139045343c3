"""What `--json` prints: the server's responses, and the documents of commands that call no server.

Every document is ASCII, indented, and the only thing on stdout. Later releases may add fields, but never rename or
remove one.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from ticketbot.api import calm_responses, responses, status_responses, sync_responses, trial_responses

CheckState = Literal["ok", "warning", "skipped", "failed"]


class Setting(msgspec.Struct, kw_only=True):
    """An effective setting; `value` is null if it is not set, and never a secret."""

    setting: str
    value: str | None
    origin: str
    secret: bool


class Migration(msgspec.Struct, kw_only=True):
    """A database migration; `applied_at` is null while it is pending."""

    name: str
    applied_at: responses.Moment | None


class Check(msgspec.Struct, kw_only=True):
    """One check of `tbot doctor`; `fix` says what to do if it is not ok."""

    check: str
    state: CheckState
    message: str
    fix: str | None = None


class Version(msgspec.Struct, kw_only=True):
    """The version of the program; `built_from` is the commit that a packed program was built from."""

    version: str
    built_from: str | None


class ImportedTable(msgspec.Struct, kw_only=True):
    """One table of the source: rows read, those that were new here, and those that were known already."""

    table: str
    read: int
    imported: int
    known: int


class LeftOut(msgspec.Struct, kw_only=True):
    """Something that was not imported, or not as it was, and why."""

    table: str
    what: str
    why: str


class ImportedForward(msgspec.Struct, kw_only=True):
    """The dates of a forward, as they were stored without a zone, and what they became."""

    source: str
    destination: str
    start_there: str | None
    end_there: str | None
    start: str | None
    end: str | None


class Import(msgspec.Struct, kw_only=True):
    """What `tbot import` did; in a dry run, what it would do. Nothing from before `history_until` is sent."""

    source: str
    dry_run: bool
    tables: list[ImportedTable]
    left_out: list[LeftOut]
    forwards: list[ImportedForward]
    history_until: responses.Moment | None


DOCUMENTS: dict[str, Any] = {
    "migrate": list[Migration],
    "doctor": list[Check],
    "config": list[Setting],
    "version": Version,
    "ping": responses.Health,
    "authcheck": responses.User,
    "status": status_responses.Status,
    "sync": sync_responses.SyncRun,
    "sync status": sync_responses.SyncStatus,
    "sync cancel": sync_responses.SyncRun,
    "list boards": list[responses.Board],
    "list members": list[responses.Member],
    "list recipients": list[responses.Recipient],
    "list rules": list[responses.Rule],
    "list forwards": list[responses.Forward],
    "list silences": list[calm_responses.Silence],
    "list quiet-hours": list[calm_responses.QuietHours],
    "list users": list[responses.User],
    "list keys": list[responses.Key],
    "list tickets": list[responses.Ticket],
    "list events": list[responses.Event],
    "list notifications": list[responses.Notification],
    "list audit": list[responses.AuditEntry],
    "list syncs": list[sync_responses.SyncRun],
    "get board": responses.Board,
    "get recipient": responses.Recipient,
    "get rule": responses.Rule,
    "get forward": responses.Forward,
    "get silence": calm_responses.Silence,
    "get quiet-hours": calm_responses.QuietHours,
    "get user": responses.User,
    "get key": responses.Key,
    "get ticket": responses.Ticket,
    "get event": responses.Event,
    "get notification": responses.Notification,
    "get config": responses.Config,
    "create rule": responses.Rule,
    "create forward": responses.Forward,
    "create silence": calm_responses.Silence,
    "create silence --preview": calm_responses.SilencePreview,
    "create quiet-hours": calm_responses.QuietHours,
    "create user": responses.User,
    "create key": responses.CreatedKey,
    "update rule": responses.Rule,
    "update forward": responses.Forward,
    "update silence": calm_responses.Silence,
    "update quiet-hours": calm_responses.QuietHours,
    "update config": responses.Config,
    "delete rule": responses.Rule,
    "delete forward": responses.Forward,
    "delete silence": calm_responses.Silence,
    "delete quiet-hours": calm_responses.QuietHours,
    "delete user": responses.User,
    "delete key": responses.Key,
    "explain": responses.Explanation,
    "try": trial_responses.Trial,
    "backtest": trial_responses.Backtest,
    "plan": trial_responses.Plan,
    "apply": trial_responses.Plan,
    "import": Import,
    "retry": responses.Notification,
    "retry --dead": responses.RetryResult,
    "test": responses.TestMessageResult,
    "test --alert": status_responses.TestAlertResult,
}
"""What each command prints; `delete` prints the deleted object."""


def to_json(document: Any) -> str:
    """Return a document as printed: in ASCII, so that it does not depend on locale or terminal."""
    return json.dumps(msgspec.to_builtins(document), indent=2).replace("\x7f", "\\u007f") + "\n"
