"""Signing keys that have verified a webhook: they outlive a restart (W2)."""

from __future__ import annotations

import peewee

from ticketbot import db


class SigningKey(db.Model):
    """A key of ConnectWise that has verified a webhook, under the address it was fetched from."""

    address = peewee.TextField(primary_key=True)
    key = peewee.TextField()
    verified_at = db.UtcField()
