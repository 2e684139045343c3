"""The audit trail."""

from __future__ import annotations

import peewee

from ticketbot.database import fields


class Audit(fields.Model):
    """One change through the API (A5). Users and keys are named by value: the trail outlives them."""

    id = fields.IdField()
    at = fields.UtcField(index=True)
    user_id = peewee.BigIntegerField(null=True)
    user_email = peewee.TextField(null=True)
    key_id = peewee.BigIntegerField(null=True)
    action = peewee.TextField()
    object = peewee.TextField()
    object_id = peewee.TextField(null=True)
    client_address = peewee.TextField(null=True)
    request_id = peewee.TextField(null=True)
    before = fields.JsonField(null=True)
    after = fields.JsonField(null=True)
