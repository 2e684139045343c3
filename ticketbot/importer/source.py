"""The database of the Go implementation: which version it is, and its rows, by the columns that it has.

Everything is read in one read-only transaction, so all tables are of one moment.
"""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import psycopg2
from psycopg2 import extras, sql

from ticketbot import errors
from ticketbot.database import availability
from ticketbot.settings import types

VERSION_1, VERSION_2, DEV = "version 1", "version 2", "a development version"
CONNECT_TIMEOUT_S = 10
ROWS_PER_READ = 1000

_COLUMNS = """
    SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ANY (current_schemas(false))
"""
_STEP = "SELECT version_id, tstamp FROM goose_db_version WHERE is_applied ORDER BY version_id, tstamp"

Row = dict[str, Any]


class Source:
    """An open database of the Go implementation."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._columns: dict[str, set[str]] = {}
        for table, column in self._execute(_COLUMNS):
            self._columns.setdefault(table, set()).add(column)
        self.version = _version(self._columns)
        self._steps = dict(self._execute(_STEP)) if self.has("goose_db_version") else {}
        self.zone = _zone(self._execute("SHOW TimeZone")[0][0])

    @property
    def name(self) -> str:
        """Return which version it is, with its last migration."""
        return f"{self.version} (migration {max(self._steps, default='unknown')})"

    def has(self, table: str, column: str | None = None) -> bool:
        """Return whether there is a table, or a column of it."""
        return table in self._columns and (column is None or column in self._columns[table])

    def migrated_at(self, step: int) -> datetime | None:
        """Return when a migration ran, without zone as everything of its time; None if it did not."""
        return self._steps.get(step)

    def count(self, table: str) -> int:
        """Return the number of rows, 0 if there is no such table."""
        query = sql.SQL("SELECT COUNT(*) FROM {}").format(sql.Identifier(table))
        return int(self._execute(query)[0][0]) if self.has(table) else 0

    def rows(self, table: str, *columns: str) -> Iterator[Row]:
        """Yield the rows of a table by its first column; columns that are missing are left out of them."""
        known = [column for column in columns if self.has(table, column)]
        if not known:
            return
        names = sql.SQL(", ").join(map(sql.Identifier, known))
        query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(names, sql.Identifier(table), sql.Identifier(known[0]))
        with self._connection.cursor(f"read_{table}", cursor_factory=extras.RealDictCursor) as cursor:
            cursor.itersize = ROWS_PER_READ
            cursor.execute(query)
            for row in cursor:
                yield dict(row)

    def notification_events(self) -> Iterator[Row]:
        """Yield what became of the notifications of version 2, as long as its history lasts."""
        if self.has("ticket_event", "payload"):
            yield from (
                row for row in self.rows("ticket_event", "id", "kind", "payload") if row["kind"] == "notification"
            )

    def moment(self, at: datetime | None) -> datetime | None:
        """Return a time that the database set without a zone, in UTC."""
        return (
            None
            if at is None or not 1970 <= at.year < 9000
            else (at if at.tzinfo else at.replace(tzinfo=self.zone)).astimezone(UTC)
        )

    def _execute(self, query: Any) -> list[Any]:
        with self._connection.cursor() as cursor:
            cursor.execute(query)
            found: list[Any] = cursor.fetchall()
            return found


@contextlib.contextmanager
def opened(url: str) -> Iterator[Source]:
    """Open a database to read it. Raises `Unreachable` or `InvalidInput`; the address is never part of the words."""
    where = types.describe_database(url)
    try:
        connection = psycopg2.connect(url, connect_timeout=CONNECT_TIMEOUT_S, application_name="tbot import")
    except psycopg2.Error as error:
        raise errors.Unreachable(
            f"Cannot open the {where}: {availability.first_line(error)}. Check address, user and password"
        ) from None
    try:
        connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
        yield Source(connection)
    except psycopg2.Error as error:
        raise errors.Unreachable(f"Cannot read the {where}: {availability.first_line(error)}") from None
    finally:
        connection.close()


def _version(columns: dict[str, set[str]]) -> str:
    """Return which program's tables these are; columns decide, since numbers of migrations were reused."""
    config, workflow = columns.get("app_config", set()), columns.get("workflow", set())
    is_dev = {"attempt_workflow", "attempt_transform"} & config or "cw_board_id" in workflow
    if is_dev or {"ticket_journal", "transformer_rule"} & columns.keys():
        return DEV
    if {"webex_room", "notifier_connection", "app_state"} & columns.keys():
        raise errors.InvalidInput(
            "This database is of a release before 1.2, which cannot be imported. Update that program to 1.5 first"
        )
    if "master_dry_run" in config:
        return VERSION_2
    if {"notifier_rule", "webex_recipient"} <= columns.keys():
        return VERSION_1
    raise errors.InvalidInput("This is not a database of the Go implementation: it has none of its tables")


def _zone(name: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def names_of(rows: Sequence[Row]) -> dict[int, str]:
    """Return the names of rows by their ids."""
    return {row["id"]: row["name"] for row in rows}
