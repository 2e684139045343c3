"""The color themes: what each display attribute looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

Look = tuple[str, str]
"""Foreground and background, as urwid writes them."""


class Theme(NamedTuple):
    """The look of every display attribute; `colors` is how many the terminal must have."""

    name: str
    colors: Literal[1, 16, 256]
    looks: dict[str, Look]

    def palette(self) -> list[tuple[str, str, str, str, str, str]]:
        """Return the palette entries for urwid's screen."""
        plain, shown = self.looks, self.looks
        if self.colors == 256:
            plain = DEFAULT.looks
        return [(name, *plain[name], _MONO[name], *shown[name]) for name in self.looks]


_MONO = {
    "plain": "",
    "title": "standout,bold",
    "bar": "standout",
    "bar alert": "bold",
    "tab": "",
    "tab on": "standout",
    "tab count": "bold",
    "heading": "underline",
    "row on": "standout",
    "quiet": "",
    "good": "",
    "waiting": "bold",
    "bad": "bold",
    "dialog title": "bold",
    "label": "",
    "edit": "underline",
    "edit on": "standout",
    "match on": "standout",
    "key": "bold",
    "footer": "",
    "secret": "bold",
    "done": "standout",
    "to do": "underline",
}

DEFAULT = Theme(
    "default",
    16,
    {
        "plain": ("default", "default"),
        "title": ("white,bold", "dark blue"),
        "bar": ("light gray", "dark blue"),
        "bar alert": ("white,bold", "dark red"),
        "tab": ("light gray", "default"),
        "tab on": ("white,bold", "dark cyan"),
        "tab count": ("light red,bold", "default"),
        "heading": ("light cyan,underline", "default"),
        "row on": ("black", "light gray"),
        "quiet": ("dark gray", "default"),
        "good": ("light green", "default"),
        "waiting": ("yellow", "default"),
        "bad": ("light red", "default"),
        "dialog title": ("light cyan,bold", "default"),
        "label": ("light cyan", "default"),
        "edit": ("default,underline", "default"),
        "edit on": ("black", "light gray"),
        "match on": ("black", "dark cyan"),
        "key": ("light cyan,bold", "default"),
        "footer": ("default", "default"),
        "secret": ("yellow,bold", "default"),
        "done": ("black", "dark green"),
        "to do": ("light gray", "dark blue"),
    },
)

LIGHT = Theme(
    "light",
    16,
    DEFAULT.looks
    | {
        "tab": ("black", "default"),
        "tab count": ("dark red,bold", "default"),
        "heading": ("dark blue,underline", "default"),
        "row on": ("white", "dark blue"),
        "good": ("dark green", "default"),
        "waiting": ("brown", "default"),
        "bad": ("dark red", "default"),
        "dialog title": ("dark blue,bold", "default"),
        "label": ("dark blue", "default"),
        "edit on": ("white", "dark blue"),
        "match on": ("white", "dark cyan"),
        "key": ("dark blue,bold", "default"),
        "secret": ("dark magenta,bold", "default"),
    },
)

MONO = Theme("mono", 1, DEFAULT.looks)

COLORS_256 = Theme(
    "256",
    256,
    DEFAULT.looks
    | {
        "title": ("#fff,bold", "#068"),
        "bar": ("#dff", "#068"),
        "bar alert": ("#fff,bold", "#a00"),
        "tab": ("g74", "default"),
        "tab on": ("#fff,bold", "#08a"),
        "tab count": ("#f66,bold", "default"),
        "heading": ("#6cf,underline", "default"),
        "row on": ("#fff", "#068"),
        "quiet": ("g50", "default"),
        "good": ("#6d6", "default"),
        "waiting": ("#fd6", "default"),
        "bad": ("#f66", "default"),
        "dialog title": ("#6cf,bold", "default"),
        "label": ("#6cf", "default"),
        "edit on": ("#fff", "g27"),
        "match on": ("#fff", "#068"),
        "key": ("#6cf,bold", "default"),
        "secret": ("#fd6,bold", "default"),
        "done": ("#fff", "#080"),
        "to do": ("g74", "g23"),
    },
)

ALL = (DEFAULT, LIGHT, COLORS_256, MONO)


def default_theme(environ: Mapping[str, str]) -> Theme:
    """Return the theme for a terminal, according to its environment.

    `NO_COLOR` (no-color.org) and terminals without colors get none; `COLORFGBG`, which some terminals set, indicates a
    light background.
    """
    term = environ.get("TERM", "")
    if environ.get("NO_COLOR") or term in ("dumb", "vt100", "vt220"):
        return MONO
    if environ.get("COLORFGBG", "").rpartition(";")[2] in ("7", "15"):
        return LIGHT
    many = "256color" in term or "direct" in term or environ.get("COLORTERM", "") in ("truecolor", "24bit")
    return COLORS_256 if many else DEFAULT


def next_theme(theme: Theme) -> Theme:
    """Return the theme that follows another one."""
    return ALL[(ALL.index(theme) + 1) % len(ALL)]
