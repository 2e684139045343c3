"""Write a digest: what quiet hours held of several tickets, one paragraph per ticket (N4).

Like any message it is written when it is sent. What does not fit is left to another digest; nothing is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ticketbot.database import sql
from ticketbot.models import messages, runtime_config, tickets
from ticketbot.models.notifications import Notification
from ticketbot.pipeline import kept_facts, render
from ticketbot.present import words
from ticketbot.webex import markdown

_FRAME_BYTES = 200  # more than the first and the last line have
_GAP = "\n\n"


def render_message(claimed: messages.Claimed, links: render.Links) -> render.Written:
    """Return the text of a claimed digest, and what does not fit into it; call it inside a session."""
    config = runtime_config.load()
    of_tickets = _by_ticket(claimed.notifications)
    stored = sql.select_by_id(tickets.Ticket, [rows[0].ticket_id for rows in of_tickets])
    room = markdown.MAX_BYTES - _FRAME_BYTES
    paragraphs: list[str] = []
    hidden: list[int] = []
    for place, rows in enumerate(of_tickets):
        ticket = stored[rows[0].ticket_id]
        content = render.content_of(ticket, rows, claimed.message, links, config)
        text, not_shown = _paragraph(content, config.max_message_length)
        if paragraphs and len(_GAP.join([*paragraphs, text]).encode()) > room:
            return _written(claimed, paragraphs, hidden, of_tickets[place:])
        paragraphs.append(text)
        hidden += not_shown
    return _written(claimed, paragraphs, hidden, ())


def _by_ticket(carried: Sequence[Notification]) -> list[list[Notification]]:
    """Return notifications by ticket, in the order in which the tickets were first decided."""
    found: dict[int, list[Notification]] = {}
    for row in carried:
        found.setdefault(row.ticket_id, []).append(row)
    return list(found.values())


def _written(
    claimed: messages.Claimed,
    paragraphs: Sequence[str],
    hidden: Sequence[int],
    left: Sequence[Sequence[Notification]],
) -> render.Written:
    head = f"**After quiet hours:** {words.count(len(paragraphs), 'ticket')}"
    last = [render.REPEAT] if claimed.message.possible_duplicate else []
    rest = sorted((row for rows in left for row in rows), key=lambda row: int(row.id))
    return render.Written(_GAP.join([head, *paragraphs, *last]), hidden, rest)


def _paragraph(content: render.Content, max_note_chars: int) -> tuple[str, list[int]]:
    """Return the text about one ticket, and which notifications it does not show."""
    if over := _is_over_since(content):
        count = sum(row.note_id is not None for row in content.carried)
        notes = f", {words.count(count, 'note')} not shown" if count else ""
        line = f"{_title(content)}: {over} in the meantime{notes}{render.explain(content)}"
        return line, [int(row.id) for row in content.carried]
    room = markdown.MAX_BYTES - _FRAME_BYTES
    text = render.fit_notes(lambda chars: _write(content, chars), max_note_chars, room)
    return text, render.hidden_notes(content.carried)


def _is_over_since(content: render.Content) -> str:
    """Return `closed` or `deleted` if a ticket is, and was not yet when the last of this was decided; else nothing."""
    ticket, last = content.ticket, content.carried[-1]
    if ticket.deleted_at:
        return "deleted"
    if ticket.open:
        return ""
    return "closed" if "closed" in last.events or not _was_closed(last) else ""


def _was_closed(row: Notification) -> bool:
    """Return whether the ticket was closed when something about it was decided, such as a reply to a closed one."""
    facts = kept_facts.of_notification(row)
    closed = facts.ticket.compared.get("closed") if facts else None
    return closed is not None and closed.key is True


def _write(content: render.Content, note_chars: int) -> str:
    ways = dict.fromkeys(tuple(row.forwarded_from) for row in content.carried)
    lines = [*(line for way in ways for line in render.chain(way)), _title(content), *render.facts(content)]
    if content.hidden_notes:
        lines.append(f"_{words.count(content.hidden_notes, 'earlier note')} not shown_")
    return _GAP.join(
        [render.BREAK.join(lines), *_steps(content, note_chars), render.why(content, without="quiet_hours")]
    )


def _steps(content: render.Content, note_chars: int) -> Iterator[str]:
    """Yield what happened, in order; what has the same heading as the one before shares it."""
    notes = {(note.kind, note.note_id): note for note in content.notes}
    for what, rows in groupby(content.carried, key=lambda row: render.what_happened([row])):
        happened = list(rows)
        yield render.BREAK.join([f"**{what}**", *render.changes(happened)])
        for row in happened:
            note = notes.get((row.note_kind, row.note_id))
            if note is not None:
                yield render.quoted_note(note, content, note_chars)


def _title(content: render.Content) -> str:
    return f"[#{content.ticket.id}]({content.url}) **{render.summary(content.ticket)}**"
