"""Webex markdown: text from outside made harmless, and messages that fit (B2, B3).

All text from outside goes through `escape`, so nothing a customer types can become a mention, a link, a
heading or the end of the quote it stands in. Webex limits a message to 7,439 bytes of markdown, and shows a line
break only after two spaces.
"""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 7439  # POST /messages, for `markdown`
ELLIPSIS = "…"

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_INLINE_MARKS = re.compile(r"([\\`*_\[\]~|!#])")
_LEADING_MARK = re.compile(r"^([ \t]*)([-+=:]|\d+(?=[.)]))", re.MULTILINE)
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, halves of characters, what turns the direction of the text after it, ours included, and what nobody sees,
# such as zero-width spaces and tags, in which text can be hidden. Joiners belong to the characters around them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069"
    "\xad\u180e\u200b\u2060-\u2064\u206a-\u206f\ufeff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
)
# B5: pictures that ConnectWise embeds in notes.
_IMAGES = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)|https?://\S*inlineimages\S*", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")  # CommonMark: a backslash before any ASCII punctuation
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
# What must stay in one piece when a finished message is cut: an escape, an entity, our links.
_UNBREAKABLE = re.compile(r"\\.|&[a-z]+;|\[(?:#\d+|Explain)\]\([^)\s]*\)")
# Our bold and italics, which never go over a line end; a mark from outside is escaped.
_EMPHASIS = re.compile(rf"{_UNBREAKABLE.pattern}|(?P<mark>\*\*|_)")


def truncate_text(markdown: str, max_bytes: int) -> str:
    """Cut a finished message between two lines or words, so that no mark or entity is left half (B2)."""
    if len(markdown.encode()) <= max_bytes:
        return markdown
    room = max(max_bytes - len(f"{ELLIPSIS}**".encode()), 0)
    end = len(markdown.encode()[:room].decode(errors="ignore"))
    # A word longer than half of it is cut inside, everything else between words.
    blank = max(markdown.rfind(" ", 0, end), markdown.rfind("\n", 0, end))
    end = blank if blank > end // 2 else _safe_cut(markdown, end)
    text = markdown[:end].rstrip(" \n>")
    return text + ELLIPSIS + _open_mark(text)


def _safe_cut(markdown: str, end: int) -> int:
    """Return where to cut instead of inside something unbreakable."""
    return next((each.start() for each in _UNBREAKABLE.finditer(markdown) if each.start() < end < each.end()), end)


def _open_mark(text: str) -> str:
    """Return the mark of an emphasis that begins in the last line and does not end there."""
    line = text.rpartition("\n")[2]
    marks = [found["mark"] for found in _EMPHASIS.finditer(line) if found["mark"]]
    return marks[-1] if len(marks) % 2 else ""


def halve(markdown: str) -> str:
    """Shorten a message by half, for when Webex still finds it too long (B2)."""
    return truncate_text(markdown, max(len(markdown.encode()) // 2, 1))


def escape(text: str) -> str:
    """Make text from outside show as it was typed, in every position of a message (B3)."""
    text = _INLINE_MARKS.sub(r"\\\1", _printable(text))
    text = _LEADING_MARK.sub(_escape_leading_mark, text)
    return text.translate(_ENTITIES)


def truncate_markdown(text: str, max_chars: int) -> str:
    """Cut text at a number of characters, not inside one that is composed of several code points (B2)."""
    if len(text) <= max_chars:
        return text
    end = max_chars
    while end > 0 and _belongs_to_before(text, end):
        end -= 1
    return text[: end or max_chars].rstrip() + ELLIPSIS


def _belongs_to_before(text: str, index: int) -> bool:
    is_mark = unicodedata.category(text[index]).startswith("M") or ord(text[index]) in _SKIN_TONES
    return is_mark or _JOINER in (text[index], text[index - 1])


def quote(text: str, max_chars: int, *, is_markdown: bool = False) -> str:
    """Return text from outside as a block quote, cut at a number of characters.

    ConnectWise escapes the marks of a note that is markdown itself: its backslashes are undone (B5).
    """
    plain = _ESCAPED.sub(r"\1", text) if is_markdown else text
    shown = truncate_markdown(_IMAGES.sub("[image]", _printable(plain)).strip(), max_chars)
    if not shown:
        return "> _(no text)_"
    lines = [escape(line.strip()) for line in shown.split("\n")]
    return "\n".join(_quoted_line(line, following) for line, following in zip(lines, [*lines[1:], ""], strict=True))


def _quoted_line(line: str, following: str) -> str:
    if not line:
        return ">"
    return f"> {line}  " if following else f"> {line}"


def one_line(text: str, max_chars: int) -> str:
    """Return text from outside as one line, cut at a number of characters."""
    return escape(truncate_markdown(" ".join(_printable(text).split()), max_chars))


def _printable(text: str) -> str:
    """Drop control characters and what turns directions; every kind of line end becomes a newline."""
    return _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


def _escape_leading_mark(match: re.Match[str]) -> str:
    blank, mark = match.groups()
    # A number keeps its digits: it is the dot or bracket behind it that would make a list.
    return f"{blank}{mark}\\" if mark.isdecimal() else f"{blank}\\{mark}"
