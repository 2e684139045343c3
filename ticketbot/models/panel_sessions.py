"""Sessions of the web panel: stored as a hash, ended with their key or its user (P2)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

import peewee

from ticketbot.database import db, fields
from ticketbot.models import api_keys, users

LASTS = timedelta(hours=12)


class PanelSession(fields.Model):
    """A session of whoever signed in with a key; the token itself is only in the cookie."""

    token_hash = peewee.TextField(primary_key=True)
    key = peewee.ForeignKeyField(api_keys.ApiKey, on_delete="CASCADE")
    expires_at = fields.UtcField(index=True)


def start(key_id: int, now: datetime) -> str:
    """Store a new session and return its token; sessions that have ended are removed."""
    token = secrets.token_urlsafe(32)
    with db.transaction("panel-session"):
        PanelSession.delete().where(PanelSession.expires_at <= now).execute()
        PanelSession.insert(token_hash=hash_token(token), key=key_id, expires_at=now + LASTS).execute()
    return token


def key_of(token: str, now: datetime) -> api_keys.ApiKey | None:
    """Return the key, with its user, that a living session was started with; None once either has expired."""
    query = (
        api_keys.ApiKey.select(api_keys.ApiKey, users.User)
        .join(users.User)
        .switch(api_keys.ApiKey)
        .join(PanelSession)
        .where(PanelSession.token_hash == hash_token(token), PanelSession.expires_at > now)
        .where(api_keys.where_living(now))
    )
    found: api_keys.ApiKey | None = query.first()
    return found


def end(token: str) -> None:
    """End a session at once."""
    with db.transaction("panel-session"):
        PanelSession.delete().where(PanelSession.token_hash == hash_token(token)).execute()


def hash_token(token: str) -> str:
    """Return what is stored of a token, long and random as it is: nobody can find it from this."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
