"""Hand-written statements, the same for both databases."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import peewee

from ticketbot.database import db, fields

T = TypeVar("T")

ROWS_PER_STATEMENT = 400  # rows of one statement; SQLite allows 32,766 variables

_SKIP_LOCKED = "FOR UPDATE SKIP LOCKED"
_INDEXED_BY = re.compile(r"INDEXED BY \w+")


def execute(sql: str, *values: object) -> Any:
    """Run a hand-written statement, `?` for each value, and return its cursor.

    For the few statements of the hot path: building one of them with peewee costs more than running it. `SKIP LOCKED`
    and `INDEXED BY` are removed for the database that lacks them: SQLite has one writer at a time, so no row is locked
    by others; PostgreSQL chooses its indexes well.
    """
    if db.is_postgres():
        return db.database.execute_sql(_INDEXED_BY.sub("", sql).replace("?", "%s"), values)
    sql = sql.replace(_SKIP_LOCKED, "")
    return db.database.execute_sql(
        sql, tuple(fields.utc_text(each) if isinstance(each, datetime) else each for each in values)
    )


def select(model: type[fields.M], sql: str, *values: object) -> list[fields.M]:
    """Run a hand-written statement and return its rows, complete or not, as rows of a model.

    Columns that a newer program has added are ignored, so that the previous version still runs (O5).
    """
    cursor = execute(sql, *values)
    fields = [model._meta.columns.get(column[0]) for column in cursor.description]
    return [
        model(
            __no_default__=True,
            **{field.name: field.python_value(value) for field, value in zip(fields, row, strict=True) if field},
        )
        for row in cursor.fetchall()
    ]


def select_by_id(model: type[fields.M], ids: Iterable[int]) -> dict[int, fields.M]:
    """Return the rows of a model with these ids, by id."""
    wanted = sorted(set(ids))
    found: dict[int, fields.M] = {}
    for chunk in chunks(wanted):
        query = f'SELECT * FROM "{model._meta.table_name}" WHERE id IN {placeholders(chunk)}'  # noqa: S608
        found |= {row.id: row for row in select(model, query, *chunk)}
    return found


def exists(sql: str, *values: object) -> bool:
    """Return whether a hand-written query finds any row."""
    return execute(sql, *values).fetchone() is not None


def update_where(model: type[fields.Model], changes: Mapping[str, Any], where: str, *values: object) -> int:
    """Update the rows that match a hand-written condition. Return how many."""
    fields = [model._meta.fields[name] for name in changes]
    written = (field.db_value(value) for field, value in zip(fields, changes.values(), strict=True))
    sets = ", ".join(f"{field.column_name} = ?" for field in fields)
    return int(execute(f'UPDATE "{model._meta.table_name}" SET {sets} WHERE {where}', *written, *values).rowcount)  # noqa: S608


def where_contains(words: str, *texts: Any) -> peewee.Expression:
    """Return the condition that each of the words is part of one of the texts, in upper or lower case.

    A text is a column or a query of one value; null counts as empty.
    """
    spaced = (peewee.fn.COALESCE(peewee.Cast(text, "TEXT"), "").concat(" ") for text in texts)
    searched = peewee.fn.LOWER(functools.reduce(peewee.ColumnBase.concat, spaced))
    matches = [searched.contains(word.lower()) for word in words.split()]
    return functools.reduce(operator.and_, matches, peewee.Value(True))


def placeholders(values: Sequence[object]) -> str:
    """Return as many `?` as there are values, in parentheses."""
    return f"({', '.join('?' * len(values))})"


def upsert(
    model: type[fields.Model],
    rows: Sequence[Mapping[str, Any]],
    *,
    target: Sequence[str],
    keep: Sequence[str] = (),
    fill: Sequence[str] = (),
    where: str = "",
) -> None:
    """Insert rows of the same columns, or overwrite the row with the same `target` except for its columns in `keep`.

    Columns in `fill` are written only where there is no value yet. `where` limits which existing rows may be
    overwritten; the new row is called `excluded`. Hand-written, because peewee takes a second to build a statement of a
    thousand rows, which would block all other writers on SQLite.
    """
    if not rows:
        return
    filled = {name: f"COALESCE({model._meta.table_name}.{name}, excluded.{name})" for name in fill}
    names = [name for name in rows[0] if name not in (*target, *keep)]
    changed = ", ".join(f"{name} = {filled.get(name, f'excluded.{name}')}" for name in names)
    tail = f"ON CONFLICT ({', '.join(target)}) DO UPDATE SET {changed}" + (f" WHERE {where}" if where else "")
    _insert(model, rows, tail, at_once=200)


def insert_new(model: type[fields.Model], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert rows of the same columns, the others at their defaults; existing rows stay. Return how many are new."""
    if not rows:
        return 0
    defaults = model._meta.get_default_dict()
    return _insert(model, [defaults | dict(row) for row in rows], "ON CONFLICT DO NOTHING", at_once=len(rows))


def _insert(model: type[fields.Model], rows: Sequence[Mapping[str, Any]], tail: str, *, at_once: int) -> int:
    """Insert rows, `at_once` per statement. Return how many the last statement wrote."""
    fields = [model._meta.fields[name] for name in rows[0]]
    head = f'INSERT INTO "{model._meta.table_name}" ({", ".join(field.column_name for field in fields)}) VALUES'
    values = [tuple(field.db_value(row[field.name]) for field in fields) for row in rows]
    cursor = db.database.cursor()
    with peewee.__exception_wrapper__:
        if db.is_postgres():
            from psycopg2 import extras

            extras.execute_values(cursor, f"{head} %s {tail}", values, page_size=at_once)
        else:
            cursor.executemany(f"{head} {placeholders(fields)} {tail}", values)
    return int(cursor.rowcount)


def chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield as many values at a time as one statement takes."""
    return (values[start : start + ROWS_PER_STATEMENT] for start in range(0, len(values), ROWS_PER_STATEMENT))


def for_update(query: peewee.ModelSelect, how: str = "FOR UPDATE") -> peewee.ModelSelect:
    """Make a query lock its rows until the transaction ends; on SQLite, a transaction locks everything."""
    return query.for_update(how) if db.is_postgres() else query


def count_by_value(field: peewee.Field, values: Sequence[str]) -> dict[str, int]:
    """Return how many rows have each value, in one query: a row that changes its value is counted once."""
    query = field.model.select(field, peewee.fn.COUNT(peewee.SQL("*"))).where(field.in_(list(values))).group_by(field)
    return dict.fromkeys(values, 0) | dict(query.tuples())


def execute_insert(query: peewee.Query) -> Any:
    """Run an INSERT and return its cursor: only its `rowcount` shows whether an ignored insert did anything.

    peewee's own `insert().execute()` returns ids on PostgreSQL and the last row id on SQLite, even after a conflict.
    """
    sql, parameters = query.sql()
    return db.database.execute_sql(sql, parameters)


def advisory_lock(name: str) -> None:
    """Serialize the transactions that take the same lock, across all servers, until each ends.

    What such a transaction reads afterwards includes the previous one's writes. SQLite has one writer at a time anyway.
    """
    if db.is_postgres():
        db.database.execute_sql("SELECT pg_advisory_xact_lock(hashtext(%s))", (name,))
