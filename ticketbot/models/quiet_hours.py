"""Quiet hours: recurring hours in which a recipient's notifications wait (N4)."""

from __future__ import annotations

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import recipients


class QuietHours(fields.Model):
    """Weekdays and times in a time zone, for one recipient, or for all people without one."""

    id = fields.IdField()
    recipient = peewee.ForeignKeyField(recipients.Recipient, null=True, on_delete="RESTRICT", backref="quiet_hours")
    days = fields.JsonField()  # on which they begin
    start = peewee.TextField()  # HH:MM
    end = peewee.TextField()  # HH:MM, on the next day if it is not after the start
    timezone = peewee.TextField()
    urgent = peewee.TextField(null=True)  # condition (R4)
    enabled = peewee.BooleanField(default=True)
    created_at = fields.UtcField()


def enabled_hours() -> list[QuietHours]:
    """Return the enabled quiet hours, ordered by id."""
    return sql.select(QuietHours, "SELECT * FROM quiet_hours WHERE enabled ORDER BY id")
