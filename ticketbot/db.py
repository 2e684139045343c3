"""One database behind the same few functions: SQLite embedded, or PostgreSQL.

Every statement runs inside `session()`, every write inside `transaction(name)`. Both turn a database that does not
answer into `errors.Unreachable`; a constraint that is violated stays peewee's `IntegrityError`.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec
import peewee
from playhouse import pool

from ticketbot import db_health, errors, failpoints, kinds

POOL_SIZE = 40  # more than all threads of one server: waitress, workers, senders, sync
TRUSTED_IDLE_S = 1.0
CHUNK = 400  # rows of one statement; SQLite allows 32,766 variables
LOCK_TIMEOUT_S = 2.0  # a webhook must be answered within 5 s (W3), and our own transactions take milliseconds
BUSY_TIMEOUT_MS = 10_000  # another process on the same SQLite file (`tbot init` beside the server)

_SKIP_LOCKED = "FOR UPDATE SKIP LOCKED"
_INDEXED_BY = re.compile(r"INDEXED BY \w+")

database = peewee.DatabaseProxy()

_sqlite_writer = threading.RLock()
writes = db_health.Writes()


class UtcField(peewee.Field):
    """An aware moment in UTC: `timestamptz` on PostgreSQL, fixed-width ISO text, which sorts, on SQLite."""

    field_type = "TIMESTAMPTZ"

    def db_value(self, value: datetime | None) -> object:
        if value is None or not isinstance(value, datetime):
            return value
        return value.astimezone(UTC) if is_postgres() else _text(value)

    def python_value(self, value: object) -> datetime | None:
        if value is None:
            return None
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return moment.astimezone(UTC)


class JsonField(peewee.TextField):
    """Any JSON value, kept as text so that both databases hold the same bytes."""

    def db_value(self, value: object) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def python_value(self, value: str | None) -> Any:
        return None if value is None else msgspec.json.decode(value)


class Model(peewee.Model):
    """Base of all tables."""

    class Meta:
        database = database
        legacy_table_names = False


M = TypeVar("M", bound=Model)


def open_database(url: str) -> None:
    """Point the models at `sqlite:///path` or `postgresql://...`; connections open when first needed.

    Raises `SettingsError` for any other address.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        database.initialize(_sqlite(unquote(url.removeprefix("sqlite:///"))))
    elif parts.scheme in ("postgresql", "postgres"):
        database.initialize(
            # libpq reads a whole address where a database name is expected.
            _Postgres(url, max_connections=POOL_SIZE, timeout=10, connect_timeout=3, keepalives_idle=30)
        )
    else:
        raise errors.SettingsError("TBOT_DATABASE_URL must start with sqlite:/// or postgresql://")


