"""O2, W3: which errors of a database mean that it is away, and how long a webhook waits for one that is busy."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import peewee
import psycopg2
import pytest
from playhouse import pool

from tests.databases import Outage
from ticketbot import errors
from ticketbot.database import availability, db, sql
from ticketbot.models import facts
from ticketbot.pipeline import accept

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CONNECTWISE_GIVES_UP_S = 5.0


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "SELECT nothing FROM fact", "SELEKT 1"])
def test_invalid_sql_is_a_bug_and_no_outage(database: str, statement: str) -> None:
    with pytest.raises(peewee.DatabaseError), db.session():
        sql.execute(statement)
    with db.session():
        assert facts.read_time("nothing") is None, "the connection is still of use"


def _sqlite_error(code: int) -> Exception:
    cause = sqlite3.OperationalError("said in any language")
    cause.sqlite_errorcode = code
    return _wrapped(peewee.OperationalError, cause)


def _wrapped(kind: type[Exception], cause: Exception) -> Exception:
    """Return a driver's error as peewee raises it."""
    error = kind(cause)
    error.__context__ = cause
    return error


class _PostgresError(psycopg2.Error):
    """One of psycopg2's own, whose code only its C part can set."""

    pgcode = ""

    def __init__(self, code: str | None) -> None:
        super().__init__("said in any language")
        self.pgcode = code  # type: ignore[assignment]


_PostgresError.__module__ = "psycopg2.errors"


@pytest.mark.parametrize(
    ("code", "is_away"),
    [
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_BUSY | 2 << 8, True),  # SQLITE_BUSY_SNAPSHOT
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_READONLY, True),
        (sqlite3.SQLITE_IOERR, True),
        (sqlite3.SQLITE_ERROR, False),
        (sqlite3.SQLITE_CONSTRAINT, False),
        (sqlite3.SQLITE_MISUSE, False),
    ],
)
def test_sqlite_outage_is_recognized_by_its_error_code(code: int, is_away: bool) -> None:
    assert availability.is_unavailable(_sqlite_error(code)) is is_away


@pytest.mark.parametrize(
    ("code", "is_away"),
    [
        (None, True),  # the connection broke
        ("08006", True),
        ("25006", True),  # read-only: a standby
        ("53300", True),  # too many connections
        ("57P01", True),  # terminated by an administrator
        ("57014", True),  # canceled
        ("55P03", True),  # lock timeout
        ("40P01", True),  # deadlock
        ("42P01", False),  # no such table
        ("42601", False),  # syntax error
        ("22P02", False),  # not a number
    ],
)
def test_postgres_outage_is_recognized_by_its_sqlstate(code: str | None, is_away: bool) -> None:
    assert availability.is_unavailable(_wrapped(peewee.OperationalError, _PostgresError(code))) is is_away


def test_exhausted_pool_is_an_outage_and_a_constraint_violation_is_not() -> None:
    assert availability.is_unavailable(pool.MaxConnectionsExceeded("all 40 are in use"))
    assert not availability.is_unavailable(peewee.IntegrityError("no code"))
    assert availability.first_line(peewee.OperationalError()) == "OperationalError"


@contextmanager
def _all_tables_locked(url: str) -> Iterator[None]:
    """Lock the tables as a forgotten session of psql might."""
    other = psycopg2.connect(url)
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLE event, processed_message IN ACCESS EXCLUSIVE MODE")
    try:
        yield
    finally:
        other.close()


def _write_until(done: threading.Event, taken: threading.Event) -> None:
    with db.transaction("test"):
        taken.set()
        assert done.wait(10)


def _accept_while_locked() -> float:
    """Return how long a webhook waits until it is refused."""
    began_s = time.monotonic()
    with pytest.raises(errors.Unreachable, match="The database is unavailable"):
        accept.Inbox().accept(accept.PendingWebhook(1, "updated", None, "message 1", "c", NOW))
    return time.monotonic() - began_s


def _is_accepted() -> bool:
    return accept.Inbox().accept(accept.PendingWebhook(1, "updated", None, "message 1", "c", NOW)) == "accepted"


def test_a_webhook_is_refused_in_time_while_another_process_writes_to_sqlite(sqlite: str) -> None:
    """W3: ConnectWise drops what is not answered within 5 s, and asks again after a 429."""
    other = Outage(sqlite)
    other.begin()
    assert _accept_while_locked() < CONNECTWISE_GIVES_UP_S
    other.end()
    other.close()
    assert _is_accepted()


def test_a_webhook_is_refused_in_time_while_our_own_process_writes_to_sqlite(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "LOCK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(accept, "SUDDEN_S", 0.0)
    taken, done = threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as other:
        other.submit(_write_until, done, taken)
        assert taken.wait(10)
        assert _accept_while_locked() < CONNECTWISE_GIVES_UP_S
        done.set()
    assert _is_accepted()


@pytest.mark.postgres
def test_a_webhook_is_refused_in_time_while_tables_of_postgres_are_locked(postgres: str) -> None:
    with _all_tables_locked(postgres):
        assert _accept_while_locked() < CONNECTWISE_GIVES_UP_S
    assert _is_accepted()
