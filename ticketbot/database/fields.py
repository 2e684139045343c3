"""The base class of all tables, and the column types that the two databases store differently."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import peewee

from ticketbot.database import db


class UtcField(peewee.Field):
    """An aware UTC time: `timestamptz` on PostgreSQL, fixed-width ISO text, which sorts, on SQLite."""

    field_type = "TIMESTAMPTZ"

    def db_value(self, value: datetime | None) -> object:
        if value is None or not isinstance(value, datetime):
            return value
        return value.astimezone(UTC) if db.is_postgres() else utc_text(value)

    def python_value(self, value: object) -> datetime | None:
        if value is None:
            return None
        parsed = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        return parsed.astimezone(UTC)


class IdField(peewee.AutoField):
    """An id that is never given out again, not even after its row is gone (A8): SQLite would reuse the last one."""

    def ddl(self, ctx: Any) -> Any:
        definition = super().ddl(ctx)
        return definition if db.is_postgres() else peewee.NodeList((definition, peewee.SQL("AUTOINCREMENT")))


class JsonField(peewee.TextField):
    """Any JSON value, stored as text so that both databases hold the same bytes."""

    def db_value(self, value: object) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def python_value(self, value: str | None) -> Any:
        return None if value is None else msgspec.json.decode(value)


class Model(peewee.Model):
    """Base of all tables."""

    class Meta:
        database = db.database
        legacy_table_names = False


M = TypeVar("M", bound=Model)


def utc_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")
