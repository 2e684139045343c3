"""Sync all boards and their statuses (S1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ticketbot.connectwise import records
from ticketbot.models import tickets
from ticketbot.sync import sync_run


def sync(run: sync_run.Run) -> None:
    """Store all boards and statuses; soft-delete those that are gone, undelete those that are back."""
    phase = run.phase("boards")
    boards = run.pool.ask(run.services.connectwise.boards)
    phase.total = len(boards)
    _store(run, "boards", tickets.Board, [_board(board) for board in boards])
    phase.done = len(boards)
    _sync_statuses(run, boards)


def _sync_statuses(run: sync_run.Run, boards: list[records.Board]) -> None:
    phase = run.phase("statuses", len(boards))
    rows: list[dict[str, Any]] = []
    unread = []
    for outcome in run.pool.map_unordered(boards, lambda board: run.services.connectwise.statuses(board.id)):
        phase.done += 1
        if outcome.error is None:
            rows += [_status(status) for status in outcome.answer or ()]
        else:
            run.report(phase, f"statuses of board {outcome.item.name}: {outcome.error}")
            unread.append(outcome.item.id)
    # A status that could not be read is not gone.
    _store(run, "statuses", tickets.Status, rows, tickets.Status.board_id.not_in(unread) if unread else None)


def _store(run: sync_run.Run, name: str, model: Any, rows: list[dict[str, Any]], among: Any = None) -> None:
    """Store rows and soft-delete the other rows of `model`, or do neither if too many would vanish."""

    def write() -> None:
        known = tickets.existing_ids(model)
        gone = tickets.existing_ids(model, among) - {row["id"] for row in rows}
        run.check_mass_deletion(name, len(known), len(gone))
        tickets.upsert(model, [_stored(row, now) for row in rows])
        tickets.soft_delete(model, gone, now)

    now = run.services.now()
    run.commit(f"sync-{name}", write)


def _board(board: records.Board) -> dict[str, Any]:
    return {"id": board.id, "name": board.name, "inactive": board.inactive, "project": board.project}


def _status(status: records.Status) -> dict[str, Any]:
    return {
        "id": status.id,
        "board_id": status.board_id,
        "name": status.name,
        "closed": status.closed,
        "inactive": status.inactive,
    }


def _stored(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    return row | {"fetched_at": now, "deleted_at": None}
