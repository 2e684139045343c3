"""What is history, what is new, what is news (T5, T6, D4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ticketbot.decide import news, values

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=30)
SECOND = timedelta(seconds=1)
ROOM = values.Recipient(1, "room", "Help Desk")


def _known(**more: object) -> values.Facts:
    ticket = values.Ticket(1, "Printer on fire", "https://cw.example/1", entered_at=NOW)
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
    assert news.is_history(entered_at, watching_since=since, now=NOW) is history


def test_a_ticket_is_new_until_it_was_announced_or_is_history() -> None:
    """T5."""
    old = values.Ticket(1, "Old", "https://cw.example/1", entered_at=NOW - timedelta(days=8))

    assert news.is_new(_known())
    assert not news.is_new(_known(announced=True))
    assert not news.is_new(_known(ticket=old))


def test_notes_are_ordered_by_entry_then_by_id_and_undated_ones_are_the_newest() -> None:
    """T6."""
    undated, late, early, tie = (
        values.Note("TicketNote", 1),
        values.Note("TicketNote", 2, entered_at=NOW),
        values.Note("TicketNote", 9, entered_at=NOW - SECOND),
        values.Note("TimeEntryNote", 1, entered_at=NOW),
    )

    assert news.in_order([undated, late, early, tie]) == [early, tie, late, undated]


def test_news_are_the_notes_that_are_neither_decided_nor_history() -> None:
    """T6: and a time entry with the number of a decided note is another note."""
    decided = values.Note("TicketNote", 1, entered_at=NOW)
    same_number = values.Note("TimeEntryNote", 1, entered_at=NOW)
    old = values.Note("TicketNote", 2, entered_at=NOW - timedelta(days=8))
    known = _known(notes=(same_number, decided, old), decided=frozenset({decided.key}))

    assert news.new_notes(known) == [same_number]


@pytest.mark.parametrize(
    ("required", "on_board", "silent"),
    [(False, (), False), (True, (), True), (True, (values.Rule(1, ROOM),), False)],
)
def test_a_board_is_silent_when_a_rule_is_required_and_missing(
    required: bool, on_board: tuple[values.Rule, ...], silent: bool
) -> None:
    """D4."""
    known = _known(rules=on_board, policy=values.Policy(require_board_rule=required))

    assert news.board_is_silent(known) is silent
