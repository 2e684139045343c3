"""The lines above and below a tab, as markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import urwid

from ticketbot.present import text
from ticketbot.tui import keymap, tab
from ticketbot.tui.server_status import Markup

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_TURNS_PER_S = 5


def line(left: Markup, right: Markup, style: str) -> urwid.Widget:
    """Return a line with a text at each end; the left one is cut if they do not fit."""
    shown = [(attr, text.clean(each)) for attr, each in right]
    width = sum(text.width(each) for _, each in shown)
    start = urwid.Text([(attr, text.clean(each)) for attr, each in left] or "", wrap="ellipsis")
    ends: list[Any] = [start, (width, urwid.Text(shown or "", wrap="clip"))] if width else [start]
    return urwid.AttrMap(urwid.Columns(ends), style)


def tabs(shown: Sequence[tab.Tab], chosen: tab.Tab, counts: Mapping[str, str], columns: int) -> urwid.Widget:
    """Return the names of all tabs with their keys and counts, shortened until they fit."""
    for is_short, has_keys in ((False, True), (True, True), (True, False)):
        markup: Markup = []
        for each in shown:
            key = f"{keymap.label(each.about.key).replace('Ctrl+', '^')} " if has_keys and each.about.key else ""
            name = each.about.short if is_short else each.about.title
            count = f" {counts[each.entity.plural]}" if each.entity.plural in counts else ""
            gap = " " if is_short else "  "
            markup += [("tab", gap), ("tab on" if each is chosen else "tab", f"{key}{name}"), ("tab count", count)]
        if sum(text.width(each) for _, each in markup) <= columns:
            break
    return urwid.Text(markup, wrap="clip")


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