class _Postgres(pool.PooledPostgresqlDatabase):
    """A pool that asks a connection whether it lives only after it has been idle for a while.

    peewee asks each time one is taken out, with a statement of its own and under the lock of the pool. One that dies
    sooner fails its next statement, and then `_translated` lets the pool forget all that are idle.
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
        is_fresh = time.monotonic() - self._returned_s[conn] < TRUSTED_IDLE_S
        return bool(conn.closed if is_fresh else super()._is_closed(conn))


def _sqlite(path: str) -> peewee.Database:
    if path != ":memory:":
        _make_private(Path(path))
    return pool.PooledSqliteDatabase(
        path,
        max_connections=POOL_SIZE,
        timeout=10,
        # FULL: in WAL mode a commit that returned has reached the disk (W3, P1).
        pragmas={
            "journal_mode": "wal",
            "synchronous": "full",
            "foreign_keys": 1,
            "busy_timeout": BUSY_TIMEOUT_MS,
        },
        check_same_thread=False,
    )


def _make_private(file: Path) -> None:
    """Make a file that is not there yet, and its directories, so that nobody but its owner reads tickets and notes.

    SQLite gives the files beside it, -wal and -shm, the same permissions.
    """
    for folder in reversed([each for each in file.parents if not each.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    # One that is there is left alone: closing it would drop the locks that this process holds on it. Why none can be
    # made, SQLite says.
    with contextlib.suppress(OSError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


@contextlib.contextmanager
def telling_which(url: str) -> Iterator[None]:
    """Name the database that does not answer a command that is started, and the setting that named it."""
    try:
        yield
    except errors.Unreachable as error:
        is_other_file = "not a database" in str(error)  # a file of another program, which nobody wants to be mended
        advice = (
            "Name another file with TBOT_DATABASE_URL"
            if is_other_file
            else "Check TBOT_DATABASE_URL, or its permissions"
        )
        raise errors.Unreachable(f"{error} ({kinds.database_words(url)}). {advice}") from error


def close_database() -> None:
    """Close every connection of the pool; a later `session()` opens new ones."""
    if isinstance(database.obj, pool.PooledDatabase):
        database.obj.close_all()


def is_postgres() -> bool:
    """Tell which of the two databases is open."""
    return isinstance(database.obj, peewee.PostgresqlDatabase)


@contextlib.contextmanager
def session() -> Iterator[None]:
    """Hold one connection of the pool for this thread; inside another session it does nothing."""
    if not database.is_closed():
        yield
        return
    with _translated():
        database.connect()
    try:
        with _translated():
            yield
    finally:
        with contextlib.suppress(peewee.DatabaseError, peewee.InterfaceError):
            database.close()


@contextlib.contextmanager
def transaction(name: str, *, wait_s: float | None = None) -> Iterator[None]:
    """Commit everything inside together, or nothing; `name` says in fail points which commit this is.

    On SQLite one lock per process and `BEGIN IMMEDIATE` keep writers from ever seeing "database is locked". `wait_s` is
    for a caller who cannot wait long for other writers; PostgreSQL never waits longer than `LOCK_TIMEOUT_S` for a lock.
    """
    with session():
        if database.in_transaction():
            raise RuntimeError(f"transaction {name!r} inside a transaction")
        with writes.noted(), _sqlite_lock(wait_s), _translated():
            with database.atomic() if is_postgres() else database.atomic("IMMEDIATE"):
                yield
                failpoints.passing(f"{name}.before")
            failpoints.passing(f"{name}.after")


def was_written_within(seconds: float) -> bool:
    """Tell whether the last write succeeded, so recently: then the database can be written to (O2)."""
    return writes.succeeded_within(seconds)


@contextlib.contextmanager
def _sqlite_lock(wait_s: float | None) -> Iterator[None]:
    """Hold the one right to write that this process has; other processes are waited for no longer than `wait_s`."""
    if is_postgres():
        yield
        return
    if not _sqlite_writer.acquire(timeout=-1 if wait_s is None else wait_s):
        raise errors.Unreachable(f"The database does not answer: other writes have taken over {wait_s:g} s")
    try:
        if wait_s is not None:
            database.execute_sql(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
        yield
    finally:
        if wait_s is not None:
            database.execute_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        _sqlite_writer.release()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (peewee.DatabaseError, peewee.InterfaceError, pool.MaxConnectionsExceeded) as error:
        if not db_health.is_away(error):
            raise
        _forget_idle_connections()
        raise errors.Unreachable(f"The database does not answer: {db_health.first_line(error)}") from error


def _forget_idle_connections() -> None:
    # After a restart of PostgreSQL every idle connection is dead; without this each of them would fail one more caller.
    if is_postgres() and isinstance(database.obj, pool.PooledDatabase):
        database.obj.close_idle()


def run(sql: str, *values: object) -> Any:
    """Run a statement written by hand, `?` for each value, and return its cursor.

    For the few statements of the hot path: building one of them with peewee costs more than running it. `SKIP LOCKED`
    and `INDEXED BY` are taken out for the database that does not know them: SQLite has one writer at a time, so there
    nobody else holds a row; PostgreSQL chooses its indexes well.
    """
    if is_postgres():
        return database.execute_sql(_INDEXED_BY.sub("", sql).replace("?", "%s"), values)
    sql = sql.replace(_SKIP_LOCKED, "")
    return database.execute_sql(sql, tuple(_text(each) if isinstance(each, datetime) else each for each in values))


def read(model: type[M], sql: str, *values: object) -> list[M]:
    """Run a statement written by hand and return its rows, or what it names of them, as rows of a model.

    Columns that a newer program has added are ignored: the version before still runs (O5).
    """
    cursor = run(sql, *values)
    fields = [model._meta.columns.get(column[0]) for column in cursor.description]
    return [
        model(
            __no_default__=True,
            **{field.name: field.python_value(value) for field, value in zip(fields, row, strict=True) if field},
        )
        for row in cursor.fetchall()
    ]


def by_id(model: type[M], ids: Iterable[int]) -> dict[int, M]:
    """Return the rows of a model with these ids, by id."""
    wanted = sorted(set(ids))
    found: dict[int, M] = {}
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        query = f'SELECT * FROM "{model._meta.table_name}" WHERE id IN {list_of(chunk)}'  # noqa: S608
        found |= {row.id: row for row in read(model, query, *chunk)}
    return found


def finds(sql: str, *values: object) -> bool:
    """Tell whether a query written by hand finds any row."""
    return run(sql, *values).fetchone() is not None


def change(model: type[Model], changes: Mapping[str, Any], where: str, *values: object) -> int:
    """Update the rows that fit a condition written by hand. Returns how many."""
    fields = [model._meta.fields[name] for name in changes]
    written = (field.db_value(value) for field, value in zip(fields, changes.values(), strict=True))
    sets = ", ".join(f"{field.column_name} = ?" for field in fields)
    return int(run(f'UPDATE "{model._meta.table_name}" SET {sets} WHERE {where}', *written, *values).rowcount)  # noqa: S608


def list_of(values: Sequence[object]) -> str:
    """Return as many `?` as there are values, in brackets."""
    return f"({', '.join('?' * len(values))})"


def upsert(
    model: type[Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    target: Sequence[str],
    keep: Sequence[str] = (),
    where: str = "",
) -> None:
    """Insert rows of the same columns, or overwrite what stands under `target`, but for the columns that `keep` names.

    `where` says which of the rows that are there may be overwritten; the new one is called `excluded`. By hand, because
    peewee takes a second to build a statement of a thousand rows, and meanwhile nobody else could write to SQLite.
    """
    if not rows:
        return
    changed = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name not in (*target, *keep))
    tail = f"ON CONFLICT ({', '.join(target)}) DO UPDATE SET {changed}" + (f" WHERE {where}" if where else "")
    _insert(model, rows, tail, at_once=200)


def insert_new(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows of the same columns, the others at their defaults; what is there stays. Returns how many are new."""
    if not rows:
        return 0
    defaults = model._meta.get_default_dict()
    return _insert(model, [defaults | dict(row) for row in rows], "ON CONFLICT DO NOTHING", at_once=len(rows))


