"""How a sync is going: the responses of the API, as the client reads them."""

from __future__ import annotations

from typing import Literal

from ticketbot.api.responses import Moment, ResponseModel

SyncState = Literal["running", "done", "failed", "cancelled"]


class SyncPhase(ResponseModel):
    """How far one part of a run has come; `total` is null while it is not known."""

    name: str
    total: int | None
    done: int
    errors: int


class SyncRun(ResponseModel):
    """One run of a sync."""

    id: int
    state: SyncState
    phases: list[SyncPhase]
    error_count: int
    errors: list[str]
    requested_by: str | None
    started_at: Moment
    finished_at: Moment | None


class SyncStatus(ResponseModel):
    """Whether a sync runs, and the running or latest run."""

    syncing: bool
    run: SyncRun | None
