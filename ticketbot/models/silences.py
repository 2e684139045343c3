"""Silences: periods in which matching notifications are skipped (N3)."""

from __future__ import annotations

from datetime import datetime

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import recipients, tickets


class Silence(fields.Model):
    """What must match, and for how long. It is ended rather than deleted: the ledger refers to it.

    `ticket_id` and `rule_id` may name what is not, or no longer, here.
    """

    id = fields.IdField()
    board = peewee.ForeignKeyField(tickets.Board, null=True, on_delete="RESTRICT", backref="silences")
    ticket_id = peewee.BigIntegerField(null=True)
    company = peewee.TextField(null=True)
    recipient = peewee.ForeignKeyField(recipients.Recipient, null=True, on_delete="RESTRICT", backref="silences")
    rule_id = peewee.BigIntegerField(null=True)
    start = fields.UtcField()
    until = fields.UtcField(index=True)
    comment = peewee.TextField()
    created_by = peewee.TextField(null=True)  # the e-mail address of the user
    created_at = fields.UtcField()


def not_ended(now: datetime) -> list[Silence]:
    """Return the silences that are active or upcoming, ordered by id."""
    return sql.select(Silence, "SELECT * FROM silence WHERE until > ? ORDER BY id", now)