def _insert(model: type[Model], rows: Sequence[Mapping[str, Any]], tail: str, *, at_once: int) -> int:
    """Insert rows, so many with one statement. Returns how many the last statement wrote."""
    fields = [model._meta.fields[name] for name in rows[0]]
    head = f'INSERT INTO "{model._meta.table_name}" ({", ".join(field.column_name for field in fields)}) VALUES'
    values = [tuple(field.db_value(row[field.name]) for field in fields) for row in rows]
    cursor = database.cursor()
    with peewee.__exception_wrapper__:
        if is_postgres():
            from psycopg2 import extras

            extras.execute_values(cursor, f"{head} %s {tail}", values, page_size=at_once)
        else:
            cursor.executemany(f"{head} {list_of(fields)} {tail}", values)
    return int(cursor.rowcount)


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def locking(query: peewee.ModelSelect, how: str = "FOR UPDATE") -> peewee.ModelSelect:
    """Let a query lock its rows until the transaction ends; on SQLite, a transaction has locked everything."""
    return query.for_update(how) if is_postgres() else query


def counts(field: peewee.Field, values: Sequence[str]) -> dict[str, int]:
    """Return how many rows hold each of some values, all at the same moment: a row on the move is counted once."""
    query = field.model.select(field, peewee.fn.COUNT(peewee.SQL("*"))).where(field.in_(list(values))).group_by(field)
    return dict.fromkeys(values, 0) | dict(query.tuples())


def execute(query: peewee.Query) -> Any:
    """Run an INSERT and return its cursor: only its `rowcount` tells whether an ignored insert did anything.

    peewee's own `insert().execute()` returns ids on PostgreSQL and the last row id on SQLite, also after a conflict.
    """
    sql, parameters = query.sql()
    return database.execute_sql(sql, parameters)
