"""A copy of a database, at its first start: what waited in it may have been sent by the original (O12)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import peewee

from ticketbot.models import alerts, events, facts, messages, notifications, plain_messages, servers, syncs
from ticketbot.models.messages import Message

MARK = f"INSERT OR REPLACE INTO fact (name, value) VALUES ('{facts.IS_COPY}', 'true')"  # noqa: S608  (fixed text)
"""The statement that makes a database one that was copied; the original never sees it."""
_SKIPPED = "it waited in a backup that was started with --skip-missed"


def adopt(now: datetime, *, skip_for: Sequence[Any] = ()) -> int | None:
    """Make a copy a database of its own, in a transaction; return how many messages waited, None if it is no copy.

    They are flagged as possible duplicates, or skipped for these reasons. The servers of the original are not ours.
    """
    if not facts.take(facts.IS_COPY):
        return None
    for row in servers.all_servers():
        events.release(row.id, now)
        messages.release(row.id, now)
        syncs.release(row.id, now)
        servers.remove(row.id)
    if skip_for:
        alerts.AlertPost.delete().execute()
        return messages.skip_pending(skip_for) + plain_messages.give_up_all(_SKIPPED)
    facts.remember_copied(events.Event.select(peewee.fn.MAX(events.Event.id)).scalar() or 0)
    waits = Message.state == notifications.PENDING
    return int(Message.update(possible_duplicate=True).where(waits).execute()) + notifications.count_held()
