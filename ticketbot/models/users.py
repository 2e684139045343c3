"""Users."""

from __future__ import annotations

from datetime import datetime

import peewee

from ticketbot.database import fields


class User(fields.Model):
    """An owner of API keys. `email_lookup` makes addresses unique, ignoring case (A1)."""

    id = fields.IdField()
    name = peewee.TextField()
    email = peewee.TextField()
    email_lookup = peewee.TextField(unique=True)
    created_at = fields.UtcField()


def add_user(name: str, email: str, now: datetime) -> User:
    """Add a user; raise peewee's `IntegrityError` if the address is in use, ignoring case."""
    user: User = User.create(name=name, email=email, email_lookup=email.lower(), created_at=now)
    return user
