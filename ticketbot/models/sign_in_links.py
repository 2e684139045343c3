"""One-time links into the web panel: only a hash of the token is stored, written when the message is sent (P2, L8)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import get_args

import peewee

from ticketbot.api import responses
from ticketbot.database import db, fields, sql
from ticketbot.models import api_keys, messages, plain_messages, recipients, users
from ticketbot.models.panel_sessions import hash_token

LASTS = timedelta(minutes=10)
ONE_EVERY = timedelta(minutes=1)


class SignInLink(fields.Model):
    """A link that a user has asked for; `token_hash` is null until its message is sent."""

    message = peewee.ForeignKeyField(messages.Message, primary_key=True, on_delete="CASCADE")
    user = peewee.ForeignKeyField(users.User, on_delete="CASCADE")
    token_hash = peewee.TextField(null=True, unique=True)
    requested_at = fields.UtcField()


def request(user: users.User, recipient: recipients.Recipient, text: str, now: datetime) -> bool:
    """Add a message with a link; False if the user has asked for one within the last minute."""
    with db.transaction("sign-in-link"):
        sql.for_update(users.User.select().where(users.User.id == user.id)).first()  # one request of a user at a time
        SignInLink.delete().where(SignInLink.requested_at <= now - LASTS).execute()
        if SignInLink.select().where(SignInLink.user == user, SignInLink.requested_at > now - ONE_EVERY).exists():
            return False
        message = plain_messages.add(recipient, text, now)
        SignInLink.insert(message=message, user=user, requested_at=now).execute()
    return True


def new_token(message_id: int, now: datetime) -> str | None:
    """Return the token for a message that is about to be sent, None if it came too late."""
    token = secrets.token_urlsafe(32)
    with db.transaction("sign-in-link"):
        is_alive = (SignInLink.message == message_id) & (SignInLink.requested_at > now - LASTS)
        return token if SignInLink.update(token_hash=hash_token(token)).where(is_alive).execute() else None


def use(token: str, now: datetime) -> api_keys.ApiKey | None:
    """Use a link up, and return the user's widest living key; None for a link that is unknown, old or used."""
    with db.transaction("sign-in-link"):
        which = (SignInLink.token_hash == hash_token(token)) & (SignInLink.requested_at > now - LASTS)
        link = SignInLink.get_or_none(which)
        if link is None or not SignInLink.delete().where(which).execute():
            return None
        return widest_key(link.user_id, now)


def widest_key(user_id: int, now: datetime) -> api_keys.ApiKey | None:
    """Return the key of a user with the widest scope among those that have not expired; of several, the last to."""
    keys = api_keys.ApiKey
    order = get_args(responses.Scope)
    living = keys.select().where(keys.user == user_id, api_keys.where_living(now))
    living = living.order_by(keys.expires_at.desc(nulls="first"), keys.id)
    return max(living, key=lambda key: order.index(key.scope), default=None)
