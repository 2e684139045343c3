"""Store the signing keys that have verified a webhook, so that a restart need not fetch them (W2).

A database that fails costs a fetch after the next start. It refuses no webhook: these functions log, and never raise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

import peewee

from ticketbot import errors
from ticketbot.connectwise import webhook_signature
from ticketbot.database import db
from ticketbot.models import signing_keys

_logger = logging.getLogger(__name__)


def load(now: Callable[[], datetime]) -> list[webhook_signature.StoredKey]:
    """Return the proven keys, the latest first; none where the database does not return them."""
    try:
        with db.session():
            rows = signing_keys.latest()
    except (errors.Unreachable, peewee.DatabaseError) as error:
        _logger.warning("the proven signing keys cannot be loaded: %s", error)
        return []
    return [
        webhook_signature.StoredKey(row.address, row.key, (now() - row.verified_at).total_seconds()) for row in rows
    ]


def save(now: Callable[[], datetime], url: str, key: str) -> None:
    """Keep a key that has just been proven."""
    try:
        with db.transaction("signing-key", wait_s=db.LOCK_TIMEOUT_S):
            signing_keys.remember(url, key, now())
    except (errors.Unreachable, peewee.DatabaseError, ValueError) as error:  # PostgreSQL takes no NUL in a text
        reason = type(error).__name__  # its text may hold the key
        _logger.warning("a signing key is not kept and will be fetched again after the next start: %s", reason)
