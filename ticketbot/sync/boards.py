"""Sync all boards, their statuses and types, and the priorities (S1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from ticketbot import errors
from ticketbot.connectwise import records
from ticketbot.models import tickets
from ticketbot.sync import sync_run

Read = Callable[[int], Sequence[records.Status | records.Named]]


def sync(run: sync_run.Run) -> None:
    """Store all of them; soft-delete those that are gone, undelete those that are back."""
    phase = run.phase("boards")
    boards = run.pool.ask(run.services.connectwise.boards)
    phase.total = len(boards)
    _store(run, "boards", tickets.Board, [_board(board) for board in boards])
    phase.done = len(boards)
    _sync_of_each(run, boards, "statuses", tickets.Status, run.services.connectwise.statuses)
    _sync_of_each(run, boards, "types", tickets.TicketType, run.services.connectwise.types)
    _sync_priorities(run)


def _sync_of_each(run: sync_run.Run, boards: Sequence[records.Board], name: str, model: Any, read: Read) -> None:
    phase = run.phase(name, len(boards))
    rows: list[dict[str, Any]] = []
    unread = []
    for outcome in run.pool.map_unordered(boards, lambda board: read(board.id)):
        phase.done += 1
        if outcome.error is None:
            rows += [_of_board(found, outcome.item.id) for found in outcome.answer or ()]
        else:
            run.report(phase, f"{name} of board {outcome.item.name}: {outcome.error}")
            unread.append(outcome.item.id)
    # What could not be read is not gone.
    _store(run, name, model, rows, model.board_id.not_in(unread) if unread else None)


def _sync_priorities(run: sync_run.Run) -> None:
    phase = run.phase("priorities")
    try:
        found = run.pool.ask(run.services.connectwise.priorities)
    except errors.RemoteError as error:
        run.report(phase, f"priorities: {error}")
        return
    phase.total = phase.done = len(found)
    _store(run, "priorities", tickets.Priority, [{"id": each.id, "name": each.name} for each in found])


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


def _of_board(found: records.Status | records.Named, board_id: int) -> dict[str, Any]:
    row = {"id": found.id, "board_id": board_id, "name": found.name, "inactive": found.inactive}
    return row | {"closed": found.closed} if isinstance(found, records.Status) else row


def _stored(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    return row | {"fetched_at": now, "deleted_at": None}
