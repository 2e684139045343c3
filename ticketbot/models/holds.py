"""Holds: pauses of all calls to an external service."""

from __future__ import annotations

from datetime import datetime

import peewee

from ticketbot.database import fields, sql


class Hold(fields.Model):
    """A pause of all servers' calls to a service, with its reason: they share one bot's rate limit and one token."""

    service = peewee.TextField(primary_key=True)  # connectwise | webex
    until = fields.UtcField()
    since = fields.UtcField()
    failures = peewee.IntegerField(default=0)
    reason = peewee.TextField()
    needs_person = peewee.BooleanField(default=False)  # O2: credentials were refused, which heals by no waiting


def begin(service: str, *, until: datetime, now: datetime, reason: str, needs_person: bool = False) -> None:
    """Hold all calls to a service until a time; a longer hold is never shortened by a shorter one.

    Calls that were in flight when a hold began and fail like the first one do not count as further failures.
    """
    first = {"since": now, "failures": 1, "reason": reason, "needs_person": needs_person}
    Hold.insert(service=service, until=until, **first).on_conflict(
        conflict_target=[Hold.service],
        update={
            Hold.until: peewee.Case(None, [(Hold.until > peewee.EXCLUDED.until, Hold.until)], peewee.EXCLUDED.until),
            Hold.failures: peewee.Case(None, [(Hold.until > now, Hold.failures)], Hold.failures + 1),
            Hold.reason: reason,
            Hold.needs_person: needs_person,
        },
    ).execute()


def active(now: datetime) -> dict[str, datetime]:
    """Return when each active hold ends, by service."""
    return {
        hold.service: hold.until for hold in sql.select(Hold, "SELECT service, until FROM hold WHERE until > ?", now)
    }


def latest(service: str) -> Hold | None:
    """Return the hold that no success has ended yet, even if its time is over."""
    found: Hold | None = Hold.get_or_none(Hold.service == service)
    return found


def failed_in_a_row(service: str, now: datetime) -> int:
    """Return how many holds in a row did not help; one that is still active does not count yet."""
    last = latest(service)
    return 0 if last is None else int(last.failures) - (last.until > now)


def end(service: str, *, called_at: datetime) -> None:
    """End a hold after a successful call, unless the call began before the time of the hold was over."""
    sql.execute("DELETE FROM hold WHERE service = ? AND until <= ?", service, called_at)
