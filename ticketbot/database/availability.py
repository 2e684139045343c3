"""Distinguish an unavailable database from a mistake in our SQL, by error code and never by text."""

from __future__ import annotations

import contextlib
import logging
import math
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import peewee
from playhouse import pool

from ticketbot import errors

T = TypeVar("T")

RETRY_EVERY_S = 1.0
DRIVERS = ("peewee", "sqlite3", "psycopg2")

# https://www.sqlite.org/rescode.html: transient, or for an operator to fix. SQLITE_ERROR is our mistake.
_SQLITE_AWAY = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOTADB,
    }
)
# https://www.postgresql.org/docs/current/errcodes-appendix.html: connection, resources, operator intervention, system
# error, deadlock and serialization; read-only transaction (a standby) and lock timeout.
_POSTGRES_AWAY = ("08", "53", "57", "58", "40", "25006", "55P03")

_logger = logging.getLogger(__name__)


def is_unavailable(error: BaseException) -> bool:
    """Return whether retrying later may help: the statement itself is not at fault."""
    if isinstance(error, pool.MaxConnectionsExceeded):
        return True
    cause = original_error(error)
    sqlite_code = getattr(cause, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return sqlite_code & 0xFF in _SQLITE_AWAY  # the lower byte is the primary code
    sqlstate = getattr(cause, "pgcode", None)
    if sqlstate is not None:
        return str(sqlstate).startswith(_POSTGRES_AWAY)
    # Without a code the connection broke. If that happens during a statement, psycopg2 raises a plain DatabaseError.
    return isinstance(error, (peewee.OperationalError, peewee.InterfaceError)) or type(error) is peewee.DatabaseError


def original_error(error: BaseException) -> BaseException:
    """Return the driver's first error. On a full disk SQLite rolls back by itself, and then our own rollback fails."""
    before = error.__context__
    while before is not None and type(before).__module__.partition(".")[0] in DRIVERS:
        error, before = before, before.__context__
    return error


def first_line(error: BaseException) -> str:
    """Return the first line of the driver's error message."""
    lines = str(original_error(error)).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def retry_while_unavailable(
    work: Callable[[], T],
    pause: Callable[[float], bool],
    *,
    for_s: float = math.inf,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """Return what `work` returns, retrying every second while the database is away, at most `for_s` seconds.

    `pause` waits the given seconds and returns whether to go on. Raises `Unreachable` if not, or when time is up.
    """
    deadline_s = clock() + for_s
    while True:
        try:
            return work()
        except errors.Unreachable as error:
            if clock() > deadline_s or not pause(RETRY_EVERY_S):
                raise
            _logger.warning("will retry in a moment: %s", error)


class Writes:
    """Whether the database is writable: when a write last succeeded, and whether one has failed since (O2)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._succeeded_s = float("-inf")
        self._has_failed = False

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Record whether the write inside succeeds."""
        try:
            yield
        except errors.Unreachable:
            self._has_failed = True
            raise
        self._succeeded_s, self._has_failed = self._clock(), False

    def succeeded_within(self, seconds: float) -> bool:
        """Return whether the last write succeeded, within the last `seconds`."""
        return not self._has_failed and self._clock() - self._succeeded_s <= seconds
