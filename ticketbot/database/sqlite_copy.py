"""Copy an SQLite database while others use it (O12)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from ticketbot import errors

BUSY_TIMEOUT_S = 30.0


def write(source: Path, target: Path, mark: str) -> int:
    """Copy a database into a new file that only its owner can read, and verify it; return its size in bytes.

    `mark` is a statement that is executed in the copy only. If anything fails, no file is left.

    Raises `Conflict` if the target exists, `NotFound` without a source, and `TicketbotError` if it cannot be copied.
    """
    if not source.exists():
        raise errors.NotFound(f"There is no database {source}. Check TBOT_DATABASE_URL")
    with _new_file(target):
        try:
            _copy(source, target, mark)
        except (sqlite3.Error, OSError) as error:
            raise errors.TicketbotError(f"{source} was not backed up, and {target} was removed: {error}") from error
    return target.stat().st_size


@contextlib.contextmanager
def _new_file(target: Path) -> Iterator[None]:
    """Create a file, and remove it if the block fails, also when it is interrupted."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise errors.Conflict(f"{target} already exists. Name a new file") from None
    except OSError as error:
        raise errors.InvalidInput(f"{target} cannot be created: {error.strerror}") from None
    try:
        yield
    except BaseException:
        for suffix in ("", "-journal", "-wal", "-shm"):
            target.with_name(f"{target.name}{suffix}").unlink(missing_ok=True)
        raise


def _copy(source: Path, target: Path, mark: str) -> None:
    # Read and write: the last connection to a database removes the files beside it, which one that only reads leaves.
    address = f"file:{quote(str(source))}?mode=rw"
    with (
        contextlib.closing(sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S)) as original,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        # All pages in one step: a writer between two steps would have the copy begin again. Nobody waits for it, since
        # the database is in WAL mode.
        original.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        with copy:
            copy.execute(mark)
        (verdict,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"integrity check: {verdict}")
