"""API keys of users: stored as a hash, found by a prefix."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import datetime
from typing import NamedTuple

import bcrypt
import peewee

from ticketbot.database import fields, sql
from ticketbot.models import users

KEY_COST = 10  # about 50 ms, which slows down guessing with a stolen database

_MARK = "tbot_"  # makes a leaked key recognizable as one of ours
# What `new_key` generates: 288 random bits, of which the prefix and the hint reveal 72.
_MADE_HERE = re.compile(rf"{_MARK}[A-Za-z0-9_-]{{48}}")
# An operator's own key (A3) may have 20 characters and no randomness to spare.
_SHORTEST_WITH_HINT = 40


class ApiKey(fields.Model):
    """A key: a lookup prefix, a bcrypt hash of the whole, and the last four characters as a hint, if any (A1)."""

    id = fields.IdField()
    user = peewee.ForeignKeyField(users.User, on_delete="CASCADE", backref="keys")
    prefix = peewee.TextField(unique=True)
    hash = peewee.TextField()
    hint = peewee.TextField()
    scope = peewee.TextField(default="admin")
    expires_at = fields.UtcField(null=True)
    created_at = fields.UtcField()
    last_used_at = fields.UtcField(null=True)


class CreatedKey(NamedTuple):
    """A new key: its row, and the whole key, which cannot be shown again (A1)."""

    row: ApiKey
    key: str


def add_key(
    user: users.User, key: str, now: datetime, *, scope: str = "admin", expires_at: datetime | None = None
) -> CreatedKey:
    """Store a key for a user: only a lookup prefix, a hash of the whole and a hint are stored."""
    row = ApiKey.create(
        user=user,
        prefix=prefix_of(key),
        hash=bcrypt.hashpw(_digest(key), bcrypt.gensalt(KEY_COST)).decode(),
        hint=key[-4:] if len(key) >= _SHORTEST_WITH_HINT else "",
        scope=scope,
        expires_at=expires_at,
        created_at=now,
    )
    return CreatedKey(row, key)


def new_key() -> str:
    """Generate a random key."""
    return f"{_MARK}{secrets.token_urlsafe(36)}"


def prefix_of(key: str) -> str:
    """Return the lookup prefix of a key.

    For a key generated here, this is its first random characters. For any other it is 16 bits of a hash: all that a
    thief of the database could use to discard guesses without a bcrypt for each.
    """
    if _MADE_HERE.fullmatch(key):
        return key[: len(_MARK) + 8]
    return f"given_{hashlib.sha256(key.encode()).hexdigest()[:4]}"


def find_key(key: str) -> ApiKey | None:
    """Return the row that a key may belong to, with its user; only `verify_key` proves that it does."""
    if not (key.isascii() and key.isprintable()):
        return None
    # At most one key was not generated here, the first administrator's, so at most one of the two is found.
    query = (
        ApiKey.select(ApiKey, users.User)
        .join(users.User)
        .where(ApiKey.prefix.in_([prefix_of(key), _prefix_in_1_0(key)]))
    )
    found: ApiKey | None = query.first()
    return found


def where_living(now: datetime) -> peewee.Expression:
    """Return the condition that a key has not expired (A7)."""
    return ApiKey.expires_at.is_null() | (ApiKey.expires_at > now)


def key_exists(key_id: int, prefix: str) -> bool:
    """Return whether a key still exists; it cannot be deleted until the transaction ends."""
    query = ApiKey.select(ApiKey.id).where(ApiKey.id == key_id, ApiKey.prefix == prefix)
    return sql.for_update(query, "FOR KEY SHARE").first() is not None


def verify_key(row: ApiKey, key: str) -> bool:
    """Return whether a whole key matches a row; costs one bcrypt."""
    return bcrypt.checkpw(_digest(key), row.hash.encode())


def _prefix_in_1_0(key: str) -> str:
    return key[: len(_MARK) + 8] if key.startswith(_MARK) else key[:8]


def add_first_administrator(email: str, key: str, now: datetime) -> bool:
    """Create the first administrator with a given key; return False if any user exists (A3)."""
    if users.User.select().exists():
        return False
    add_key(users.add_user(email.partition("@")[0], email, now), key, now)
    return True


def _digest(key: str) -> bytes:
    # bcrypt reads at most 72 bytes and stops at a zero byte.
    return base64.b64encode(hashlib.sha256(key.encode()).digest())
