"""The history of syncs, whose one running row is the right to sync, across all servers (S)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import peewee

from ticketbot.database import fields, sql

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
LEASE_S = 60.0
VANISHED = "the server running the sync has ended"


class SyncRun(fields.Model):
    """One run of a sync: `running` while its lease is renewed, then `done`, `failed` or `cancelled`."""

    state = peewee.TextField()
    request = fields.JsonField(default=dict)
    phases = fields.JsonField(default=list)
    error_count = peewee.IntegerField(default=0)
    errors = fields.JsonField(default=list)
    requested_by = peewee.TextField(null=True)
    cancel_requested = peewee.BooleanField(default=False)
    owner = peewee.TextField(null=True)
    lease_until = fields.UtcField(null=True)
    started_at = fields.UtcField()
    finished_at = fields.UtcField(null=True)


SyncRun.add_index(
    SyncRun.index(SyncRun.state, unique=True, where=peewee.SQL("state = 'running'"), name="sync_run_one_running")
)


def start(request: Mapping[str, Any], *, requested_by: str | None, owner: str, now: datetime) -> SyncRun | None:
    """Begin a run; return None while another one runs whose lease has not expired."""
    fail_abandoned(now)
    row = {
        "state": RUNNING,
        "request": dict(request),
        "phases": [],
        "error_count": 0,
        "errors": [],
        "requested_by": requested_by,
        "cancel_requested": False,
        "owner": owner,
        "lease_until": now + timedelta(seconds=LEASE_S),
        "started_at": now,
    }
    added = sql.execute_insert(SyncRun.insert(row).on_conflict_ignore()).rowcount
    return running() if added else None


def running() -> SyncRun | None:
    """Return the current run, or None."""
    found: SyncRun | None = SyncRun.get_or_none(SyncRun.state == RUNNING)
    return found


def latest() -> SyncRun | None:
    """Return the current run, or the last one."""
    last: SyncRun | None = SyncRun.select().order_by(SyncRun.id.desc()).first()
    return running() or last


def last_finished() -> dict[str, datetime]:
    """Return when a run last ended in each state."""
    query = SyncRun.select(SyncRun.state, peewee.fn.MAX(SyncRun.finished_at).alias("finished_at"))
    rows = query.where(SyncRun.finished_at.is_null(False)).group_by(SyncRun.state)
    return {row.state: row.finished_at for row in rows}


def renew(
    run_id: int, owner: str, *, phases: Sequence[Any], errors: Sequence[str], error_count: int, now: datetime
) -> bool:
    """Record the progress of a run and renew its lease; return False if it was considered abandoned."""
    changes = {"phases": list(phases), "errors": list(errors), "error_count": error_count}
    return bool(
        SyncRun.update(**changes, lease_until=now + timedelta(seconds=LEASE_S)).where(_mine(run_id, owner)).execute()
    )


def is_cancelled(run_id: int) -> bool:
    """Return whether cancellation of a run was requested."""
    return bool(SyncRun.select().where(SyncRun.id == run_id, SyncRun.cancel_requested).exists())


def request_cancel() -> SyncRun | None:
    """Request cancellation of the current run and return it; None if there is none."""
    run = running()
    if run is not None:
        SyncRun.update(cancel_requested=True).where(SyncRun.id == run.id).execute()
    return run


def finish(run_id: int, owner: str, *, state: str, now: datetime) -> bool:
    """End a run; return False if it was considered abandoned."""
    changes = {"state": state, "finished_at": now, "lease_until": None}
    return bool(SyncRun.update(**changes).where(_mine(run_id, owner)).execute())


def is_abandoned(run: SyncRun, now: datetime) -> bool:
    """Return whether a lease has expired, or lies further ahead than any lease can: then a clock was wrong."""
    return not now <= run.lease_until <= now + timedelta(seconds=2 * LEASE_S)


def fail_abandoned(now: datetime) -> None:
    """Mark an abandoned run as failed."""
    run = running()
    if run is not None and is_abandoned(run, now):
        _fail(run, now)


def give_up_leases(owner: str, now: datetime) -> None:
    """Mark the run of an owner that is gone as failed."""
    run = running()
    if run is not None and run.owner == owner:
        _fail(run, now)


def owners() -> set[str]:
    """Return the owners of running syncs."""
    return {row.owner for row in SyncRun.select(SyncRun.owner).where(SyncRun.state == RUNNING)}


def _mine(run_id: int, owner: str) -> Any:
    return (SyncRun.id == run_id) & (SyncRun.state == RUNNING) & (SyncRun.owner == owner)


def _fail(run: SyncRun, now: datetime) -> None:
    changes = {"state": FAILED, "finished_at": now, "lease_until": None}
    named = {"errors": [*run.errors, VANISHED], "error_count": run.error_count + 1}
    still = (SyncRun.state == RUNNING) & (SyncRun.lease_until == run.lease_until)
    SyncRun.update(**changes, **named).where(SyncRun.id == run.id, still).execute()
