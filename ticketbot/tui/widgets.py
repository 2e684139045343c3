"""A widget of lines as wide as they get: the bars and the progress of a sync are such."""

from __future__ import annotations

from collections.abc import Sequence

import urwid

from ticketbot.tui import table_cells


class Lines(urwid.Widget):
    """As many rows as it has lines; a subclass says which."""

    _sizing = frozenset([urwid.FLOW])

    def lines(self, columns: int) -> Sequence[table_cells.Line]:
        """Return what is shown in so many columns."""
        raise NotImplementedError

    def rows(self, size: tuple[int], focus: bool = False) -> int:  # noqa: ARG002  (urwid passes it by name)
        """Return how many lines there are."""
        return len(self.lines(size[0]))

    def render(self, size: tuple[int], focus: bool = False) -> urwid.Canvas:  # type: ignore[override]  # noqa: ARG002
        """Draw the lines."""
        return table_cells.canvas(self.lines(size[0]), size[0])
