"""The lines above and below a tab, as markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import urwid

from ticketbot.present import text
from ticketbot.tui import keymap
from ticketbot.tui.server_status import Markup

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURNS_PER_S = 5


class TabName(NamedTuple):
    """A tab in the bar: its names, the action that opens it, if it has a key, and a count of what needs attention."""

    title: str
    short: str
    action: str
    waiting: str
    is_chosen: bool


def line(left: Markup, right: Markup, style: str) -> urwid.Widget:
    """Return a line with a text at each end; the left one is cut if they do not fit."""
    shown = [(attr, text.clean(each)) for attr, each in right]
    width = sum(text.width(each) for _, each in shown)
    start = urwid.Text([(attr, text.clean(each)) for attr, each in left] or "", wrap="ellipsis")
    ends: list[Any] = [start, (width, urwid.Text(shown or "", wrap="clip"))] if width else [start]
    return urwid.AttrMap(urwid.Columns(ends), style)


def tabs(names: Sequence[TabName], columns: int) -> urwid.Widget:
    """Return the names of all tabs with their keys, as long as there is room for."""
    for is_short, has_keys in ((False, True), (True, True), (True, False)):
        markup = [part for name in names for part in _tab(name, is_short=is_short, has_keys=has_keys)]
        if sum(text.width(each) for _, each in markup) <= columns:
            break
    return urwid.Text(markup, wrap="clip")


def _tab(name: TabName, *, is_short: bool, has_keys: bool) -> Markup:
    mark = f"{keymap.label(name.action).replace('Ctrl+', '^')} " if has_keys and name.action else ""
    title = name.short if is_short else name.title
    count: Markup = [("tab count", f" {name.waiting}")] if name.waiting else []
    style = "tab on" if name.is_chosen else "tab"
    return [("tab", " "), (style, f"{mark}{title}"), *count] if is_short else [(style, f" {mark}{title} "), *count]


def footer(shown: Sequence[tuple[str, str]], columns: int) -> urwid.Widget:
    """Return keys and their labels, on as many lines as needed; none is broken."""
    lines: list[list[Any]] = [[]]
    used = 0
    for label, short in shown:
        width = len(f"  {label} {short}")
        if used + width > columns and used:
            lines.append([])
            used = 0
        lines[-1] += ["  " if used else " ", ("key", label), f" {short}"]
        used += width if used else width - 1
    return urwid.Pile([urwid.Text(each or "", wrap="clip") for each in lines])


def spinner(waiting_s: float) -> str:
    """Return a spinner with the waiting time, once the wait is long enough to notice."""
    if waiting_s < 2 / _TURNS_PER_S:
        return ""
    return f" {_SPINNER[int(waiting_s * _TURNS_PER_S) % len(_SPINNER)]} {waiting_s:.0f} s"
