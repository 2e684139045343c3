"""Divide the width of a terminal among the columns of a table; the kind of a column says how much it may lose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ticketbot.present import text
from ticketbot.present.entities import Column

GAP = 2
_LEAST = {"id": 5, "reference": 5, "name": 8, "state": 9, "time": 11, "value": 5}


def least(columns: Sequence[Column]) -> int:
    """Return the width below which a table cannot be read."""
    return sum(map(_least, columns)) + GAP * (len(columns) - 1)


def wanted(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[int]:
    """Return the width of each column that shows titles and cells in full."""
    widths = [len(column.title) for column in columns]
    for row in rows:
        widths = [max(width, text.width(cell)) for width, cell in zip(widths, row, strict=True)]
    return widths


def fit(columns: Sequence[Column], widths: Sequence[int], room: int) -> list[int]:
    """Return the widths that fit into `room`; names give way first, then times, down to what can be read."""
    given = list(widths)
    excess = sum(given) + GAP * (len(columns) - 1) - room
    for kind in ("name", "time"):
        while excess > 0:
            flexible = [n for n, column in enumerate(columns) if column.kind == kind and given[n] > _least(column)]
            if not flexible:
                break
            given[max(flexible, key=given.__getitem__)] -= 1
            excess -= 1
    return given


def _least(column: Column) -> int:
    return max(_LEAST[column.kind], len(column.title))
