"""A widget made of lines: the base of the header, the footer and the progress of a sync."""

from __future__ import annotations

from collections.abc import Sequence

import urwid

from ticketbot.tui import table_cells


class Lines(urwid.Widget):
    """A widget as high as the lines that its subclass returns."""

    _sizing = frozenset([urwid.FLOW])

    def lines(self, columns: int) -> Sequence[table_cells.Line]:
        """Return the lines for a width of `columns`."""
        raise NotImplementedError

    def rows(self, size: tuple[int], focus: bool = False) -> int:  # noqa: ARG002  (urwid passes it by name)
        """Return the number of lines."""
        return len(self.lines(size[0]))

    def render(self, size: tuple[int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]  # noqa: ARG002
        """Draw the lines."""
        return table_cells.canvas(self.lines(size[0]), size[0])
