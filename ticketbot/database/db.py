"""The same few functions for both databases: embedded SQLite and PostgreSQL.

Every statement runs inside `session()`, every write inside `transaction(name)`. Both turn failures of an unavailable
database into `errors.Unreachable`; a violated constraint stays peewee's `IntegrityError`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import peewee
from playhouse import pool

from ticketbot import errors, failpoints
from ticketbot.database import availability
from ticketbot.settings import types

CONNECTIONS = 40  # more than all threads of one server but its workers: waitress, senders, sync, periodic jobs
SKIP_PING_IF_IDLE_LESS_THAN_S = 1.0
LOCK_TIMEOUT_S = 2.0  # a webhook must be answered within 5 s (W3), and our own transactions take milliseconds
BUSY_TIMEOUT_MS = 10_000  # another process on the same SQLite file (`tbot init` next to the server)

database = peewee.DatabaseProxy()

_sqlite_writer = threading.RLock()
_after_commit = threading.local()
writes = availability.Writes()


def open_database(url: str, workers: int = 0) -> None:
    """Point the models at `sqlite:///path` or `postgresql://...`; connections open when first needed.

    Each of a server's `workers` gets one beside all others.

    Raises `SettingsError` for any other URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        database.initialize(_sqlite(unquote(url.removeprefix("sqlite:///")), CONNECTIONS + workers))
    elif parts.scheme in ("postgresql", "postgres"):
        database.initialize(
            # libpq accepts a whole URL where a database name is expected.
            _Postgres(url, max_connections=CONNECTIONS + workers, timeout=10, connect_timeout=3, keepalives_idle=30)
        )
    else:
        raise errors.SettingsError("TBOT_DATABASE_URL must start with sqlite:/// or postgresql://")


def sqlite_file(url: str) -> Path | None:
    """Return the file of an SQLite database, None for PostgreSQL."""
    return Path(unquote(url.removeprefix("sqlite:///"))) if url.startswith("sqlite:") else None


class _Postgres(pool.PooledPostgresqlDatabase):
    """A pool that pings a connection only after it has been idle for a while.

    peewee pings on every checkout, with a separate statement and under the lock of the pool. A connection that dies
    sooner fails its next statement, and then `_translating_errors` drops all idle ones.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._returned_s: weakref.WeakKeyDictionary[Any, float] = weakref.WeakKeyDictionary()

    def _connect(self) -> Any:
        connection = super()._connect()
        if connection not in self._returned_s:  # it is new
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, false)", (f"{LOCK_TIMEOUT_S:g}s",))
            connection.commit()
        return connection

    def _can_reuse(self, conn: Any) -> bool:
        self._returned_s[conn] = time.monotonic()
        return bool(super()._can_reuse(conn))

    def _is_closed(self, conn: Any) -> bool:
        is_fresh = time.monotonic() - self._returned_s[conn] < SKIP_PING_IF_IDLE_LESS_THAN_S
        return bool(conn.closed if is_fresh else super()._is_closed(conn))


def _sqlite(path: str, connections: int) -> peewee.Database:
    if path != ":memory:":
        _make_private(Path(path))
    made = pool.PooledSqliteDatabase(
        path,
        max_connections=connections,
        timeout=10,
        # FULL: in WAL mode a commit that returned has reached the disk (W3, no-webhook-lost).
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "busy_timeout": BUSY_TIMEOUT_MS,
        },
        check_same_thread=False,
    )
    # SQLite's own LOWER folds the case of ASCII letters only.
    made.register_function(lambda text: text and text.lower(), "LOWER", 1, deterministic=True)
    return made


def _make_private(file: Path) -> None:
    """Create a missing file and its directories so that only their owner can read tickets and notes.

    SQLite gives the -wal and -shm files the same permissions.
    """
    for folder in reversed([each for each in file.parents if not each.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    # An existing file is left alone: closing it would drop the locks that this process holds on it. If it cannot be
    # created, SQLite reports why.
    with contextlib.suppress(OSError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


@contextlib.contextmanager
def naming_database(url: str) -> Iterator[None]:
    """Add the database, and the setting that names it, to an `Unreachable` error."""
    try:
        yield
    except errors.Unreachable as error:
        is_other_file = "not a database" in str(error)  # another program's file: permissions are not the problem
        advice = (
            "Set TBOT_DATABASE_URL to another file" if is_other_file else "Check TBOT_DATABASE_URL and the permissions"
        )
        raise errors.Unreachable(f"{error} ({types.describe_database(url)}). {advice}") from error


def close_database() -> None:
    """Close every connection of the pool; a later `session()` opens new ones."""
    if isinstance(database.obj, pool.PooledDatabase):
        database.obj.close_all()


def is_postgres() -> bool:
    """Return whether the open database is PostgreSQL."""
    return isinstance(database.obj, peewee.PostgresqlDatabase)


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Hold one connection of the pool for this thread; do nothing inside another session."""
    if not database.is_closed():
        yield
        return
    with _translating_errors():
        database.connect()
    try:
        with _translating_errors():
            yield
    finally:
        with contextlib.suppress(peewee.DatabaseError, peewee.InterfaceError):
            database.close()


@contextlib.contextmanager
def transaction(name: str, *, wait_s: float | None = None) -> Iterator[None]:
    """Commit everything inside together, or nothing; `name` identifies the commit in fail points.

    On SQLite one lock per process and `BEGIN IMMEDIATE` keep writers from ever seeing "database is locked". `wait_s`
    limits the wait for other writers; PostgreSQL never waits longer than `LOCK_TIMEOUT_S` for a lock.
    """
    with session():
        if database.in_transaction():
            raise RuntimeError(f"transaction {name!r} inside a transaction")
        calls = _after_commit.calls = list[Callable[[], None]]()
        with writes.noted(), _sqlite_lock(wait_s), _translating_errors():
            with database.atomic() if is_postgres() else database.atomic("IMMEDIATE"):
                yield
                failpoints.hit(f"{name}.before")
            failpoints.hit(f"{name}.after")
        for call in calls:
            call()


def after_commit(call: Callable[[], None]) -> None:
    """Call when the transaction of this thread has been committed; never if it is undone."""
    _after_commit.calls.append(call)


def was_written_within(seconds: float) -> bool:
    """Return whether the last write succeeded within the last `seconds`: then the database is writable (O2)."""
    return writes.succeeded_within(seconds)


@contextlib.contextmanager
def _sqlite_lock(wait_s: float | None) -> Iterator[None]:
    """Hold this process's write lock; wait for other processes no longer than `wait_s`."""
    if is_postgres():
        yield
        return
    if not _sqlite_writer.acquire(timeout=-1 if wait_s is None else wait_s):
        raise errors.Unreachable(f"The database is unavailable: other writes took over {wait_s:g} s")
    try:
        if wait_s is not None:
            database.execute_sql(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
        yield
    finally:
        if wait_s is not None:
            database.execute_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        _sqlite_writer.release()


@contextlib.contextmanager
def _translating_errors() -> Iterator[None]:
    try:
        yield
    except (peewee.DatabaseError, peewee.InterfaceError, pool.MaxConnectionsExceeded) as error:
        if not availability.is_unavailable(error):
            raise
        _forget_idle_connections()
        raise errors.Unreachable(f"The database is unavailable: {availability.first_line(error)}") from error


def _forget_idle_connections() -> None:
    # After a PostgreSQL restart every idle connection is dead; otherwise each of them would fail one more caller.
    if is_postgres() and isinstance(database.obj, pool.PooledDatabase):
        database.obj.close_idle()
