"""Write the text of a message when it is sent, from what it carries and the newest stored ticket (B1 to B7, N1)."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from ticketbot.database import sql
from ticketbot.decide.reasons import Reason
from ticketbot.models import messages, recipients, runtime_config, tickets
from ticketbot.models.notifications import Notification
from ticketbot.present import reasons, words
from ticketbot.webex import markdown

MAX_NOTES = 5  # D5: the newest ones of those that a message carries

_SUMMARY_CHARS = 250  # ConnectWise allows 100 in a summary; merged and imported tickets hold more
_FIELD_CHARS = 120
BREAK = "  \n"  # Webex shows a line break only after two spaces
# What happened in two words, the most important first (B1).
_HEADERS = {
    "new": "New ticket",
    "assigned": "Assigned to you",
    "customer_note": "Customer replied",
    "reopened": "Reopened",
    "closed": "Closed",
    "team_note": "Note added",
    "internal_note": "Internal note",
    "moved": "Board changed",
    "priority": "Priority changed",
    "status": "Status changed",
    "changed": "Ticket changed",
}
REPEAT = "_Possible repeat: an earlier attempt may have arrived._"


class Written(NamedTuple):
    """The text of a message; the notifications whose notes it does not show, by id, and those left to another one."""

    text: str
    hidden: Sequence[int] = ()
    rest: Sequence[Notification] = ()


class Links(NamedTuple):
    """Where things are: a ticket in ConnectWise's UI (B1), and our panel, which is empty if people cannot reach it."""

    ticket: Callable[[int], str]
    panel: str = ""


class Content(msgspec.Struct, frozen=True):
    """What one message says: the ticket as it is stored now, and what happened, oldest first.

    `explanation` is the address of the ticket's story in the panel, empty if there is none (B7).
    """

    ticket: tickets.Ticket
    url: str
    carried: Sequence[Notification]
    notes: Sequence[tickets.Note]
    hidden_notes: int
    is_for_room: bool
    forwarded_from: Sequence[str]
    is_repeat: bool
    explanation: str = ""

    @property
    def events(self) -> set[str]:
        """Return the names of everything that happened (R2)."""
        return {event for row in self.carried for event in row.events}


def ticket_url(cw_url: str, codebase: str, company: str, ticket_id: int) -> str:
    """Return the address of a ticket in ConnectWise's UI, whose host is the API's without `api-` (B1)."""
    base = cw_url.replace("://api-", "://", 1).rstrip("/")
    path = f"{codebase.strip('/')}/services/system_io/Service/fv_sr100_request.rails"
    return f"{base}/{path}?service_recid={ticket_id}&companyName={quote(company, safe='')}"


def render(claimed: messages.Claimed, links: Links) -> Written:
    """Return the text of a claimed message; call it inside a session."""
    message = claimed.message
    if message.ticket_id is None:
        says_so = not message.possible_duplicate or message.markdown.endswith(REPEAT)
        return Written(f"{message.markdown}{'' if says_so else BREAK + REPEAT}")
    ticket = sql.select_by_id(tickets.Ticket, [message.ticket_id])[message.ticket_id]
    config = runtime_config.load()
    content = content_of(ticket, claimed.notifications, message, links, config)
    text = fit(content, config.max_message_length)
    return Written(text, hidden_notes(claimed.notifications))


def content_of(
    ticket: tickets.Ticket,
    carried: Sequence[Notification],
    message: messages.Message,
    links: Links,
    config: runtime_config.Config,
) -> Content:
    """Return what a message says about a ticket, of which it shows the newest notes."""
    notes = _notes(carried)
    return Content(
        ticket=ticket,
        url=links.ticket(ticket.id),
        explanation=f"{links.panel}/panel/tickets/{ticket.id}" if links.panel and config.panel else "",
        carried=carried,
        notes=notes[-MAX_NOTES:],
        hidden_notes=sum(row.earlier_notes for row in carried) + max(len(notes) - MAX_NOTES, 0),
        is_for_room=message.recipient.type == recipients.ROOM,
        forwarded_from=message.forwarded_from,
        is_repeat=message.possible_duplicate,
    )


def parent_id(claimed: messages.Claimed) -> str | None:
    """Return Webex's id of the message that this one is to be a reply to (N2); call it inside a session."""
    threads = runtime_config.load().threads
    is_reply = threads == "all" or (threads == "rooms" and claimed.message.recipient.type == recipients.ROOM)
    return claimed.root_id if is_reply and not claimed.message.thread_refused else None


def hidden_notes(carried: Sequence[Notification]) -> list[int]:
    """Return the ids of the notifications about a ticket whose notes are too many to be shown (D5, N1)."""
    with_notes = [row for row in carried if row.note_id is not None]
    return [int(row.id) for row in with_notes[:-MAX_NOTES] if "new" not in row.events]


def fit(content: Content, max_note_chars: int) -> str:
    """Write a message of at most 7,439 bytes of UTF-8, whatever the ticket holds (B2)."""
    return fit_notes(lambda chars: _write(content, chars), max_note_chars, markdown.MAX_BYTES)


