"""A table that can be sorted and filtered, with one row selected; it draws only the visible rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import urwid

from ticketbot.tui import name_filter, table_cells

GAP = 2


class HasId(Protocol):
    """What a row must have: the selection follows its id."""

    @property
    def id(self) -> int: ...


Row = TypeVar("Row", bound=HasId)


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column: `columns` wide, or a share of what the fixed ones leave."""

    title: str
    cell: Callable[[Row], str]
    columns: int = 0
    share: int = 0
    right: bool = False
    order: Callable[[Row], Any] | None = None

    def sort_key(self, row: Row) -> Any:
        """Return the value by which a row is sorted."""
        return self.order(row) if self.order else name_filter.normalize(self.cell(row))


@dataclass
class Content(Generic[Row]):
    """Rows, sorted by a column and indexed. Create it in a background thread: this takes time."""

    columns: Sequence[Column[Row]]
    rows: list[Row]
    by: int = 0
    is_reversed: bool = False
    index: name_filter.Index = field(init=False)

    def __post_init__(self) -> None:
        self.rows = sorted(self.rows, key=self.columns[self.by].sort_key, reverse=self.is_reversed)
        self.index = name_filter.Index(" ".join(column.cell(row) for column in self.columns) for row in self.rows)


class Table(urwid.Widget, Generic[Row]):
    """The widget. `empty` is shown when there are no rows."""

    _sizing = frozenset([urwid.BOX])
    _selectable = True

    def __init__(
        self, columns: Sequence[Column[Row]], tone: Callable[[Row], str], *, by: int = 0, is_reversed: bool = False
    ) -> None:
        super().__init__()
        self._columns = columns
        self._tone = tone
        self._content = Content(columns, [], by, is_reversed)
        self._found: list[int] = []
        self._at = 0
        self._top = 0
        self._page = 1
        self.wanted = ""
        self.empty = ""

    @property
    def selected(self) -> Row | None:
        """Return the selected row, None if there is none."""
        if len(self._found) <= self._at:
            return None
        return self._content.rows[self._found[self._at]]

    @property
    def total(self) -> int:
        """Return how many rows there are, shown or not."""
        return len(self._content.rows)

    @property
    def sorted_by(self) -> str:
        """Return the title of the column the rows are sorted by."""
        return self._columns[self._content.by].title

    def count(self) -> int:
        """Return how many rows match the filter."""
        return len(self._found)

    def sort(self, step: int = 0, *, turn: bool = False) -> None:
        """Sort by another column, or reverse the order."""
        old = self._content
        by = (old.by + step) % len(self._columns)
        self.fill(Content(self._columns, old.rows, by, old.is_reversed != turn), resorted=True)

    def content(self, rows: list[Row]) -> Content[Row]:
        """Return rows in the current order, for `fill`."""
        return Content(self._columns, rows, self._content.by, self._content.is_reversed)

    def fill(self, content: Content[Row], *, resorted: bool = False) -> None:
        """Replace the rows; the selected one stays selected and in its place on the screen, if it still exists."""
        old = self.selected
        line = self._at - self._top
        if (content.by, content.is_reversed) != (self._content.by, self._content.is_reversed) and not resorted:
            content = self.content(content.rows)  # the order was changed while these were loading
        self._content = content
        self._found = content.index.matches(self.wanted)
        at = self._position(old.id) if old is not None else None
        last = max(len(self._found) - 1, 0) if old is not None else 0
        self._at = min(self._at, last) if at is None else at
        self._top = max(self._at - line, 0)
        self._invalidate()

    def filter(self, wanted: str) -> None:
        """Show only the rows that contain all these words, and select the first."""
        if wanted != self.wanted:
            self.wanted = wanted
            self._found = self._content.index.matches(wanted)
            self._at = self._top = 0
            self._invalidate()

    def put(self, row: Row) -> None:
        """Add a row, or replace the one with its id."""
        others = [each for each in self._content.rows if each.id != row.id]
        self.fill(self.content([*others, row]))

    def drop(self, row_id: int) -> None:
        """Remove a row."""
        self.fill(self.content([row for row in self._content.rows if row.id != row_id]))

    def select(self, row_id: int) -> None:
        """Select the row with an id, if it exists."""
        at = self._position(row_id)
        if at is not None:
            self._at = at
            self._invalidate()

    def say(self, empty: str) -> None:
        """Set the text shown when there are no rows."""
        if empty != self.empty:
            self.empty = empty
            self._invalidate()

    def move(self, action: str) -> bool:
        """Move the selection; False if the action does not."""
        steps = {"up": -1, "down": 1, "page up": -self._page, "page down": self._page}
        if action in steps:
            wanted = self._at + steps[action]
        elif action in ("first", "last"):
            wanted = 0 if action == "first" else len(self._found) - 1
        else:
            return False
        self._at = max(min(wanted, len(self._found) - 1), 0)
        self._invalidate()
        return True

    def keypress(self, _size: tuple[int, ...], key: str) -> str:
        """Handle no key: the main view dispatches them."""
        return key

    def render(self, size: tuple[int, int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]  # noqa: ARG002
        """Draw the headings and the visible rows."""
        columns, height = size
        self._page = max(height - 2, 1)
        self._scroll(height - 1)
        lines = [("heading", self._headings(columns)), *self._lines(columns, height - 1)]
        lines += [("row", " " * columns)] * (height - len(lines))
        return table_cells.canvas([[line] for line in lines[:height]], columns)

    def _scroll(self, height: int) -> None:
        """Keep the selected row visible, and the page full if there are enough rows."""
        full = min(self._top + height, len(self._found)) - height
        self._top = max(min(self._top, self._at, full), self._at - height + 1, 0)

    def _lines(self, columns: int, height: int) -> list[tuple[str, str]]:
        end = min(self._top + max(height, 0), len(self._found))
        if end == 0:
            text = f"No row matches {self.wanted!r}. Esc shows all." if self.wanted and self.total else self.empty
            lines = ["", *(line for part in text.split("\n") for line in table_cells.wrap(part, columns - 4))]
            return [("dim", table_cells.fit(f"  {line}", columns)) for line in lines]
        widths = self._widths(columns)
        return [self._line(at, widths, columns) for at in range(self._top, min(end, self._top + height))]

    def _line(self, at: int, widths: Sequence[int], columns: int) -> tuple[str, str]:
        row = self._content.rows[self._found[at]]
        shown = (
            table_cells.fit(column.cell(row), width, right=column.right)
            for column, width in zip(self._columns, widths, strict=True)
        )
        return "row on" if at == self._at else self._tone(row), table_cells.fit(" " + (" " * GAP).join(shown), columns)

    def _headings(self, columns: int) -> str:
        arrow = "▼" if self._content.is_reversed else "▲"
        titles = [
            f"{column.title} {arrow}" if number == self._content.by else column.title
            for number, column in enumerate(self._columns)
        ]
        shown = (
            table_cells.fit(title, width, right=column.right)
            for title, column, width in zip(titles, self._columns, self._widths(columns), strict=True)
        )
        return table_cells.fit(" " + (" " * GAP).join(shown), columns)

    def _widths(self, columns: int) -> list[int]:
        fixed = 2 + GAP * (len(self._columns) - 1) + sum(column.columns for column in self._columns)
        shares = sum(column.share for column in self._columns) or 1
        free = max(columns - fixed, 0)
        widths = [column.columns or free * column.share // shares for column in self._columns]
        for number, column in enumerate(self._columns):
            if column.share:
                widths[number] += free - sum(w for w, c in zip(widths, self._columns, strict=True) if c.share)
                break
        return widths

    def _position(self, row_id: int) -> int | None:
        rows = self._content.rows
        return next((at for at, number in enumerate(self._found) if rows[number].id == row_id), None)
