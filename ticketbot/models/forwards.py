"""Forwards: whose messages go to another recipient."""

from __future__ import annotations

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import recipients


class Forward(fields.Model):
    """source -> destination, for a period.

    `start` and `end` are stored as given, a date (`2026-03-01`, a whole day in TBOT_TIMEZONE) or an RFC 3339 time, so
    that they are returned unchanged.
    """

    id = fields.IdField()
    source = peewee.ForeignKeyField(recipients.Recipient, on_delete="RESTRICT", backref="forwards_out")
    destination = peewee.ForeignKeyField(recipients.Recipient, on_delete="RESTRICT", backref="forwards_in")
    start = peewee.TextField(null=True)
    end = peewee.TextField(null=True)
    keep_copy = peewee.BooleanField(default=False)
    public_only = peewee.BooleanField(default=False)  # F9
    only_if_sole = peewee.BooleanField(default=False)  # F9
    enabled = peewee.BooleanField(default=True)
    created_at = fields.UtcField()


def all_forwards() -> peewee.ModelSelect:
    """Return the query for all forwards with source and destination."""
    source, destination = recipients.Recipient.alias(), recipients.Recipient.alias()
    return (
        Forward.select(Forward, source, destination)
        .join(source, on=(Forward.source == source.id), attr="source")
        .switch(Forward)
        .join(destination, on=(Forward.destination == destination.id), attr="destination")
    )


def enabled_forwards() -> list[Forward]:
    """Return all enabled forwards with source and destination, whatever their period."""
    forwards = sql.select(Forward, "SELECT * FROM forward WHERE enabled ORDER BY id")
    known = sql.select_by_id(
        recipients.Recipient, {end for forward in forwards for end in (forward.source_id, forward.destination_id)}
    )
    for forward in forwards:
        forward.source, forward.destination = known[forward.source_id], known[forward.destination_id]
    return forwards
