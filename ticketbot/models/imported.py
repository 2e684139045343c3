"""What an import has made of another program's database, so that the next one changes only what nobody touched (M1)."""

from __future__ import annotations

from typing import Any

import peewee

from ticketbot.database import fields


class Imported(fields.Model):
    """One object: what it was there (`key`), the row that it became, and the values that the import gave it."""

    key = peewee.TextField(primary_key=True)
    row_id = peewee.BigIntegerField(null=True)
    value = fields.JsonField()


def find(key: str) -> Imported | None:
    """Return what an import has made of something, None if it has made nothing yet."""
    found: Imported | None = Imported.get_or_none(Imported.key == key)
    return found


def remember(key: str, row_id: int | None, value: Any) -> None:
    """Store what an import has made of something."""
    Imported.insert(key=key, row_id=row_id, value=value).on_conflict(
        conflict_target=[Imported.key], preserve=[Imported.row_id, Imported.value]
    ).execute()
