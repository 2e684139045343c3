"""How a message looks once Markdown has been made of it, for tests that compare it with what was typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_BREAKS = ("softbreak", "hardbreak")


@dataclass
class Rendered:
    """The plain text outside and inside of quotes, and what else the Markdown made."""

    remote: str = ""
    quoted: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)  # address, text
    kinds: set[str] = field(default_factory=set)


def render(markdown: str) -> Rendered:
    """Render a message with tables and strikethrough on: the more a renderer knows, the more can be smuggled in."""
    rendered, depth = Rendered(), 0
    for token in MarkdownIt("js-default").parse(markdown):
        depth += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        rendered.kinds.add(token.type.removesuffix("_open").removesuffix("_close"))
        if token.type == "inline":
            text = "".join(_texts(token.children or [], rendered)) + "\n"
            if depth:
                rendered.quoted += text
            else:
                rendered.remote += text
    return rendered


def _texts(children: list[Token], rendered: Rendered) -> Iterator[str]:
    for token in children:
        rendered.kinds.add(token.type.removesuffix("_open").removesuffix("_close"))
        if token.type == "link_open":
            rendered.links.append((str(token.attrs["href"]), ""))
        elif token.type in _BREAKS:
            yield "\n"
        elif token.type in ("text", "text_special"):
            if rendered.links and not rendered.links[-1][1]:
                rendered.links[-1] = (rendered.links[-1][0], token.content)
            yield token.content


_JOINERS = "\u200c\u200d"


def words(text: str) -> list[str]:
    """Return the words a person sees: without controls, halves of characters, what turns directions or has no width."""
    return "".join(_visible(char) for char in text).split()


def _visible(char: str) -> str:
    if char.isspace() and char != "\x1f":  # Python counts the unit separator in, Unicode does not
        return " "
    turns = unicodedata.bidirectional(char) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")
    is_hidden = unicodedata.category(char) == "Cf" and unicodedata.bidirectional(char) == "BN" and char not in _JOINERS
    return "" if turns or is_hidden or unicodedata.category(char) in ("Cc", "Cs") else char
