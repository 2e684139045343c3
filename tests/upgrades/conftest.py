"""The filled database of each released version, made by that version itself (`<version>/make_databases.py`)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ticketbot.database import db
from ticketbot.models import schema

VERSIONS = sorted(path.name for path in Path(__file__).parent.glob("[0-9]*"))


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Return a released version."""
    name: str = request.param
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def released_url(request: pytest.FixtureRequest, version: str, tmp_path: Path) -> Iterator[str]:
    """Open a released version's database, not upgraded yet, and return its address."""
    folder = Path(__file__).parent / version
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(folder / 'tbot.db', tmp_path)}"
        db.open_database(url)
        yield url
        db.close_database()
        return
    with postgres_with((folder / "tbot.sql").read_text(), request.getfixturevalue("migrated_postgres")) as url:
        yield url


@contextmanager
def postgres_with(statements: str, url: str) -> Iterator[str]:
    """Open a PostgreSQL database that holds what some statements make, and leave it as the next test expects it."""
    db.open_database(url)
    _replace_schema(statements)
    yield url
    _replace_schema("")
    schema.migrate()
    db.close_database()


def _replace_schema(statements: str) -> None:
    with db.transaction("test"):
        db.database.execute_sql(f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {statements}")
