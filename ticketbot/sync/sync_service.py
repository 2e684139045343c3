"""Start syncs, one at a time across all servers, and record how each one ends (S)."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import asdict

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import syncs, tickets
from ticketbot.sync import sync_run

_logger = logging.getLogger(__name__)


class Request(msgspec.Struct, frozen=True):
    """What to sync: `board_ids` narrows the tickets, `force` allows mass deletion."""

    boards: bool = False
    recipients: bool = False
    tickets: bool = False
    board_ids: Sequence[int] = ()
    force: bool = False


def no_audit(run: syncs.SyncRun) -> None:
    """Record nothing about a start except the run itself."""


class Syncs:
    """The syncs of one server: each runs in its own thread until it ends or the server stops."""

    def __init__(self, services: sync_run.Services) -> None:
        self._services = services
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(
        self, request: Request, requested_by: str | None = None, record: Callable[[syncs.SyncRun], None] = no_audit
    ) -> syncs.SyncRun:
        """Start a sync and return its row; raises `Conflict` with `run_id` while another one runs on any server.

        `record` is called with the row in the transaction that begins the run.
        """
        with self._lock:
            if self._stopping.is_set():
                raise errors.Unreachable("This server is stopping. Start the sync on another one")
            now = self._services.now()
            with db.transaction("sync-start"):
                row = syncs.start(
                    asdict(request), requested_by=requested_by, server_id=self._services.server.id, now=now
                )
                if row is None:
                    other = syncs.running()
                    number = other.id if other else None
                    raise errors.Conflict(f"Sync {number} is already running. Wait for it, or cancel it", run_id=number)
                record(row)
            self._thread = threading.Thread(target=self._run, args=(row, request), name="sync", daemon=True)
            self._thread.start()
            return row

    def unknown_boards(self, ids: Iterable[int]) -> set[int]:
        """Return the boards that neither we nor ConnectWise know; raise `RemoteError` if the lookup fails."""
        with db.session():
            unknown = set(ids) - tickets.existing_ids(tickets.Board)
        return unknown - {board.id for board in self._services.connectwise.boards()} if unknown else unknown

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the current sync to end; return False if it is still running."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def stop(self) -> None:
        """Cancel the current sync and start no others (O4)."""
        with self._lock:
            self._stopping.set()

    def _run(self, row: syncs.SyncRun, request: Request) -> None:
        run_id = row.id
        try:
            run = sync_run.Run(row, self._services, self._stopping, force=request.force)
            with run.reporting():
                state = _outcome(run, request)
            if state is not None:
                run.finish(state)
            _logger.info("sync %d ended: %s, %d errors", run_id, state or "taken for dead", run.error_count)
        except errors.Unreachable as error:
            _logger.error("sync %d: its result is not recorded, and it will count as failed: %s", run_id, error)  # noqa: TRY400
        except Exception:
            _logger.exception("a bug in tbot: sync %d crashed without a recorded result", run_id)


def _outcome(run: sync_run.Run, request: Request) -> str | None:
    """Run the requested syncs and return how the run ended; None if it no longer counts."""
    try:
        _work(run, request)
    except sync_run.SyncStopped as error:
        run.report(None, str(error))
        return syncs.CANCELLED
    except sync_run.TakenForDead as error:
        _logger.warning("%s", error)
        return None
    except (sync_run.MassDeletionRefused, errors.Unreachable) as error:
        run.report(None, str(error))
        return syncs.FAILED
    except Exception as error:
        _logger.exception("a bug in tbot: sync %d failed", run.id)
        run.report(None, f"a bug in tbot: {type(error).__name__}: {error}")
        return syncs.FAILED
    return syncs.FAILED if run.has_failed else syncs.DONE


def _work(run: sync_run.Run, request: Request) -> None:
    """Run one sync after the other; the failure of an external service in one does not prevent the others."""
    from ticketbot.sync import boards, recipients, tickets

    parts: list[tuple[bool, str, Callable[[], None]]] = [
        (request.boards, "boards", lambda: boards.sync(run)),
        (request.recipients, "recipients", lambda: recipients.sync(run)),
        (request.tickets, "tickets", lambda: tickets.sync(run, request.board_ids)),
    ]
    for is_wanted, name, part in parts:
        if is_wanted:
            try:
                part()
            except errors.RemoteError as error:
                run.fail(None, f"{name}: {error}")
