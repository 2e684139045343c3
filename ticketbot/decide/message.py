"""Write the Webex message of a notification (B1 to B4).

All text from outside goes through `escape`, so nothing a customer types can become a mention, a link, a
heading or the end of the quote it stands in. Webex limits a message to 7,439 bytes of markdown, and shows a line
break only after two spaces.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import quote

import msgspec

from ticketbot.decide.values import ROOM, Note, Recipient, Ticket

MAX_BYTES = 7439  # POST /messages, for `markdown`
ELLIPSIS = "…"

_SUMMARY_CHARS = 250  # ConnectWise allows 100 in a summary; merged and imported tickets hold more
_FIELD_CHARS = 120
_BREAK = "  \n"

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_INLINE_MARKS = re.compile(r"([\\`*_\[\]~|!#])")
_LEADING_MARK = re.compile(r"^([ \t]*)([-+=:]|\d+(?=[.)]))", re.MULTILINE)
_LINE_ENDS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
# Controls, halves of characters, and what turns the direction of the text after it, ours included.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
# What must stay in one piece when a finished message is cut: an escape, an entity, our link.
_UNBREAKABLE = re.compile(r"\\.|&[a-z]+;|\[#\d+\]\([^)\s]*\)")
# Our bold and italics, which never go over a line end; a mark from outside is escaped.
_EMPHASIS = re.compile(rf"{_UNBREAKABLE.pattern}|(?P<mark>\*\*|_)")


class MessageContent(msgspec.Struct, frozen=True):
    """What one message says: an announcement (`is_new`) or an update, and at most one note."""

    ticket: Ticket
    is_new: bool
    note: Note | None = None
    chain: tuple[str, ...] = ()
    earlier_notes: int = 0


def ticket_url(cw_url: str, codebase: str, company: str, ticket_id: int) -> str:
    """Return the address of a ticket in ConnectWise's UI, whose host is the API's without `api-` (B1)."""
    base = cw_url.replace("://api-", "://", 1).rstrip("/")
    path = f"{codebase.strip('/')}/services/system_io/Service/fv_sr100_request.rails"
    return f"{base}/{path}?service_recid={ticket_id}&companyName={quote(company, safe='')}"


def render(content: MessageContent, recipient: Recipient, *, max_note_chars: int) -> str:
    """Write the message for one recipient, at most 7,439 bytes of UTF-8 whatever the ticket holds (B2)."""
    text = _write(content, recipient, max_note_chars)
    if len(text.encode()) <= MAX_BYTES:
        return text
    fitting = bisect.bisect(
        range(1, max_note_chars), MAX_BYTES, key=lambda chars: len(_write(content, recipient, chars).encode())
    )
    return truncate_text(_write(content, recipient, max(fitting, 1)), MAX_BYTES)


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


def _write(content: MessageContent, recipient: Recipient, note_chars: int) -> str:
    lines = [_header(content), *_facts(content.ticket)]
    if content.chain:
        lines.insert(0, _chain(content.chain))
    if content.earlier_notes:
        plural = "" if content.earlier_notes == 1 else "s"
        lines.append(f"_{content.earlier_notes} earlier note{plural} not shown_")
    text = _BREAK.join(lines)
    if content.note is None:
        return text
    return f"{text}\n\n{_note(content.note, recipient, note_chars)}"


def _header(content: MessageContent) -> str:
    ticket = content.ticket
    what = "New ticket" if content.is_new else "Ticket updated"
    summary = _one_line(ticket.summary, _SUMMARY_CHARS) or "(no summary)"
    return f"**{what}** [#{ticket.id}]({ticket.url}) {summary}"


def _facts(ticket: Ticket) -> list[str]:
    rows = (
        (("Company", ticket.company), ("Contact", ticket.contact)),
        (("Board", ticket.board), ("Status", ticket.status), ("Priority", ticket.priority)),
    )
    written = [
        " · ".join(f"**{label}:** {_one_line(value, _FIELD_CHARS)}" for label, value in row if value) for row in rows
    ]
    return [row for row in written if row]


def _chain(names: Sequence[str]) -> str:
    # Raw `>` would vanish or quote in Webex; the entity shows as `>`.
    return "Forwarded: " + " &gt; ".join([*(_one_line(name, _SUMMARY_CHARS) for name in names), "you"])


def _note(note: Note, recipient: Recipient, max_chars: int) -> str:
    marks = [mark for mark, given in (("internal", note.internal), ("resolution", note.resolution)) if given]
    author = _one_line(note.author or "", _FIELD_CHARS) or "Somebody"
    head = f"**{author}**" + (f" ({', '.join(marks)})" if marks else "") + ":"
    if note.internal and recipient.type == ROOM:
        return f"{head}\n\n> _Internal note: its text is shown to people only, never in a room._"
    return f"{head}\n\n{_quote(note.text, max_chars)}"


def _quote(text: str, max_chars: int) -> str:
    shown = truncate_markdown(_printable(text).strip(), max_chars)
    if not shown:
        return "> _(no text)_"
    lines = [escape(line.strip()) for line in shown.split("\n")]
    return "\n".join(_quoted_line(line, following) for line, following in zip(lines, [*lines[1:], ""], strict=True))


def _quoted_line(line: str, following: str) -> str:
    if not line:
        return ">"
    return f"> {line}  " if following else f"> {line}"


def _one_line(text: str, max_chars: int) -> str:
    return escape(truncate_markdown(" ".join(_printable(text).split()), max_chars))


def _printable(text: str) -> str:
    """Drop control characters and what turns directions; every kind of line end becomes a newline."""
    return _UNPRINTABLE.sub("", _LINE_ENDS.sub("\n", text))


def _escape_leading_mark(match: re.Match[str]) -> str:
    blank, mark = match.groups()
    # A number keeps its digits: it is the dot or bracket behind it that would make a list.
    return f"{blank}{mark}\\" if mark.isdigit() else f"{blank}\\{mark}"
