"""Add what 1.1.0 remembers, in tables of its own.

1.0.0 runs on beside it (O5), and it cannot read rows of its own tables that have gained a column.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import peewee

from ticketbot.database import fields, sql


class Event(fields.Model):
    """As it is referred to."""


class Recipient(fields.Model):
    """As it is referred to."""


class EventCrash(fields.Model):
    event = peewee.ForeignKeyField(Event, primary_key=True, on_delete="CASCADE", backref="+")
    alone = peewee.IntegerField()


class PersonEmail(fields.Model):
    email = peewee.TextField()
    recipient = peewee.ForeignKeyField(Recipient, on_delete="CASCADE", backref="+")

    class Meta:
        primary_key = peewee.CompositeKey("email", "recipient")


class SigningKey(fields.Model):
    address = peewee.TextField(primary_key=True)
    key = peewee.TextField()
    verified_at = fields.UtcField()


def up(migrator: Any, database: Any) -> None:  # noqa: ARG001  (the runner's signature)
    database.create_tables((EventCrash, PersonEmail, SigningKey), safe=False)
    # From now on it is when a dead notification died: at the latest now.
    sql.execute(
        "UPDATE notification SET give_up_at = ? WHERE state = 'dead' AND give_up_at > ?", *[datetime.now(UTC)] * 2
    )
