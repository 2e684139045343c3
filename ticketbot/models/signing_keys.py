"""Signing keys that have verified a webhook: they outlive a restart (W2)."""

from __future__ import annotations

from datetime import datetime

import peewee

from ticketbot.database import fields

MOST_LOADED = 100  # ConnectWise has one key for a tenant, seldom two


class SigningKey(fields.Model):
    """A key of ConnectWise that has verified a webhook, under the address it was fetched from."""

    address = peewee.TextField(primary_key=True)
    key = peewee.TextField()
    verified_at = fields.UtcField()


def latest() -> list[SigningKey]:
    """Return the keys that were proven last, the latest first."""
    return list(SigningKey.select().order_by(SigningKey.verified_at.desc()).limit(MOST_LOADED))


def remember(address: str, key: str, now: datetime) -> None:
    """Write a key that has verified a webhook, over one that was served at the same address before."""
    row = SigningKey.insert(address=address, key=key, verified_at=now)
    row.on_conflict(conflict_target=[SigningKey.address], preserve=[SigningKey.key, SigningKey.verified_at]).execute()
