"""Fit text from outside into the cells of a terminal, where it must do nothing but be read."""

from __future__ import annotations

import re
import unicodedata

from rich import cells

from ticketbot import log

ELLIPSIS = "…"

_UNKNOWN = "\ufffd"
_NON_JOINER = "\u200c"  # belongs to the spelling of Persian, and every terminal knows that it has no width
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def clean(text: str) -> str:
    """Return `text` in one line that moves no cursor and turns no direction, whose width every terminal agrees on.

    Joiners and variation selectors are left out: whether they change a width depends on the terminal.
    """
    shown = _VARIATION.sub("", log.one_line(text))
    return shown if shown.isascii() else "".join(map(_visible, shown))


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" and character != _NON_JOINER:
        return ""
    # A character from after our tables may be wide; what they know to be wide is no risk.
    is_unknown = category == "Cn" and cells.get_character_cell_size(character) < 2
    return _UNKNOWN if is_unknown else character


def width(text: str) -> int:
    """Return how many cells a clean text takes."""
    return len(text) if text.isascii() else sum(map(_size, text))


def _size(character: str) -> int:
    # Halves of flags and tones of skin take two cells where they stand alone, and on terminals that do not join them.
    if "\U0001f1e6" <= character <= "\U0001f1ff" or "\U0001f3fb" <= character <= "\U0001f3ff":
        return 2
    # A spacing mark, as every vowel sign of Hindi is, takes a cell of its own on most terminals.
    return cells.get_character_cell_size(character) or int(unicodedata.category(character) == "Mc")


def pad(text: str, limit: int) -> str:
    """Return a clean text with as many spaces as fill its cells."""
    return text + " " * (limit - width(text))


def cut(text: str, limit: int) -> str:
    """Return a clean text in at most `limit` cells; an ellipsis takes the place of what does not fit."""
    return text if width(text) <= limit else _head(text, limit - 1) + ELLIPSIS


def fold(text: str, limit: int) -> list[str]:
    """Return a clean text in lines of at most `limit` cells, broken at spaces, and inside words that are too long."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined) <= limit:
            lines[-1] = joined
            continue
        lines += [""] if lines[-1] else []
        rest = word
        while width(rest) > limit:
            head = _head(rest, limit) or rest[0]
            lines[-1:] = [head, ""]
            rest = rest[len(head) :]
        lines[-1] = rest
    return [line.rstrip(" ") for line in lines if line.strip(" ")] or [""]


def _head(text: str, limit: int) -> str:
    """Return the longest beginning that fits; what has no width stays with what it belongs to."""
    taken = 0
    for end, character in enumerate(text):
        taken += _size(character)
        if taken > limit:
            return text[:end]
    return text
