"""What the database alone says of problems, in one statement: an idle server asks as often as a busy one (O10)."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from ticketbot.database import fields, sql

# States are literals: otherwise the databases do not use the partial indexes.
_NUMBERS = """
    SELECT (SELECT MIN(started_at) FROM server),
           (SELECT COUNT(*) FROM event WHERE state = 'dead' AND finished_at >= ?),
           (SELECT MIN(finished_at) FROM event WHERE state = 'dead' AND finished_at >= ?),
           (SELECT COUNT(*) FROM notification WHERE state = 'dead' AND died_at >= ?),
           (SELECT MIN(died_at) FROM notification WHERE state = 'dead' AND died_at >= ?),
           (SELECT MAX(received_at) FROM processed_message),
           (SELECT value FROM fact WHERE name = 'callback_repaired'),
           (SELECT value FROM fact WHERE name = 'scheduled_sync')
"""
_UTC = fields.UtcField()


class Numbers(NamedTuple):
    """When the oldest server was started that lives; what is dead, and when it began to die; the last webhook (W4)."""

    running_since: datetime | None
    dead_events: int
    first_dead_event_at: datetime | None
    dead_notifications: int
    first_dead_notification_at: datetime | None
    last_webhook_at: datetime | None
    callback_repaired_at: datetime | None
    scheduled_sync_at: datetime | None


def read(dead_since: datetime) -> Numbers:
    """Return the numbers; of what is dead, count what died at a time or later."""
    started, events, first_event, notifications, first, webhook, *facts = sql.execute(
        _NUMBERS, *[dead_since] * 4
    ).fetchone()
    decoded = [each and msgspec.json.decode(each) for each in facts]
    moments = [_UTC.python_value(each) for each in (started, first_event, first, webhook, *decoded)]
    return Numbers(moments[0], events, moments[1], notifications, *moments[2:])
