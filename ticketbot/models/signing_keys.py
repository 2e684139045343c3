"""Signing keys that have verified a webhook, kept across restarts (W2)."""

from __future__ import annotations

from datetime import datetime

import peewee

from ticketbot.database import fields

MOST_LOADED = 100  # ConnectWise has one key per tenant, rarely two


class SigningKey(fields.Model):
    """A ConnectWise key that has verified a webhook, by the address it was fetched from."""

    address = peewee.TextField(primary_key=True)
    key = peewee.TextField()
    verified_at = fields.UtcField()


def latest() -> list[SigningKey]:
    """Return the most recently verified keys, the latest first."""
    return list(SigningKey.select().order_by(SigningKey.verified_at.desc()).limit(MOST_LOADED))


def remember(address: str, key: str, now: datetime) -> None:
    """Store a key that has verified a webhook, replacing an earlier one from the same address."""
    row = SigningKey.insert(address=address, key=key, verified_at=now)
    row.on_conflict(conflict_target=[SigningKey.address], preserve=[SigningKey.key, SigningKey.verified_at]).execute()
