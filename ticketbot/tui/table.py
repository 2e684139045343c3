"""A table that can be sorted and filtered, with one row selected; only visible rows become widgets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import urwid

from ticketbot.present import entities, layout, states, table_content, text

GAP = " " * layout.GAP


class Table(urwid.Frame[Any, Any, Any]):
    """The widget. `empty` is shown when there are no rows; the selection follows the id of the row."""

    def __init__(self, entity: entities.Entity, ago: Callable[[datetime], str], order: table_content.Order) -> None:
        self._ago = ago
        self._entity = entity
        self._columns = [column for column in entity.columns if column.kind != "reference"]
        self.content = table_content.Content(self._columns, [], order, ago)
        self.wanted = ""
        self._walker = _Walker(self._row)
        self._list = urwid.ListBox(self._walker)
        self._headings = urwid.Text("", wrap="clip")
        self._message = urwid.Text("")
        self._nothing = urwid.Filler(urwid.Padding(self._message, left=2, right=2), "top")
        self._empty = "Loading…"
        self._widths = self.content.widths
        super().__init__(self._nothing, urwid.AttrMap(self._headings, "heading"))
        self._show([], 0)

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

    def new_content(self, rows: Iterable[Any], search: str = "") -> table_content.Content:
        """Return rows in the current order, for `fill`."""
        return table_content.Content(self._columns, list(rows), self.content.order, self._ago, search)

    def fill(self, content: table_content.Content) -> None:
        """Replace the rows; the selected one stays selected and in its place on the screen, if it still exists."""
        if content.order != self.content.order:
            content = self.new_content(content.rows, content.search)  # the order was changed while these were loading
        self._replace(content)

    def sort(self, step: int = 0, *, reverse: bool = False) -> None:
        """Sort by another column, or reverse the order."""
        by, is_reversed = self.content.order
        order = table_content.Order((by + step) % len(self._columns), is_reversed != reverse)
        self._replace(table_content.Content(self._columns, self.content.rows, order, self._ago, self.content.search))

    def filter(self, wanted: str) -> None:
        """Show only the rows that contain all these words, and select the first."""
        self.wanted = wanted
        self._show(self.content.matches(wanted), 0)

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

    def say(self, empty: str) -> None:
        """Set the text shown when there are no rows."""
        self._empty = empty
        self._show(self._walker.found, self._walker.focus)

    def render(self, size: tuple[int, int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]
        """Draw the headings and the visible rows, or say that there are none."""
        widths = layout.fit(self._columns, self.content.widths, size[0] - 2)
        if widths != self._widths:
            self._widths = widths
            self._walker.set_focus(self._walker.focus)  # redraws the rows
        self._headings.set_text(self._line(self.content.titles()))
        return super().render(size, focus)

    def _show(self, found: list[int], focus: int) -> None:
        """Show the rows that were found and select one of them, or say that there are none."""
        self._walker.show(found, focus)
        is_filtered = self.wanted and self.content.rows
        message = f"No row matches {self.wanted!r}. Esc shows all." if is_filtered else self._empty
        self._message.set_text(("quiet", f"\n{message}"))
        self.body = self._list if found else self._nothing

    def _replace(self, content: table_content.Content) -> None:
        old, focus = self.selected, self._walker.focus
        self.content, self._widths = content, content.widths
        self._walker.found = content.matches(self.wanted)
        at = self._position(old.id) if old is not None else 0
        self._show(self._walker.found, focus if at is None else at)

    def _others(self, row_id: int) -> list[Any]:
        return [row for row in self.content.rows if row.id != row_id]

    def _position(self, row_id: int) -> int | None:
        rows = self.content.rows
        return next((at for at, number in enumerate(self._walker.found) if rows[number].id == row_id), None)

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
        return range(len(self.found))[:: -1 if reverse else 1]

    def set_focus(self, position: int) -> None:
        self.focus = position
        self._modified()

    def show(self, found: list[int], focus: int) -> None:
        """Replace what is found, and select a row, or the last one if there are fewer."""
        self.found = found
        self.set_focus(max(min(focus, len(found) - 1), 0))
