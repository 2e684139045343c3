"""W5, T7 on PostgreSQL, where two servers really write at once: events that are handed back while hooks come in."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.environment import wait_for
from tests.simulated_time import event_rows
from ticketbot.database import db
from ticketbot.models import event_claims, events

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
WITHIN_S = 20.0


def _hook(action: str, at: datetime) -> None:
    events.enqueue([events.Change(7, "hook", action, None, f"hook-{action}", at)])


def _somebody_waits_for_a_lock() -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with db.session():
        return bool(db.database.execute_sql(query).fetchone()[0])


def _hand_back_while_a_hook_is_committed(claimed: events.Event) -> bool:
    """Hand an event back while a hook for its ticket is written and not committed yet; tells whether it was ours."""
    is_written, may_commit = threading.Event(), threading.Event()
    returned: list[bool] = []

    def take_in() -> None:
        with db.transaction("accept"):
            _hook("updated", LATER)
            is_written.set()
            assert may_commit.wait(WITHIN_S)

    def hand_back() -> None:
        with db.transaction("return-event"):
            returned.append(events.requeue(claimed, due_at=LATER, error="down"))

    threads = [threading.Thread(target=take_in), threading.Thread(target=hand_back)]
    threads[0].start()
    assert is_written.wait(WITHIN_S)
    threads[1].start()
    try:
        assert wait_for(_somebody_waits_for_a_lock)
    finally:
        may_commit.set()
        for thread in threads:
            thread.join(WITHIN_S)
    return returned == [True]


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres")
def test_released_event_folds_a_webhook_committed_at_the_same_time() -> None:
    """W5: two events would wait for one ticket otherwise."""
    with db.transaction("accept"):
        _hook("added", NOW)
    claimed = event_claims.claim(1, NOW)
    assert claimed is not None
    assert _hand_back_while_a_hook_is_committed(claimed)
    (row,) = event_rows()
    assert (row.id, row.state, row.hooks, row.action, row.received_at) == (claimed.id, "waiting", 2, "updated", LATER)
    assert (row.due_at, row.error, row.server_id) == (LATER, "down", None)


@pytest.mark.postgres
@pytest.mark.usefixtures("postgres")
def test_webhook_being_folded_into_a_later_event_moves_with_it() -> None:
    """W5, no-webhook-lost: the later event is deleted, and what it held must not go with it."""
    with db.transaction("accept"):
        _hook("added", NOW)
    claimed = event_claims.claim(1, NOW)
    assert claimed is not None
    with db.transaction("accept"):
        _hook("added", NOW)
    assert _hand_back_while_a_hook_is_committed(claimed)
    (row,) = event_rows()
    assert (row.id, row.state, row.hooks, row.action, row.received_at) == (claimed.id, "waiting", 3, "updated", LATER)
