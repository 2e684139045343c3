"""The audit trail: every change through the API, in the transaction of the change (A5)."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

import msgspec

from ticketbot import errors, log
from ticketbot.api import requests, responses
from ticketbot.database import db
from ticketbot.models import api_keys, audit, runtime_config
from ticketbot.server import authentication, operations

ROUTES = operations.Routes("audit")

_SECRETS = ("key", *runtime_config.SECRETS)
_LOGGED = ("action", "object", "object_id", "user_id", "user_email", "key_id", "client_address")

_logger = logging.getLogger(__name__)


@ROUTES.get("/audit", "List what was changed through the API")
def list_audit(query: requests.Page) -> operations.Listing[responses.AuditEntry]:
    return operations.listing(audit.Audit.select(), audit.Audit.id, query, _entry)


def record(
    caller: authentication.Caller,
    at: datetime,
    action: str,
    what: str,
    row_id: int | None = None,
    *,
    before: msgspec.Struct | dict[str, Any] | None = None,
    after: msgspec.Struct | dict[str, Any] | None = None,
) -> None:
    """Write a change into the audit trail, with secrets blanked; call it inside the transaction of the change.

    Raises `NotAllowed`, which undoes the change, if the key that it came with has been deleted meanwhile (A1).
    """
    if not api_keys.key_exists(caller.key_id, caller.key_prefix):
        raise errors.NotAllowed("This API key has just been deleted")
    row = audit.Audit.create(
        at=at,
        user_id=caller.user.id,
        user_email=caller.user.email,
        key_id=caller.key_id,
        action=action,
        object=what,
        object_id=None if row_id is None else str(row_id),
        client_address=caller.client_address,
        request_id=log.current_correlation() or None,
        before=_blanked(before),
        after=_blanked(after),
    )
    db.after_commit(lambda: _log(row))


def _log(row: audit.Audit) -> None:
    """Write a change into the log, where other systems collect it: what differs before and after, as it is stored."""
    before: dict[str, Any] = row.before or {}
    after: dict[str, Any] = row.after or {}
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    shown = {name: getattr(row, name) for name in _LOGGED}
    for name, values in (("before", before), ("after", after)):
        shown[name] = {each: values[each] for each in changed if each in values}
    what = f"{row.action} {row.object} {row.object_id or ''}".rstrip()
    _logger.info("audit: %s, by %s from %s", what, row.user_email, row.client_address, extra=shown)


def _blanked(value: msgspec.Struct | dict[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        name: log.HIDDEN if each and name in _SECRETS else each for name, each in msgspec.to_builtins(value).items()
    }


def _entry(row: audit.Audit) -> responses.AuditEntry:
    return msgspec.convert(row, responses.AuditEntry, from_attributes=True)
