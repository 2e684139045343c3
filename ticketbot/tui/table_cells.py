"""Text for a terminal: it cannot move the cursor, and it has exactly the intended width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence

import urwid

ELLIPSIS = "…"

Line = list[tuple[str, str]]
"""Pieces of one line: display attribute and text."""

# Terminals disagree about the width of joined and toned emoji, but draw their parts alike.
_DISPUTED = re.compile("[\u200d\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_FLAG_LETTERS = {0x1F1E6 + number: ord("A") + number for number in range(26)}


def clean(text: str) -> str:
    """Return text on one line without control characters and characters whose width differs between terminals."""
    if text.isascii() and text.isprintable():
        return text
    plain = _DISPUTED.sub("", text).translate(_FLAG_LETTERS)
    return "".join(map(_drawable, plain))


def _drawable(char: str) -> str:
    if char.isprintable():
        return char
    return "" if unicodedata.category(char) in ("Cf", "Cs") else " "


def width(text: str) -> int:
    """Return the width of text in columns."""
    return len(text) if text.isascii() else urwid.calc_width(text, 0, len(text))


def fit(text: str, columns: int, *, right: bool = False) -> str:
    """Return text of exactly `columns` columns: padded, or truncated with an ellipsis."""
    shown = clean(text)
    taken = width(shown)
    if taken > columns:
        shown, taken = _cut(shown, columns)
    blank = " " * (columns - taken)
    return blank + shown if right else shown + blank


def _cut(text: str, columns: int) -> tuple[str, int]:
    if columns <= 0:
        return "", 0
    end, taken = urwid.calc_text_pos(text, 0, len(text), columns - 1)
    return text[:end] + ELLIPSIS, taken + 1


def wrap(text: str, columns: int) -> list[str]:
    """Wrap text into lines of at most `columns` columns, between words where possible."""
    lines = [""]
    for word in clean(text).split(" "):
        glued = f"{lines[-1]} {word}" if lines[-1] else word
        if width(glued) <= columns:
            lines[-1] = glued
            continue
        rest = word
        if lines[-1]:
            lines.append("")
        while columns > 1 and width(rest) > columns:
            end, _ = urwid.calc_text_pos(rest, 0, len(rest), columns)
            lines[-1] = rest[:end]
            lines.append("")
            rest = rest[end:]
        lines[-1] = rest
    return lines


def canvas(lines: Sequence[Line], columns: int, cursor: tuple[int, int] | None = None) -> urwid.TextCanvas:
    """Return lines as a canvas; each is truncated or padded to `columns` columns in its last attribute."""
    texts: list[bytes] = []
    attrs: list[list[tuple[Hashable, int]]] = []
    charsets = []
    for line in lines:
        fill = line[-1][0] if line else "row"
        drawn = [(attr, *urwid.apply_target_encoding(text)) for attr, text in exactly(line, columns, fill)]
        texts.append(b"".join(text for _, text, _ in drawn))
        attrs.append([(attr, len(text)) for attr, text, _ in drawn])
        charsets.append([run for _, _, charset in drawn for run in charset])
    return urwid.TextCanvas(texts, attrs, charsets, cursor=cursor, maxcol=columns, check_width=False)


def exactly(line: Line, columns: int, fill: str) -> Line:
    """Return a line of exactly `columns` columns: truncated with an ellipsis, or padded in the attribute `fill`."""
    fitted: Line = []
    for attr, text in line:
        shown = clean(text)
        taken = width(shown)
        if taken > columns:
            shown, taken = _cut(shown, columns)
        columns -= taken
        fitted.append((attr, shown))
    return [*fitted, (fill, " " * columns)]
