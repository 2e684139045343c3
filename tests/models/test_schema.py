"""O5: the migrations make what the models describe, under a lock, and a newer database is left alone."""

from __future__ import annotations

import importlib
import os
import pkgutil
import stat
import subprocess
import sys
from pathlib import Path

import peewee
import pytest

from tests.clock import START
from tests.databases import fresh_postgres
from ticketbot import errors, models
from ticketbot.database import db, fields, sql
from ticketbot.models import facts, schema, users


def _models() -> list[type[peewee.Model]]:
    modules = [
        importlib.import_module(f"ticketbot.models.{module.name}") for module in pkgutil.iter_modules(models.__path__)
    ]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, fields.Model) and value.__module__ == module.__name__
    }
    return peewee.sort_models(found)


def _columns(table: str) -> list[tuple[str, str, bool]]:
    columns = db.database.get_columns(table)
    return sorted((column.name, column.data_type.upper(), column.null) for column in columns)


def _indexes(table: str) -> list[tuple[tuple[str, ...], bool, bool]]:
    indexes = db.database.get_indexes(table)
    return sorted((tuple(each.columns), each.unique, " WHERE " in (each.sql or "").upper()) for each in indexes)


def _described() -> dict[str, tuple[object, object]]:
    names = [
        name for name in db.database.get_tables() if name not in ("schema_migration", "floor_row", "sqlite_sequence")
    ]
    return {name: (_columns(name), _indexes(name)) for name in sorted(names)}


def test_ids_of_deleted_rows_are_never_used_again(database: str) -> None:
    """A8: neither those of our own tables, nor on SQLite, which would do so by default."""
    ours = [model for model in _models() if isinstance(model._meta.primary_key, fields.IdField)]
    assert len(ours) > 10
    with db.transaction("test"):
        first = users.add_user("Ana", "ana@msp.example", START)
        first.delete_instance()
        assert users.add_user("Ben", "ben@msp.example", START).id > first.id
        for model in ours if not db.is_postgres() else ():
            (text,) = sql.execute("SELECT sql FROM sqlite_master WHERE name = ?", model._meta.table_name).fetchone()
            assert "AUTOINCREMENT" in text, model


def test_migrations_create_exactly_the_schema_of_the_models(database: str) -> None:
    with db.session():
        migrated = _described()
        db.database.drop_tables([*_models()], cascade=db.is_postgres())
        db.database.create_tables(_models())
        created = _described()
        _drop_everything()
    schema.migrate()

    assert created == migrated


def test_migrating_twice_does_nothing_the_second_time(database: str) -> None:
    assert schema.migrate() == []
    assert schema.is_current()
    assert [step.name for step in schema.status()] == sorted(path.stem for path in schema.DIRECTORY.glob("[0-9]*.py"))


def test_four_processes_that_migrate_at_once_take_turns(tmp_path: Path, database_url: str) -> None:
    """O5: an advisory lock on PostgreSQL, one write lock on SQLite."""
    db.open_database(database_url)
    with db.session():
        _drop_everything()
    db.close_database()
    program = "import sys; from ticketbot.database import db; from ticketbot.models import schema; "
    program += "db.open_database(sys.argv[1]); print(len(schema.migrate()))"
    running = [
        subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    applied = sorted(process.communicate(timeout=60)[0].strip() for process in running)

    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert applied == ["0", "0", "0", str(len(list(schema.DIRECTORY.glob("[0-9]*.py"))))]
    db.open_database(database_url)
    assert schema.is_current()
    db.close_database()


def test_a_database_that_wants_a_newer_program_is_refused_and_not_touched(database: str) -> None:
    with db.transaction("test"):
        facts.Fact.update(value="99.0.0").where(facts.Fact.name == facts.OLDEST_PROGRAM).execute()

    with pytest.raises(errors.SchemaTooNew, match=r"99\.0\.0 or newer"):
        schema.migrate()
    if db.is_postgres():
        db.close_database()
        fresh_postgres(database)


def test_a_database_of_a_newer_program_that_still_allows_this_one_is_served(database: str) -> None:
    """O5: N and N-1 run together; a migration only the newer program knows is no reason to stop."""
    with db.transaction("test"):
        sql.execute(
            "INSERT INTO schema_migration (name, applied) VALUES (?, CURRENT_TIMESTAMP)", "9999_from_the_future"
        )
    try:
        assert schema.migrate() == []
        assert schema.is_current()
    finally:
        with db.transaction("test"):
            sql.execute("DELETE FROM schema_migration WHERE name = ?", "9999_from_the_future")


def _drop_everything() -> None:
    names = [name for name in db.database.get_tables() if not name.startswith("sqlite_")]
    if db.is_postgres():
        for name in names:
            db.database.execute_sql(f'DROP TABLE "{name}" CASCADE')
        return
    db.database.execute_sql("PRAGMA foreign_keys = 0")
    for name in names:
        db.database.execute_sql(f'DROP TABLE "{name}"')
    db.database.execute_sql("PRAGMA foreign_keys = 1")


def test_full_disk_is_reported_instead_of_the_failed_rollback(sqlite: str) -> None:
    with db.session():
        pages = db.database.execute_sql("PRAGMA page_count").fetchone()[0]
        db.database.execute_sql(f"PRAGMA max_page_count = {pages}")
    try:
        int("something else that went wrong before")
    except ValueError:
        with pytest.raises(errors.Unreachable, match=r"is unavailable: database or disk is full"), db.transaction("x"):
            facts.Fact.create(name="large", value="x" * 1_000_000)


def test_nobody_but_its_owner_reads_a_new_sqlite_database(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        db.open_database(f"sqlite:///{tmp_path}/far/away/tbot.db")
        schema.migrate()
        made = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.rglob("*")}
    finally:
        db.close_database()
        os.umask(before)
    assert made == {"far": 0o700, "away": 0o700, "tbot.db": 0o600, "tbot.db-wal": 0o600, "tbot.db-shm": 0o600}


def test_permissions_of_a_database_that_is_there_are_left_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "tbot.db"
    file.touch()
    file.chmod(0o640)
    db.open_database(f"sqlite:///{file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
