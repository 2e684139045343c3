"""Holds: until when nobody may call an external service, and why."""

from __future__ import annotations

from datetime import datetime

import peewee

from ticketbot.database import fields, sql


class Hold(fields.Model):
    """Why nobody may call an outside service until a moment: the limit counts per bot, the token is one for all."""

    service = peewee.TextField(primary_key=True)  # connectwise | webex
    until = fields.UtcField()
    since = fields.UtcField()
    failures = peewee.IntegerField(default=0)
    reason = peewee.TextField()


def begin(service: str, *, until: datetime, now: datetime, reason: str) -> None:
    """Stop all calls of one kind until a moment; a longer hold is never shortened by a shorter one.

    Calls that were under way when a hold began and fail like the first one are no further failure.
    """
    Hold.insert(service=service, until=until, since=now, failures=1, reason=reason).on_conflict(
        conflict_target=[Hold.service],
        update={
            Hold.until: peewee.Case(None, [(Hold.until > peewee.EXCLUDED.until, Hold.until)], peewee.EXCLUDED.until),
            Hold.failures: peewee.Case(None, [(Hold.until > now, Hold.failures)], Hold.failures + 1),
            Hold.reason: reason,
        },
    ).execute()


def active(now: datetime) -> dict[str, datetime]:
    """Return when the holds that last will be over, by service."""
    return {
        hold.service: hold.until for hold in sql.select(Hold, "SELECT service, until FROM hold WHERE until > ?", now)
    }


def latest(service: str) -> Hold | None:
    """Return the hold that no success has ended yet, even when its time is over."""
    found: Hold | None = Hold.get_or_none(Hold.service == service)
    return found


def failed_in_a_row(service: str, now: datetime) -> int:
    """Return how many holds in a row were in vain: the one that still lasts has not been tried."""
    last = latest(service)
    return 0 if last is None else int(last.failures) - (last.until > now)


def end(service: str, *, called_at: datetime) -> None:
    """End a hold after the success of a call; one that was under way when the hold began has no say in it."""
    sql.execute("DELETE FROM hold WHERE service = ? AND until <= ?", service, called_at)
