"""Draw a Webex space with its messages as SVG, from the markdown that was posted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import groupby
from typing import NamedTuple

import markdown_it
from markdown_it.token import Token

WIDTH, LINE, LEFT, SIZE = 760, 22, 84, 15
_CHARS = 84  # in a line: SVG does not wrap
_CHARS_QUOTED = 78

_STYLE = f"""\
text {{ font: {SIZE}px system-ui, -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; fill: #1c1e21 }}
.card {{ fill: #ffffff; stroke: #c7ccd1 }} .rule {{ stroke: #dde1e5 }} .bar {{ fill: #b4bbc2 }} .bot {{ fill: #0a7a5c }}
.strong {{ font-weight: 600 }} .em {{ font-style: italic }} .link {{ fill: #0a5fb4; text-decoration: underline }}
.quiet {{ fill: #5c6570; font-size: 13px }} .title {{ font-weight: 600; font-size: 17px }}
.initials {{ fill: #ffffff; font-weight: 600; text-anchor: middle }}
@media (prefers-color-scheme: dark) {{
  text {{ fill: #f0f2f4 }} .card {{ fill: #1a1d21; stroke: #4b535c }} .rule {{ stroke: #343a41 }}
  .bar {{ fill: #5c6570 }} .link {{ fill: #64b4fa }} .quiet {{ fill: #a9b2bc }}
}}"""


class Post(NamedTuple):
    """A message that was posted, and when."""

    at: datetime
    markdown: str


class Piece(NamedTuple):
    """A word or a space, and the class it is drawn in."""

    style: str
    text: str


class Line(NamedTuple):
    """A line that is shown, within a quote or not; one without pieces separates blocks."""

    pieces: list[Piece]
    is_quoted: bool


def svg(title: str, posts: Sequence[Post]) -> str:
    """Return the picture of a space."""
    parts = [f'<text class="title" x="28" y="38">{escape(title)}</text>', _rule(56)]
    top = 66
    for post in posts:
        parts += _head(post, top)
        for line in _lines(post.markdown):
            parts += _line(line, top + 2 * LINE)
            top += LINE if line.pieces else LINE // 2
        top += 2 * LINE
    height = top + 18
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">\n'
        f"<style>\n{_STYLE}\n</style>\n"
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="10"/>\n{body}\n</svg>\n'
    )


def _rule(y: int) -> str:
    return f'<line class="rule" x1="1" x2="{WIDTH - 1}" y1="{y}" y2="{y}"/>'


def _head(post: Post, top: int) -> list[str]:
    who = f'<tspan class="strong">Ticketbot</tspan><tspan class="quiet" dx="10">{post.at:%H:%M}</tspan>'
    return [
        f'<circle class="bot" cx="48" cy="{top + 26}" r="18"/>',
        f'<text class="initials" x="48" y="{top + 31}">TB</text>',
        f'<text x="{LEFT}" y="{top + LINE}">{who}</text>',
    ]


def _line(line: Line, y: int) -> Iterator[str]:
    x = LEFT
    if line.is_quoted:
        yield f'<rect class="bar" x="{LEFT}" y="{y - SIZE}" width="3" height="{LINE}"/>'
        x += 14
    spans = ""
    for style, pieces in groupby(line.pieces, key=lambda piece: piece.style):  # a span of nothing but a space vanishes
        text = escape("".join(piece.text for piece in pieces))
        spans += f'<tspan class="{style}">{text}</tspan>' if style else text
    yield f'<text x="{x}" y="{y}">{spans}</text>'


def _lines(markdown: str) -> Iterator[Line]:
    """Yield the lines of a message, with an empty one between its blocks."""
    depth, is_first = 0, True
    for token in markdown_it.MarkdownIt("commonmark").parse(markdown):
        depth += token.nesting if token.type.startswith("blockquote") else 0
        if token.type == "inline":
            if not is_first:
                yield Line([], False)
            is_first = False
            for pieces in _rows(token.children or []):
                yield from _wrapped(pieces, is_quoted=depth > 0)


def _rows(tokens: Sequence[Token]) -> Iterator[list[Piece]]:
    """Yield each line that the author broke, in words and spaces with the classes they are drawn in."""
    row: list[Piece] = []
    styles: list[str] = []
    for token in tokens:
        if token.nesting:
            styles = [*styles, token.tag] if token.nesting > 0 else styles[:-1]
        elif token.type in ("softbreak", "hardbreak"):
            yield row
            row = []
        else:
            style = " ".join({"a": "link"}.get(each, each) for each in styles)
            row += [Piece(style, part) for part in re.split(r"(\s+)", token.content) if part]
    yield row


def _wrapped(pieces: Sequence[Piece], *, is_quoted: bool) -> Iterator[Line]:
    limit = _CHARS_QUOTED if is_quoted else _CHARS
    line: list[Piece] = []
    for piece in pieces:
        if sum(len(each.text) for each in (*line, piece)) > limit and line and line[-1].text.isspace():
            yield Line(line, is_quoted)
            line = []
        line.append(piece)
    yield Line(line, is_quoted)
