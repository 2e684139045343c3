"""The rows of a table that a person sorts and filters: formatted, sorted and indexed once, cheap to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ticketbot.present import entities, layout, name_filter


class Order(NamedTuple):
    """The column that rows are sorted by, and in which direction."""

    by: int = 0
    is_reversed: bool = False


@dataclass
class Content:
    """Rows as they are shown: sorted, formatted and indexed. Create it in a background thread: this takes time.

    `search` is what the server was asked for: these rows need no filtering by it.
    """

    columns: Sequence[entities.Column]
    rows: Sequence[Any]
    order: Order
    ago: Callable[[datetime], str]
    search: str = ""
    cells: list[list[str]] = field(init=False)
    widths: list[int] = field(init=False)
    index: name_filter.Index = field(init=False)

    def __post_init__(self) -> None:
        read = self.columns[self.order.by].read
        self.rows = sorted(self.rows, key=lambda row: _sort_key(read(row)), reverse=self.order.is_reversed)
        self.cells = [[entities.cell(column, row, self.ago) for column in self.columns] for row in self.rows]
        self.widths = layout.wanted(self.columns, [self.titles(), *self.cells])
        self.index = name_filter.Index(map(" ".join, self.cells))

    def titles(self) -> list[str]:
        """Return the titles of the columns, with an arrow at the one that rows are sorted by."""
        titles = [column.title for column in self.columns]
        titles[self.order.by] += " ▼" if self.order.is_reversed else " ▲"
        return titles

    def matches(self, wanted: str) -> list[int]:
        """Return the rows that contain every word of `wanted`, unless the server has already chosen them by it."""
        return self.index.matches("" if wanted == self.search else wanted)


def _sort_key(value: object) -> tuple[int, Any]:
    """Return a key by which values of any type can be compared: nothing first, then numbers, then text and times."""
    if value in (None, ""):
        return 0, 0
    if isinstance(value, int):
        return 1, value
    if isinstance(value, datetime):
        return 2, value.astimezone(UTC).isoformat()
    return 2, name_filter.normalize(str(value))
