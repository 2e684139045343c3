"""O12: copies of an SQLite database, made while it is written to."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from ticketbot import errors
from ticketbot.database import sqlite_copy

MARK = "INSERT INTO fact VALUES ('is_copy')"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a base?#.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE fact (name TEXT)")
    return path


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [name for (name,) in database.execute("SELECT name FROM fact")]


def test_a_copy_holds_what_was_committed_and_only_the_copy_is_marked(source: Path, tmp_path: Path) -> None:
    """What is not committed yet stays out, and its writer is not disturbed."""
    target = tmp_path / "copy"
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("INSERT INTO fact VALUES ('committed')")  # still in the write-ahead log
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO fact VALUES ('later')")
        assert sqlite_copy.write(source, target, MARK) == target.stat().st_size
        writer.execute("COMMIT")
    assert names(target) == ["committed", "is_copy"]
    assert names(source) == ["committed", "later"]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == [source.name, "copy"]


def test_an_existing_file_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")
    with pytest.raises(errors.Conflict, match="already exists"):
        sqlite_copy.write(source, tmp_path / "copy", MARK)
    with pytest.raises(errors.Conflict):
        sqlite_copy.write(source, source, MARK)
    assert (tmp_path / "copy").read_text() == "precious"


@pytest.mark.parametrize("mark", ["INSERT INTO nothing VALUES (1)", "no SQL"])
def test_after_a_failure_no_file_is_left(source: Path, tmp_path: Path, mark: str) -> None:
    with pytest.raises(errors.TicketbotError, match="was not backed up"):
        sqlite_copy.write(source, tmp_path / "copy", mark)
    assert list(tmp_path.iterdir()) == [source]


def test_a_damaged_database_is_reported_and_leaves_no_copy(source: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(source)) as database, database:
        database.execute("INSERT INTO fact VALUES (NULL)")
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = 'CREATE TABLE fact (name TEXT NOT NULL)'")
    with pytest.raises(errors.TicketbotError, match="integrity check: NULL value"):
        sqlite_copy.write(source, tmp_path / "copy", MARK)
    assert not (tmp_path / "copy").exists()


def test_an_interruption_leaves_no_file(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sqlite_copy, "_copy", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sqlite_copy.write(source, tmp_path / "copy", MARK)
    assert not (tmp_path / "copy").exists()


def test_where_nothing_can_be_written_or_read_it_says_so(source: Path, tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidInput, match="cannot be created: No such file or directory"):
        sqlite_copy.write(source, tmp_path / "no" / "copy", MARK)
    with pytest.raises(errors.NotFound, match="There is no database"):
        sqlite_copy.write(tmp_path / "none", tmp_path / "copy", MARK)
    assert not (tmp_path / "none").exists()
