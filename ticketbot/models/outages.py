"""Outages: since when a service has failed what uses it, as all servers have seen it (O1, O2)."""

from __future__ import annotations

from datetime import datetime

import peewee

from ticketbot.database import fields, sql


class Outage(fields.Model):
    """A failure that no success has ended yet, of one user of a service: events, messages or a periodic job.

    Users have rows of their own, so that a success with other rights does not hide a refusal.
    """

    source = peewee.TextField(primary_key=True)  # events | messages | the name of a job
    service = peewee.TextField()  # connectwise | webex
    since = fields.UtcField()
    denied = peewee.BooleanField()  # 401 or 403: it does not heal by itself
    reason = peewee.TextField()


_BEGIN = """
    INSERT INTO outage (source, service, since, denied, reason) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (source) DO NOTHING RETURNING source
"""
_UPDATE = "UPDATE outage SET denied = ?, reason = ? WHERE source = ? AND denied <> ?"
_END = "DELETE FROM outage WHERE source = ? AND since <= ? RETURNING *"


def begin(source: str, service: str, *, denied: bool, reason: str, now: datetime) -> bool:
    """Record a failure; return whether it is the first one. One of another kind replaces the reason."""
    if sql.execute(_BEGIN, source, service, now, denied, reason).fetchall():
        return True
    sql.execute(_UPDATE, denied, reason, source, denied)
    return False


def end(source: str, *, called_at: datetime) -> Outage | None:
    """End an outage after a success, and return it, unless the successful call began before it."""
    return next(iter(sql.select(Outage, _END, source, called_at)), None)


def all_outages() -> list[Outage]:
    """Return the outages of all services, the oldest first."""
    return sql.select(Outage, "SELECT * FROM outage ORDER BY since, source")


def of(service: str) -> list[Outage]:
    """Return the outages of a service, the oldest first."""
    return sql.select(Outage, "SELECT * FROM outage WHERE service = ? ORDER BY since, source", service)
