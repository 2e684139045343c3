"""Rules, forwards, silences, quiet hours and configuration as they were when events were decided (T9)."""

from __future__ import annotations

import hashlib
from typing import Any

import peewee

from ticketbot.database import fields, sql
from ticketbot.models.events import Event


class Policies(fields.Model):
    """One state of them, compressed; it is shared by all events that were decided on it."""

    id = fields.IdField()
    digest = peewee.TextField(unique=True)
    content = peewee.BlobField()


def id_of(content: bytes) -> int:
    """Return the id of the row with this content, adding it if it is new."""
    digest = hashlib.sha256(content).hexdigest()
    query = "SELECT id FROM policies WHERE digest = ?"
    found = sql.execute(query, digest).fetchone()
    if found is None:
        Policies.insert(digest=digest, content=content).on_conflict_ignore().execute()
        found = sql.execute(query, digest).fetchone()
    return int(found[0])


def where_unused() -> Any:
    """Return the condition that no event refers to a row any more."""
    used = Event.select(peewee.SQL("1")).where(Event.policies_id == Policies.id)
    return ~peewee.fn.EXISTS(used)
