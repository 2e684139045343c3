"""Syncs: start one, watch it, cancel it, and the history (S)."""

from __future__ import annotations

import msgspec

from ticketbot import errors
from ticketbot.api import requests, sync_responses
from ticketbot.database import db
from ticketbot.models import syncs
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit
from ticketbot.sync import sync_service

ROUTES = operations.Routes("syncs")


@ROUTES.post("/sync", "Start a sync", scope="operate", status=202, refuses=(409, 502))
def start_sync(
    body: requests.SyncRequest, caller: authentication.Caller, services: operations.Services
) -> sync_responses.SyncRun:
    if not (body.boards or body.recipients or body.tickets):
        raise operations.invalid_field("boards", "Select at least one of boards, recipients and tickets")
    if unknown := services.syncs.unknown_boards(body.board_ids):
        raise operations.invalid_field("board_ids", f"There is no board {', '.join(map(str, sorted(unknown)))}")

    def record(run: syncs.SyncRun) -> None:
        audit.record(caller, services.now(), "start", "sync", run.id, after=body)

    request = sync_service.Request(**msgspec.structs.asdict(body))
    return sync_run(services.syncs.start(request, caller.user.email, record))


@ROUTES.get("/sync/status", "Show the running or latest sync")
def get_sync_status() -> sync_responses.SyncStatus:
    run = syncs.latest()
    return sync_responses.SyncStatus(
        syncing=run is not None and run.state == syncs.RUNNING, run=None if run is None else sync_run(run)
    )


@ROUTES.get("/sync/runs", "List syncs")
def list_sync_runs(query: requests.Page) -> operations.Listing[sync_responses.SyncRun]:
    return operations.listing(syncs.SyncRun.select(), syncs.SyncRun.id, query, sync_run)


@ROUTES.get("/sync/runs/{run_id}", "Show a sync")
def get_sync_run(run_id: int) -> sync_responses.SyncRun:
    return sync_run(operations.or_not_found(syncs.SyncRun.get_or_none(syncs.SyncRun.id == run_id), "sync", run_id))


@ROUTES.post("/sync/cancel", "Ask the running sync to stop", scope="operate", status=202, refuses=(409,))
def cancel_sync(caller: authentication.Caller, services: operations.Services) -> sync_responses.SyncRun:
    with db.transaction("cancel-sync"):
        run = syncs.request_cancel()
        if run is None:
            raise errors.Conflict("No sync is running")
        audit.record(caller, services.now(), "cancel", "sync", run.id)
    return sync_run(run)


def sync_run(row: syncs.SyncRun) -> sync_responses.SyncRun:
    return msgspec.convert(row, sync_responses.SyncRun, from_attributes=True)
