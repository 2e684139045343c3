"""What all servers on one database share: facts, runtime configuration, leases and holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
import peewee

from ticketbot import db


class Fact(db.Model):
    """A single value under a name, such as `watching_since`."""

    name = peewee.TextField(primary_key=True)
    value = db.JsonField()


class ConfigValue(db.Model):
    """One runtime setting that somebody has changed; the others have their defaults."""

    name = peewee.TextField(primary_key=True)
    value = db.JsonField()


class Hold(db.Model):
    """Why nobody may call an outside service until a moment: the limit counts per bot, the token is one for all."""

    service = peewee.TextField(primary_key=True)  # connectwise | webex
    until = db.UtcField()
    since = db.UtcField()
    failures = peewee.IntegerField(default=0)
    reason = peewee.TextField()


class Lease(db.Model):
    """The right to do one thing alone across all servers, until it expires."""

    name = peewee.TextField(primary_key=True)
    owner = peewee.TextField()
    until = db.UtcField()


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runtime configuration (`GET /config`), live on every server within seconds."""

    attempt_notify: bool = True
    max_message_length: int = 300
    max_concurrent_syncs: int = 5
    require_board_rule: bool = False
    catch_up_interval: int = 300
    retention_days: int = 90


WATCHING_SINCE = "watching_since"
CATCH_UP_WATERMARK = "catch_up_watermark"
LAST_PROBE = "last_probe"  # of whether the database can be written to (O2)
SKIPPED_UNTIL = "skipped_until"  # what was entered before it is history to the second, without T5's hour of grace


def read_config() -> Config:
    """Return the runtime configuration as it stands in the database."""
    stored = {row.name: row.value for row in db.read(ConfigValue, "SELECT name, value FROM config_value")}
    known = {field: stored[field] for field in Config.__struct_fields__ if field in stored}
    return Config(**known)


def write_config(values: Mapping[str, Any]) -> None:
    """Change some of the runtime configuration."""
    for name, value in values.items():
        ConfigValue.insert(name=name, value=value).on_conflict(
            conflict_target=[ConfigValue.name], preserve=[ConfigValue.value]
        ).execute()


def moment(name: str) -> datetime | None:
    """Return a fact that is a moment."""
    rows = db.read(Fact, "SELECT value FROM fact WHERE name = ?", name)
    return datetime.fromisoformat(rows[0].value) if rows else None


def set_moment(name: str, value: datetime) -> None:
    """Write a fact that is a moment."""
    _set(name, value.isoformat())


def _set(name: str, value: Any) -> None:
    Fact.insert(name=name, value=value).on_conflict(conflict_target=[Fact.name], preserve=[Fact.value]).execute()


def start_watching(now: datetime) -> datetime:
    """Return since when we watch (T5), which is now at the very first start."""
    Fact.insert(name=WATCHING_SINCE, value=now.isoformat()).on_conflict_ignore().execute()
    since = moment(WATCHING_SINCE)
    assert since is not None
    return since


def hold(service: str, *, until: datetime, now: datetime, reason: str) -> None:
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


def ends_of_holds(now: datetime) -> dict[str, datetime]:
    """Return when the holds that last will be over, by service."""
    return {hold.service: hold.until for hold in db.read(Hold, "SELECT service, until FROM hold WHERE until > ?", now)}


def last_hold(service: str) -> Hold | None:
    """Return the hold that no success has ended yet, even when its time is over."""
    found: Hold | None = Hold.get_or_none(Hold.service == service)
    return found


def times_held(service: str, now: datetime) -> int:
    """Return how many holds in a row were in vain: the one that still lasts has not been tried."""
    last = last_hold(service)
    return 0 if last is None else int(last.failures) - (last.until > now)


def release(service: str, *, called_at: datetime) -> None:
    """End a hold after the success of a call; one that was under way when the hold began has no say in it."""
    db.run("DELETE FROM hold WHERE service = ? AND until <= ?", service, called_at)


def take_lease(name: str, *, owner: str, now: datetime, seconds: float) -> bool:
    """Take or renew a lease; False while somebody else holds it."""
    until = now + timedelta(seconds=seconds)
    over = (Lease.until < now) | (Lease.until > now + timedelta(seconds=2 * seconds))  # the latter: a clock was wrong
    (
        Lease.insert(name=name, owner=owner, until=until)
        .on_conflict(
            conflict_target=[Lease.name],
            update={Lease.owner: owner, Lease.until: until},
            where=(Lease.owner == owner) | over,
        )
        .execute()
    )
    mine = Lease.select().where(Lease.name == name, Lease.owner == owner, Lease.until == until)
    return bool(mine.exists())


def give_up_lease(name: str, *, owner: str) -> None:
    """Let the next one have it at once."""
    Lease.delete().where(Lease.name == name, Lease.owner == owner).execute()


def release_leases(owner: str) -> None:
    """Let the next one have what an owner holds that is gone."""
    Lease.delete().where(Lease.owner == owner).execute()


def lease_owners() -> set[str]:
    """Return who holds leases."""
    return {row.owner for row in Lease.select(Lease.owner).distinct()}


def take_turns(name: str) -> None:
    """Let the transactions that do one thing go one after the other, across all servers.

    What such a transaction reads afterwards is what the one before has left. SQLite has one writer at a time anyway.
    """
    if db.is_postgres():
        db.database.execute_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (name,))


def skip_missed(now: datetime) -> None:
    """Declare history what happened until now (C1, `tbot serve --skip-missed`)."""
    set_moment(WATCHING_SINCE, now)
    set_moment(CATCH_UP_WATERMARK, now)
    set_moment(SKIPPED_UNTIL, now)