def fit_notes(write: Callable[[int], str], max_note_chars: int, max_bytes: int) -> str:
    """Write a text with notes of such a length that it has at most so many bytes; `write` takes that length."""
    text = write(max_note_chars)
    if len(text.encode()) <= max_bytes:
        return text
    fitting = bisect.bisect(range(1, max_note_chars), max_bytes, key=lambda chars: len(write(chars).encode()))
    return markdown.truncate_text(write(max(fitting, 1)), max_bytes)


def _notes(carried: Sequence[Notification]) -> list[tickets.Note]:
    keys = [(row.note_kind, row.note_id) for row in carried if row.note_id is not None]
    stored = tickets.notes_by_key(keys)
    return [stored[key] for key in keys if key in stored]


def _write(content: Content, note_chars: int) -> str:
    lines = [*chain(content.forwarded_from), _header(content), *facts(content), *changes(content.carried)]
    if content.hidden_notes:
        lines.append(f"_{words.count(content.hidden_notes, 'earlier note')} not shown_")
    blocks = [BREAK.join(lines), *(quoted_note(note, content, note_chars) for note in content.notes)]
    last = [why(content), *([REPEAT] if content.is_repeat else [])]
    return "\n\n".join([*blocks, BREAK.join(last)])


def _header(content: Content) -> str:
    ticket = content.ticket
    return f"**{what_happened(content.carried)}** [#{ticket.id}]({content.url}) {summary(ticket)}"


def what_happened(carried: Sequence[Notification]) -> str:
    """Return in two words the most important of what happened."""
    events = {event for row in carried for event in row.events}
    what = next((header for event, header in _HEADERS.items() if event in events), "Ticket updated")
    codes = {reason["code"] for row in carried for reason in row.reasons}
    # Otherwise notified by a rule or a forward, not as an assigned person.
    return "Assigned" if what == _HEADERS["assigned"] and "assigned" not in codes else what


def summary(ticket: tickets.Ticket) -> str:
    """Return the summary of a ticket as a message shows it."""
    return markdown.one_line(ticket.summary, _SUMMARY_CHARS) or "(no summary)"


def facts(content: Content) -> Iterator[str]:
    """Yield the lines that say what a ticket is now."""
    ticket = content.ticket
    customer = (("Company", ticket.company), ("Contact", ticket.contact))
    for row in (
        customer[::-1] if "customer_note" in content.events else customer,  # who wrote comes first
        (("Board", ticket.board_name), ("Status", ticket.status), ("Priority", ticket.priority)),
    ):
        written = [f"**{label}:** {markdown.one_line(value, _FIELD_CHARS)}" for label, value in row if value]
        if written:
            yield " · ".join(written)


def changes(carried: Sequence[Notification]) -> Iterator[str]:
    """List each changed field once, from its oldest to its newest value."""
    found: dict[str, tuple[str | None, str | None]] = {}
    for row in carried:
        for change in row.changes:
            old, _ = found.get(change["field"], (change["old"], None))
            found[change["field"]] = old, change["new"]
    for field, values in found.items():
        old, new = (markdown.one_line(value or "none", _FIELD_CHARS) for value in values)
        yield f"**{field.capitalize()}:** {old} → {new}"


def chain(names: Sequence[str]) -> Iterator[str]:
    """Yield the line with the way of a forwarded message (B4)."""
    if names:
        # Raw `>` would vanish or quote in Webex; the entity shows as `>`.
        yield "Forwarded: " + " &gt; ".join([*(markdown.one_line(name, _SUMMARY_CHARS) for name in names), "you"])


def quoted_note(note: tickets.Note, content: Content, max_chars: int) -> str:
    """Return a note with its author, quoted; the text of an internal one goes to people only (B1)."""
    marks = [mark for mark, given in (("internal", note.internal), ("resolution", note.resolution)) if given]
    author = markdown.one_line(note.author or "", _FIELD_CHARS) or "Somebody"
    head = f"**{author}**" + (f" ({', '.join(marks)})" if marks else "") + ":"
    if note.internal and content.is_for_room:
        return f"{head}\n\n> _Internal note: its text is shown to people only, never in a room._"
    return f"{head}\n\n{markdown.quote(note.text, max_chars, is_markdown=note.is_markdown)}"


def why(content: Content, *, without: str = "") -> str:
    """Return the line with every reason of what is carried, once, and the way to its explanation (B7).

    `without` is a code that is not shown.
    """
    found = [
        msgspec.convert(each, Reason) for row in content.carried for each in row.reasons if each["code"] != without
    ]
    line = reasons.message_line(list(dict.fromkeys(found)), content.ticket.board_name)
    return f"_{markdown.one_line(line, _SUMMARY_CHARS)}_{explain(content)}"


def explain(content: Content) -> str:
    """Return the link to the explanation of a ticket as the end of a line, empty if there is none."""
    return f" [Explain]({content.explanation})" if content.explanation else ""
