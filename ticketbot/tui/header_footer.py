"""The lines above and below a tab."""

from __future__ import annotations

from collections.abc import Sequence

from ticketbot.tui import keymap, table_cells, widgets
from ticketbot.tui.table_cells import Line

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURNS_PER_S = 5


class TextBar(widgets.Lines):
    """Lines set by `show`."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: Sequence[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Set the lines."""
        if lines != self._lines:
            self._lines = lines
            self._invalidate()

    def lines(self, _columns: int) -> Sequence[Line]:
        """Return the lines set by `show`."""
        return self._lines


def justify(left: Line, right: Line, columns: int, look: str) -> Line:
    """Return a line with a text at each end; the left one is truncated if they do not fit."""
    room = max(columns - sum(table_cells.width(table_cells.clean(text)) for _, text in right), 0)
    shown: Line = []
    for attr, text in left:
        piece = table_cells.fit(text, min(table_cells.width(table_cells.clean(text)), room))
        room -= table_cells.width(piece)
        shown.append((attr, piece))
    return [*shown, (look, " " * room), *right]


def tabs(actions: Sequence[tuple[str, str]], chosen: str) -> Line:
    """Return the names of all tabs with their keys."""
    line: Line = []
    for action, title in actions:
        mark = keymap.label(action).replace("Ctrl+", "^")
        line.append(("tab on" if action == chosen else "tab", f" {mark} {title} "))
    return line


def footer(shown: Sequence[tuple[str, str]], columns: int) -> list[Line]:
    """Return keys and their labels, on as many lines as needed."""
    lines: list[Line] = [[]]
    used = 0
    for label, short in shown:
        gap = "  " if used else " "
        if used + len(f"{gap}{label} {short}") > columns and used:
            lines.append([])
            used, gap = 0, " "
        lines[-1] += [("footer", gap), ("key", label), ("footer", f" {short}")]
        used += len(f"{gap}{label} {short}")
    return lines


def spinner(waiting_s: float) -> str:
    """Return a spinner with the waiting time, once the wait is long enough to notice."""
    if waiting_s < 2 / _TURNS_PER_S:
        return ""
    return f" {_SPINNER[int(waiting_s * _TURNS_PER_S) % len(_SPINNER)]} {waiting_s:.0f} s"
