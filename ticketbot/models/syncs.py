"""The history of syncs, whose one running row is the right to sync, across all servers (S)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import peewee

from ticketbot.database import fields, sql

RUNNING, DONE, FAILED, CANCELLED = "running", "done", "failed", "cancelled"
VANISHED = "the server running the sync has ended"


class SyncRun(fields.Model):
    """One run of a sync: `running` as long as its server lives, then `done`, `failed` or `cancelled`."""

    id = fields.IdField()
    state = peewee.TextField()
    request = fields.JsonField(default=dict)
    phases = fields.JsonField(default=list)
    error_count = peewee.IntegerField(default=0)
    errors = fields.JsonField(default=list)
    requested_by = peewee.TextField(null=True)
    cancel_requested = peewee.BooleanField(default=False)
    server_id = peewee.BigIntegerField(null=True)  # of the server that runs it
    started_at = fields.UtcField()
    finished_at = fields.UtcField(null=True)


SyncRun.add_index(
    SyncRun.index(SyncRun.state, unique=True, where=peewee.SQL("state = 'running'"), name="sync_run_one_running")
)


def start(request: Mapping[str, Any], *, requested_by: str | None, server_id: int, now: datetime) -> SyncRun | None:
    """Begin a run; return None while another one runs."""
    row = {
        "state": RUNNING,
        "request": dict(request),
        "phases": [],
        "error_count": 0,
        "errors": [],
        "requested_by": requested_by,
        "cancel_requested": False,
        "server_id": server_id,
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


def latest_ended(limit: int) -> list[SyncRun]:
    """Return the latest runs that were done or have failed, the newest first."""
    ended = SyncRun.select().where(SyncRun.state.in_([DONE, FAILED]))
    return list(ended.order_by(SyncRun.id.desc()).limit(limit))


def save_progress(run: SyncRun, *, phases: Sequence[Any], errors: Sequence[str], error_count: int) -> bool:
    """Record the progress of a run; return False if its server was declared dead, and the run as failed."""
    changes = {"phases": list(phases), "errors": list(errors), "error_count": error_count}
    return bool(SyncRun.update(**changes).where(_where_still(run)).execute())


def is_cancelled(run_id: int) -> bool:
    """Return whether cancellation of a run was requested."""
    return bool(SyncRun.select().where(SyncRun.id == run_id, SyncRun.cancel_requested).exists())


def request_cancel() -> SyncRun | None:
    """Request cancellation of the current run and return it; None if there is none."""
    run = running()
    if run is not None:
        SyncRun.update(cancel_requested=True).where(SyncRun.id == run.id).execute()
    return run


def finish(run: SyncRun, *, state: str, now: datetime) -> bool:
    """End a run; return False if its server was declared dead, and the run as failed."""
    return bool(SyncRun.update(state=state, finished_at=now).where(_where_still(run)).execute())


def release(server_id: int, now: datetime) -> None:
    """Mark the run of a server that has ended as failed."""
    run = running()
    if run is not None and run.server_id == server_id:
        named = {"errors": [*run.errors, VANISHED], "error_count": run.error_count + 1}
        SyncRun.update(state=FAILED, finished_at=now, **named).where(_where_still(run)).execute()


def _where_still(run: SyncRun) -> Any:
    return (SyncRun.id == run.id) & (SyncRun.state == RUNNING) & (SyncRun.server_id == run.server_id)
