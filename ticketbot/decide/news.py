"""What is history, what is new, what is news (T5, T6, D4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ticketbot.decide.values import Facts, Note

GRACE = timedelta(hours=1)  # entered shortly before we began to watch: still told (T5)
MAX_AGE = timedelta(days=7)

_UNDATED = datetime.max.replace(tzinfo=UTC)


def is_history(entered_at: datetime | None, *, watching_since: datetime, now: datetime) -> bool:
    """Return whether something was entered too long ago ever to be announced (T5).

    What carries no date, as with an API member of a narrow role, counts as entered now: telling too much is better
    than telling nothing.
    """
    if entered_at is None:
        return False
    return entered_at < watching_since - GRACE or entered_at < now - MAX_AGE


def is_new(facts: Facts) -> bool:
    """Return whether the ticket has still to be announced (T5)."""
    return not facts.announced and not _is_history(facts, facts.ticket.entered_at)


def in_order(notes: Iterable[Note]) -> list[Note]:
    """Sort notes by when they were entered, ties by id (T6); undated ones are the newest."""
    return sorted(notes, key=lambda note: (note.entered_at or _UNDATED, note.id, note.kind))


def new_notes(facts: Facts) -> list[Note]:
    """Return the notes to tell of, oldest first: neither history nor decided (T6)."""
    return [
        note
        for note in in_order(facts.notes)
        if note.key not in facts.decided and not _is_history(facts, note.entered_at)
    ]


def board_is_silent(facts: Facts) -> bool:
    """Return whether `require_board_rule` silences a board without an enabled rule (D4)."""
    return facts.policy.require_board_rule and not facts.rules


def _is_history(facts: Facts, entered_at: datetime | None) -> bool:
    return is_history(entered_at, watching_since=facts.watching_since, now=facts.connectwise_now or facts.now)
