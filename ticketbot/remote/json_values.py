"""Read single values out of other people's JSON, where anything may be missing, null or of another type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

JsonObject = Mapping[str, Any]

LARGEST_ID = 2**31 - 1  # ConnectWise ids are 32-bit integers; a larger number would not fit a column
FALSE_WORDS = frozenset({"", "0", "false", "n", "no"})


def rows(value: object) -> Iterator[JsonObject]:
    """Return the objects of a list that have an integer `id`; leave out whatever else stands there."""
    if isinstance(value, list):
        yield from (row for row in value if isinstance(row, Mapping) and int_id(row.get("id")) is not None)


def mapping_at(row: JsonObject, key: str) -> JsonObject:
    """Return the object under `key`, an empty one where there is none."""
    value = row.get(key)
    return value if isinstance(value, Mapping) else {}


def text(*values: object) -> str | None:
    """Return the first value that is text with something in it, trimmed; a number counts as text.

    NUL characters do occur in ConnectWise and PostgreSQL refuses them; half a surrogate pair (an emoji
    cut in two) cannot be written as UTF-8 at all.
    """
    return next((found for found in map(_text, values) if found), None)


def _text(value: object) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return value.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()


def int_id(value: object) -> int | None:
    """Return the value if it is an integer that can be an id."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_ID:
        return value
    return None


def truthy(value: object) -> bool:
    """Return whether a flag is set: anything that is not empty, zero or a word for no."""
    if isinstance(value, str):
        return value.strip().lower() not in FALSE_WORDS
    return bool(value)


def timestamp(*values: object) -> datetime | None:
    """Return the first value that is an ISO 8601 time, as aware UTC; a time without a zone is UTC.

    Both services write with and without fractions, with `Z` and with an offset.
    """
    return next((found for found in map(_timestamp, values) if found), None)


def _timestamp(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip().upper())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
