"""The fields that conditions are about, with their kinds and what they can be (R4)."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Literal

Kind = Literal["text", "number", "truth", "list"]

OLD: dict[str, Kind] = {
    "owner": "text",
    "resources": "list",
    "status": "text",
    "closed": "truth",
    "priority": "text",
    "board": "text",
    "company": "text",
    "summary": "text",
    "type": "text",
}
NOTE: dict[str, Kind] = {
    "text": "text",
    "author": "text",
    "by_customer": "truth",
    "internal": "truth",
    "kind": "text",
}
FIELDS: dict[str, Kind | dict[str, Kind]] = {
    "id": "number",
    "summary": "text",
    "board": "text",
    "status": "text",
    "closed": "truth",
    "priority": "text",
    "priority_sort": "number",
    "severity": "text",
    "impact": "text",
    "type": "text",
    "subtype": "text",
    "item": "text",
    "source": "text",
    "company": "text",
    "company_id": "number",
    "contact": "text",
    "owner": "text",
    "resources": "list",
    "assigned_count": "number",
    "is_project": "truth",
    "event": "text",
    "changed": "list",
    "old": OLD,
    "note": NOTE,
    "hour": "number",
    "weekday": "text",
}
CHOICES: dict[str, tuple[str, ...]] = {
    "event": ("new", "customer_note", "team_note", "internal_note", "changed"),
    "changed": tuple(OLD),
    "weekday": ("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
}
IDENTIFIERS = ("owner", "resources", "note.author", "old.owner", "old.resources")
TEXT_ATTRIBUTES = ("as_lower", "as_upper", "starts_with", "ends_with", "length", "is_empty")

_OTHER_NAMES = {"None": "null", "nil": "null", "True": "true", "False": "false", "AND": "and", "OR": "or", "NOT": "not"}


def names() -> list[str]:
    """Return the fields, those of `note` and `old` with their dots."""
    parts = [(name, kind) for name, kind in FIELDS.items() if isinstance(kind, dict)]
    return [
        *(name for name, kind in FIELDS.items() if isinstance(kind, str)),
        *(f"{name}.{part}" for name, kinds in parts for part in kinds),
    ]


def nearest(word: str, known: Collection[str]) -> str | None:
    """Return the known name that is most like a word."""
    return _OTHER_NAMES.get(word) or next(iter(difflib.get_close_matches(word.lower(), known, 1)), None)
