"""Leases on jobs that only one server may run at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import peewee

from ticketbot.database import fields


class Lease(fields.Model):
    """The exclusive right to run a job, across all servers, until it expires."""

    name = peewee.TextField(primary_key=True)
    owner = peewee.TextField()
    until = fields.UtcField()


def take(name: str, *, owner: str, now: datetime, seconds: float) -> bool:
    """Take or renew a lease; return False while another owner holds it."""
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


def give_up(name: str, *, owner: str) -> None:
    """Release a lease, so that another server can take it immediately."""
    Lease.delete().where(Lease.name == name, Lease.owner == owner).execute()


def give_up_all_of(owner: str) -> None:
    """Release all leases of an owner that is gone."""
    Lease.delete().where(Lease.owner == owner).execute()


def owners() -> set[str]:
    """Return the owners of leases."""
    return {row.owner for row in Lease.select(Lease.owner).distinct()}
