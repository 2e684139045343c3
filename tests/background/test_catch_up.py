"""C1: which changes need a look, and how far the watermark may move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketbot.background import catch_up
from ticketbot.connectwise import records
from ticketbot.models import events
from ticketbot.pipeline import fetch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def changed(update: datetime | None) -> records.Ticket:
    return records.ticket({"id": 1, "_info": {"lastUpdated": update.isoformat()} if update else {}})


def ended(state: str, source: str, at: datetime) -> events.Ended:
    return events.Ended(state, source, at, at + timedelta(seconds=5))


def test_undecided_ticket_is_queued() -> None:
    assert catch_up.needs_event(changed(NOW), catch_up.TicketHistory(None), NOW)


def test_decided_ticket_is_not_queued_again() -> None:
    assert not catch_up.needs_event(changed(NOW), catch_up.TicketHistory(NOW), NOW)
    assert not catch_up.needs_event(changed(NOW), catch_up.TicketHistory(NOW + MINUTE), NOW)


def test_ticket_decided_within_the_second_of_its_update_is_queued_once_more() -> None:
    """Two changes may carry the same second."""
    known = catch_up.TicketHistory(NOW - timedelta(seconds=1), last=ended("done", "hook", NOW))
    assert catch_up.needs_event(changed(NOW), known, NOW)
    assert catch_up.is_recheck(changed(NOW), known)
    assert not catch_up.is_recheck(changed(NOW), catch_up.TicketHistory(NOW - MINUTE))


def test_waiting_event_is_left_alone() -> None:
    """T7: its next try is not brought forward, nor its 24 hours started anew."""
    assert not catch_up.needs_event(changed(NOW), catch_up.TicketHistory(None, waits=True), NOW)


def test_dead_event_is_retried_once_per_change() -> None:
    """T7"""
    by_hook = catch_up.TicketHistory(None, last=ended("dead", "hook", NOW))
    by_catch_up = catch_up.TicketHistory(None, last=ended("dead", "catch-up", NOW))
    assert catch_up.needs_event(changed(NOW), by_hook, NOW)
    assert not catch_up.needs_event(changed(NOW), by_catch_up, NOW)
    assert catch_up.needs_event(changed(NOW + MINUTE), by_catch_up, NOW)


def test_unreadable_ticket_is_not_queued_forever() -> None:
    gone = catch_up.TicketHistory(None, last=ended("done", "catch-up", NOW + catch_up.LOOKED_AT_AFTER))
    assert not catch_up.needs_event(changed(NOW), gone, NOW + 9 * MINUTE)


@pytest.mark.parametrize(("minutes", "needed"), [(1, False), (59, False), (61, True), (-61, True)])
def test_ticket_without_dates_is_queued_once_an_hour(minutes: int, needed: bool) -> None:
    """A clock that jumped back does not silence it."""
    known = catch_up.TicketHistory(None, last=ended("done", "catch-up", NOW))
    assert catch_up.needs_event(changed(None), known, NOW + minutes * MINUTE) is needed


def test_the_watermark_moves_to_the_newest_change_by_connectwise_clock() -> None:
    seen = [NOW - 3 * MINUTE, NOW - MINUTE, NOW - 2 * MINUTE]
    assert catch_up.next_watermark(NOW - 5 * MINUTE, seen, NOW) == NOW - MINUTE


def test_the_watermark_stays_when_nothing_changed() -> None:
    assert catch_up.next_watermark(NOW - 5 * MINUTE, [], NOW) == NOW - 5 * MINUTE


def test_changes_without_dates_are_found_for_an_hour() -> None:
    before = NOW - 300 * MINUTE
    assert catch_up.next_watermark(before, [None], NOW) == NOW - catch_up.UNDATED_EVERY
    assert catch_up.next_watermark(before, [None, NOW], NOW) == NOW - catch_up.UNDATED_EVERY


moments = st.integers(-10_000, 10_000).map(lambda seconds: NOW + timedelta(seconds=seconds))


@given(moments, st.lists(moments | st.none()), moments)
def test_watermark_never_moves_back_nor_beyond_what_was_read_or_our_own_time(
    before: datetime, seen: list[datetime | None], started_at: datetime
) -> None:
    moved = catch_up.next_watermark(before, seen, started_at)
    dated = [each for each in seen if each is not None]
    assert moved >= before
    assert moved == before or moved <= started_at
    assert moved == before or not dated or moved <= max(dated)


@given(st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 400))
def test_change_later_in_the_second_of_a_reading_is_not_taken_for_decided(
    update_ms: int, began_ms: int, later_ms: int
) -> None:
    """C1: a reading covers an update only if nothing that carries the same second can have come after it."""
    updated_at = NOW + timedelta(seconds=update_ms // 1000)
    began_at = NOW + timedelta(milliseconds=max(began_ms, update_ms))  # it saw the update
    reading = fetch.FetchedTicket(changed(updated_at), (), began_at)
    change_at = began_at + timedelta(milliseconds=later_ms)
    assert reading.covers is not None
    assert reading.covers < change_at.replace(microsecond=0)
    assert reading.covers <= updated_at


@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 900))
def test_ticket_read_right_after_its_update_is_not_counted_as_a_find(
    update_ms: int, later_ms: int, took_ms: int
) -> None:
    """O3: hooks that arrive must not look like hooks that do not."""
    answered_at = NOW + timedelta(milliseconds=update_ms + later_ms)
    began_at = answered_at.replace(microsecond=0) - timedelta(milliseconds=took_ms)  # as the `Date` of an answer tells
    covers = fetch.FetchedTicket(changed(NOW), (), began_at).covers
    assert catch_up.is_recheck(changed(NOW), catch_up.TicketHistory(covers))


def test_a_reading_well_after_the_update_covers_it() -> None:
    assert fetch.FetchedTicket(changed(NOW), (), NOW + timedelta(seconds=1)).covers == NOW
    assert fetch.FetchedTicket(changed(NOW), (), None).covers == NOW
    assert fetch.FetchedTicket(changed(None), (), NOW).covers is None
