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
    looks: Mapping[str, Look]

    def palette(self) -> list[tuple[str, str, str, str, str, str]]:
        """Return the palette entries for urwid's screen."""
        plain = DEFAULT.looks if self.colors == 256 else self.looks
        return [(name, *plain[name], _TABLE[name][0], *self.looks[name]) for name in self.looks]


# Each attribute: without colors; on a dark background; on a light one and with 256 colors, if that differs.
_TABLE: dict[str, tuple[str, Look, Look | None, Look | None]] = {
    "plain": ("", ("default", "default"), None, None),
    "title": ("standout,bold", ("white,bold", "dark blue"), None, ("#fff,bold", "#068")),
    "bar": ("standout", ("light gray", "dark blue"), None, ("#dff", "#068")),
    "bar alert": ("bold", ("white,bold", "dark red"), None, ("#fff,bold", "#a00")),
    "tab": ("", ("light gray", "default"), ("black", "default"), ("g74", "default")),
    "tab on": ("standout", ("white,bold", "dark cyan"), None, ("#fff,bold", "#08a")),
    "tab count": ("bold", ("light red,bold", "default"), ("dark red,bold", "default"), ("#f66,bold", "default")),
    "heading": (
        "underline",
        ("light cyan,underline", "default"),
        ("dark blue,underline", "default"),
        ("#6cf,underline", "default"),
    ),
    "row on": ("standout", ("black", "light gray"), ("white", "dark blue"), ("#fff", "#068")),
    "quiet": ("", ("dark gray", "default"), None, ("g50", "default")),
    "good": ("", ("light green", "default"), ("dark green", "default"), ("#6d6", "default")),
    "waiting": ("bold", ("yellow", "default"), ("brown", "default"), ("#fd6", "default")),
    "bad": ("bold", ("light red", "default"), ("dark red", "default"), ("#f66", "default")),
    "label": ("", ("light cyan", "default"), ("dark blue", "default"), ("#6cf", "default")),
    "edit": ("underline", ("default,underline", "default"), None, None),
    "edit on": ("standout", ("black", "light gray"), ("white", "dark blue"), ("#fff", "g27")),
    "choice on": ("standout", ("black", "dark cyan"), ("white", "dark cyan"), ("#fff,bold", "#08a")),
    "key": ("bold", ("light cyan,bold", "default"), ("dark blue,bold", "default"), ("#6cf,bold", "default")),
    "secret": ("bold", ("yellow,bold", "default"), ("dark magenta,bold", "default"), ("#fd6,bold", "default")),
    "done": ("standout", ("black", "dark green"), None, ("#fff", "#080")),
    "to do": ("underline", ("light gray", "dark blue"), None, ("g74", "g23")),
}

DEFAULT = Theme("default", 16, {name: dark for name, (_, dark, _, _) in _TABLE.items()})
LIGHT = Theme("light", 16, {name: light or dark for name, (_, dark, light, _) in _TABLE.items()})
COLORS_256 = Theme("256", 256, {name: many or dark for name, (_, dark, _, many) in _TABLE.items()})
MONO = Theme("mono", 1, DEFAULT.looks)

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
