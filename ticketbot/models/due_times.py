"""When something is due next: all that an idle server asks the database every second, in one statement."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from ticketbot.database import fields, sql

_QUEUES = """
    SELECT (SELECT MIN(due_at) FROM event WHERE state = 'waiting'),
           (SELECT until FROM hold WHERE service = 'connectwise' AND until > ?),
           (SELECT MIN(due_at) FROM message WHERE state = 'pending'),
           (SELECT until FROM hold WHERE service = 'webex' AND until > ?)
"""
_UTC = fields.UtcField()


class Queue(NamedTuple):
    """When the first row is due, None if nothing waits; and until when all calls are on hold, None if they are not."""

    due_at: datetime | None
    held_until: datetime | None


def read(now: datetime) -> tuple[Queue, Queue]:
    """Return both queues, events and messages."""
    moments = [_UTC.python_value(value) for value in sql.execute(_QUEUES, now, now).fetchone()]
    return Queue(*moments[:2]), Queue(*moments[2:])
