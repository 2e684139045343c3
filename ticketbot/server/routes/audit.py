"""The audit trail: every change through the API, in the transaction of the change (A5)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from ticketbot import errors, log
from ticketbot.api import requests, responses
from ticketbot.models import api_keys, audit
from ticketbot.server import authentication, operations

ROUTES = operations.Routes("audit")

_SECRETS = ("key",)


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
    audit.Audit.create(
        at=at,
        user_id=caller.user.id,
        user_email=caller.user.email,
        key_id=caller.key_id,
        action=action,
        object=what,
        object_id=None if row_id is None else str(row_id),
        before=_blanked(before),
        after=_blanked(after),
    )


def _blanked(value: msgspec.Struct | dict[str, Any] | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {name: log.HIDDEN if name in _SECRETS else each for name, each in msgspec.to_builtins(value).items()}


def _entry(row: audit.Audit) -> responses.AuditEntry:
    return msgspec.convert(row, responses.AuditEntry, from_attributes=True)
