"""A table that can be sorted and filtered, with one row selected; only visible rows become widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import urwid

from ticketbot.present import entities, layout, states, text
from ticketbot.tui import name_filter

GAP = " " * layout.GAP


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
        self.widths = layout.wanted(self.columns, self.cells)
        self.index = name_filter.Index(map(" ".join, self.cells))

    def matches(self, wanted: str) -> list[int]:
        """Return the rows that contain every word of `wanted`, unless the server has already chosen them by it."""
        return self.index.matches("" if wanted == self.search else wanted)


class Table(urwid.Frame[Any, Any, Any]):
    """The widget. `empty` is shown when there are no rows; the selection follows the id of the row."""

    def __init__(self, entity: entities.Entity, ago: Callable[[datetime], str], order: Order) -> None:
        self._ago = ago
        self._entity = entity
        self._columns = [column for column in entity.columns if column.kind != "reference"]
        self.content = Content(self._columns, [], order, ago)
        self.wanted = ""
        self._walker = _Walker(self._row)
        self._list = urwid.ListBox(self._walker)
        self._headings = urwid.Text("", wrap="clip")
        self._nothing = urwid.Text("")
        self._widths: list[int] = []
        super().__init__(self._list, urwid.AttrMap(self._headings, "heading"))
        self.say("Loading…")

    @property
    def selected(self) -> Any:
        """Return the selected row, None if there is none."""
        found = self._walker.found
        return self.content.rows[found[self._walker.focus]] if found else None

    @property
    def count(self) -> int:
        """Return how many rows match the filter."""
        return len(self._walker.found)

    @property
    def sorted_by(self) -> str:
        """Return the title of the column the rows are sorted by."""
        return self._columns[self.content.order.by].title

    def new_content(self, rows: Iterable[Any], search: str = "") -> Content:
        """Return rows in the current order, for `fill`."""
        return Content(self._columns, list(rows), self.content.order, self._ago, search)

    def fill(self, content: Content) -> None:
        """Replace the rows; the selected one stays selected and in its place on the screen, if it still exists."""
        if content.order != self.content.order:
            content = self.new_content(content.rows, content.search)  # the order was changed while these were loading
        self._replace(content)

    def sort(self, step: int = 0, *, reverse: bool = False) -> None:
        """Sort by another column, or reverse the order."""
        by, is_reversed = self.content.order
        order = Order((by + step) % len(self._columns), is_reversed != reverse)
        self._replace(Content(self._columns, self.content.rows, order, self._ago, self.content.search))

    def filter(self, wanted: str) -> None:
        """Show only the rows that contain all these words, and select the first."""
        self.wanted = wanted
        self._walker.show(self.content.matches(wanted), 0)
        self._invalidate()

    def put(self, row: Any) -> None:
        """Add a row, or replace the one with its id."""
        self._replace(self.new_content([*self._others(row.id), row], self.content.search))

    def drop(self, row_id: int) -> None:
        """Remove a row."""
        self._replace(self.new_content(self._others(row_id), self.content.search))

    def select(self, row_id: int) -> None:
        """Select the row with an id, if it is shown."""
        at = self._position(row_id)
        if at is not None:
            self._walker.set_focus(at)

    def say(self, nothing: str) -> None:
        """Set the text shown when there are no rows."""
        self._nothing.set_text(("quiet", f"\n{nothing}"))

    def render(self, size: tuple[int, int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]
        """Draw the headings and the visible rows, or say that there are none."""
        self._set_body()
        widths = layout.fit(self._columns, self.content.widths, size[0] - 2)
        if widths != self._widths:
            self._widths = widths
            self._walker.redraw()
        self._headings.set_text(self._line(self._titles()))
        return super().render(size, focus)

    def _set_body(self) -> None:
        nothing = f"\nNo row matches {self.wanted!r}. Esc shows all." if self.wanted else None
        if nothing:
            self._nothing.set_text(("quiet", text.clean(nothing)))
        body = self._list if self.count else urwid.Filler(urwid.Padding(self._nothing, left=2, right=2), "top")
        if body is self._list or self.body is self._list or nothing:
            self.body = body

    def _replace(self, content: Content) -> None:
        old = self.selected
        self.content = content
        self._walker.found = content.matches(self.wanted)
        at = self._position(old.id) if old is not None else 0
        self._walker.show(self._walker.found, self._walker.focus if at is None else at)
        self._invalidate()

    def _others(self, row_id: int) -> list[Any]:
        return [row for row in self.content.rows if row.id != row_id]

    def _position(self, row_id: int) -> int | None:
        rows = self.content.rows
        return next((at for at, number in enumerate(self._walker.found) if rows[number].id == row_id), None)

    def _titles(self) -> list[str]:
        arrow = "▼" if self.content.order.is_reversed else "▲"
        return [
            f"{column.title} {arrow}" if number == self.content.order.by else column.title
            for number, column in enumerate(self._columns)
        ]

    def _line(self, cells: Sequence[str]) -> str:
        fitted = (text.pad(text.cut(cell, width), width) for cell, width in zip(cells, self._widths, strict=True))
        return f" {GAP.join(fitted)}"

    def _row(self, number: int, is_selected: bool) -> Any:
        style = states.style(self._entity.state(self.content.rows[number]))
        attr = "row on" if is_selected else style if style in ("quiet", "bad", "waiting") else "plain"
        return urwid.AttrMap(_Row(self._line(self.content.cells[number]), wrap="clip"), attr)


class _Row(urwid.Text):
    """One line; it can be selected, and leaves all keys to the main view."""

    _selectable = True

    def keypress(self, _size: object, key: str) -> str:
        return key


class _Walker(urwid.ListWalker[int, Any]):
    """The rows that are `found`; widgets are made for the visible ones only."""

    def __init__(self, make: Callable[[int, bool], Any]) -> None:
        self._make = make
        self.found: list[int] = []
        self.focus = 0

    def __getitem__(self, position: int) -> Any:
        return self._make(self.found[self.next_position(position - 1)], position == self.focus)

    def next_position(self, position: int) -> int:
        if position + 1 >= len(self.found):
            raise IndexError
        return position + 1

    def prev_position(self, position: int) -> int:
        if position <= 0:
            raise IndexError
        return position - 1

    def positions(self, reverse: bool = False) -> range:
        """Return all positions, as the keys Home and End want them."""
        return range(len(self.found))[:: -1 if reverse else 1]

    def set_focus(self, position: int) -> None:
        """Select a row."""
        self.focus = position
        self.redraw()

    def show(self, found: list[int], focus: int) -> None:
        """Replace what is found, and select a row, or the last one if there are fewer."""
        self.found = found
        self.set_focus(max(min(focus, len(found) - 1), 0))

    def redraw(self) -> None:
        """Draw the rows anew."""
        self._modified()


def _sort_key(value: object) -> tuple[int, Any]:
    """Return a key by which values of any type can be compared: nothing first, then numbers, then text and times."""
    if value in (None, ""):
        return 0, 0
    if isinstance(value, int):
        return 1, value
    if isinstance(value, datetime):
        return 2, value.astimezone(UTC).isoformat()
    return 2, name_filter.normalize(str(value))
