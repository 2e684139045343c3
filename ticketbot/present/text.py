"""Fit untrusted text into the cells of a terminal, which must not interpret any of it."""

from __future__ import annotations

import re
import unicodedata

from ticketbot import log

ELLIPSIS = "…"

_UNKNOWN = "\ufffd"
_NON_JOINER = "\u200c"  # part of Persian spelling; every terminal knows that it has no width
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def clean(text: str) -> str:
    """Return `text` on one line, without control or direction characters, and with the same width on every terminal.

    Joiners and variation selectors are removed: whether they change the width depends on the terminal.
    """
    shown = _VARIATION.sub("", log.one_line(text))
    return shown if shown.isascii() else "".join(map(_visible, shown))


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf" and character != _NON_JOINER:
        return ""
    # A character newer than our tables may be wide; one they already count as wide is no risk.
    is_unknown = category in ("Cn", "Cs") and _cells(character) < 2
    return _UNKNOWN if is_unknown else character


def width(text: str) -> int:
    """Return the width of clean text in cells."""
    return len(text) if text.isascii() else sum(map(_size, text))


def _size(character: str) -> int:
    # Flag letters and skin tones take two cells on their own, and on terminals that do not combine them.
    if "\U0001f1e6" <= character <= "\U0001f1ff" or "\U0001f3fb" <= character <= "\U0001f3ff":
        return 2
    # A spacing mark, such as a Hindi vowel sign, takes a cell of its own on most terminals.
    return max(_cells(character), int(unicodedata.category(character) == "Mc"), 0)


def _cells(character: str) -> int:
    from wcwidth import wcwidth  # its tables take a tenth of the start of a command, and few need them

    return wcwidth(character)


def pad(text: str, limit: int) -> str:
    """Pad clean text with spaces to `limit` cells."""
    return text + " " * (limit - width(text))


def cut(text: str, limit: int) -> str:
    """Truncate clean text to `limit` cells; an ellipsis replaces what does not fit."""
    return text if width(text) <= limit else _head(text, limit - 1) + ELLIPSIS


def fold(text: str, limit: int) -> list[str]:
    """Wrap clean text into lines of at most `limit` cells, at spaces, and inside words that are too long."""
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
    """Return the longest prefix that fits; zero-width characters stay with the character before them."""
    taken = 0
    for end, character in enumerate(text):
        taken += _size(character)
        if taken > limit:
            return text[:end]
    return text
