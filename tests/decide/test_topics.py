"""What is history, what is new, what is news (T5, T6, D4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ticketbot.decide import topics, values

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
SECOND = timedelta(seconds=1)


def _known(**more: object) -> values.Facts:
    ticket = values.Ticket(1, entered_at=NOW)
    return values.Facts(**{"now": NOW, "watching_since": SINCE, "ticket": ticket, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("since", "entered_at", "history"),
    [
        (NOW, NOW, False),
        (NOW, NOW - timedelta(hours=1), False),
        (NOW, NOW - timedelta(hours=1) - SECOND, True),
        (SINCE, NOW - timedelta(days=7), False),
        (SINCE, NOW - timedelta(days=7) - SECOND, True),
        (SINCE, NOW + timedelta(days=1), False),
        (SINCE, None, False),
    ],
)
def test_history_is_more_than_an_hour_before_we_watched_or_more_than_a_week_ago(
    since: datetime, entered_at: datetime | None, history: bool
) -> None:
    """T5."""
    assert topics.is_history(entered_at, watching_since=since, now=NOW) is history


def test_a_ticket_is_new_until_it_was_announced_or_is_history() -> None:
    """T5."""
    old = values.Ticket(1, entered_at=NOW - timedelta(days=8))

    assert topics.is_new(_known())
    assert not topics.is_new(_known(announced=True))
    assert not topics.is_new(_known(ticket=old))


def test_notes_are_ordered_by_entry_then_by_id_and_undated_ones_are_the_newest() -> None:
    """T6."""
    undated, late, early, tie = (
        values.Note("TicketNote", 1),
        values.Note("TicketNote", 2, entered_at=NOW),
        values.Note("TicketNote", 9, entered_at=NOW - SECOND),
        values.Note("TimeEntryNote", 1, entered_at=NOW),
    )

    assert topics.in_order([undated, late, early, tie]) == [early, tie, late, undated]


def test_news_are_the_notes_that_are_neither_decided_nor_history() -> None:
    """T6: and a time entry with the number of a decided note is another note."""
    decided = values.Note("TicketNote", 1, entered_at=NOW)
    same_number = values.Note("TimeEntryNote", 1, entered_at=NOW)
    old = values.Note("TicketNote", 2, entered_at=NOW - timedelta(days=8))
    known = _known(notes=(same_number, decided, old), decided=frozenset({decided.key}))

    assert topics.new_notes(known) == [same_number]


@pytest.mark.parametrize(
    ("note", "event"),
    [
        (values.Note("TicketNote", 1), "customer_note"),
        (values.Note("TicketNote", 1, member="ana"), "team_note"),
        (values.Note("TimeEntryNote", 1), "team_note"),
        (values.Note("TicketNote", 1, resolution=True), "team_note"),
        (values.Note("TicketNote", 1, internal=True), "internal_note"),
        (values.Note("TicketNote", 1, member="ana", internal=True), "internal_note"),
    ],
)
def test_a_note_is_named_after_its_author_unless_it_is_internal(note: values.Note, event: str) -> None:
    """R2."""
    assert topics.NewNote(note).events == (event,)


@pytest.mark.parametrize(
    ("field", "new", "events"),
    [
        ("status", "Done", ("status", "changed")),
        ("priority", "High", ("priority", "changed")),
        ("board", "Night Desk", ("moved", "changed")),
        ("closed", "closed", ("closed", "changed")),
        ("closed", "open", ("reopened", "changed")),
        ("summary", "On fire", ("changed",)),
    ],
)
def test_a_change_has_the_names_that_rules_know(field: str, new: str, events: tuple[str, ...]) -> None:
    """R2."""
    assert topics.Changed(7, (values.Change(field, "before", new),), frozenset()).events == events
