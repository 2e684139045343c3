"""What becomes of pooled connections that die, and of the rows that statements written by hand read and write."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg2
import pytest

from ticketbot import errors
from ticketbot.database import db, sql
from ticketbot.models import events, holds, recipients

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _pid() -> int:
    with db.session():
        return int(sql.execute("SELECT pg_backend_pid()").fetchone()[0])


def _end(pid: int, url: str) -> None:
    """Let PostgreSQL end a connection and wait until it is gone, as after a restart."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,))
        assert cursor.fetchone() == (True,)
    connection.close()


@pytest.mark.postgres
def test_connection_that_died_during_a_long_idle_time_is_replaced(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """no-webhook-lost: whoever takes one from the pool after a calm time need not find out that it is dead."""
    monkeypatch.setattr(db, "SKIP_PING_IF_IDLE_LESS_THAN_S", 0.0)
    pid = _pid()
    _end(pid, postgres)
    assert _pid() != pid


@pytest.mark.postgres
def test_connection_that_just_died_fails_one_statement_and_closes_the_other_idle_ones(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "SKIP_PING_IF_IDLE_LESS_THAN_S", 3600.0)
    pid = _pid()
    _end(pid, postgres)
    with pytest.raises(errors.Unreachable, match="The database is unavailable"):
        _pid()
    assert _pid() != pid


@pytest.mark.postgres
def test_live_connection_is_reused_without_a_check(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "SKIP_PING_IF_IDLE_LESS_THAN_S", 3600.0)
    checked: list[object] = []
    monkeypatch.setattr(type(db.database._adapter), "is_connection_closed", lambda _, conn: checked.append(conn))
    pids = {_pid() for _ in range(5)}
    assert (len(pids), checked) == (1, [])


def test_handwritten_selects_return_rows_like_peewee(database: str) -> None:
    with db.transaction("test"):
        events.enqueue([events.Change(1, "hook", "updated", None, "c", NOW)])
    with db.session():
        (by_hand,) = sql.select(events.Event, "SELECT * FROM event WHERE ticket_id = ?", 1)
        assert by_hand.__data__ == events.Event.get().__data__
        (partly,) = sql.select(events.Event, "SELECT id, due_at FROM event")
        assert partly.__data__ == {"id": by_hand.id, "due_at": NOW}


def test_handwritten_update_changes_matching_rows_and_returns_their_number(database: str) -> None:
    with db.transaction("test"):
        events.enqueue(events.Change(number, "hook", None, None, "c", NOW) for number in (1, 2, 3))
        changed = sql.update_where(events.Event, {"decisions": [{"a": "ü"}], "finished_at": NOW}, "ticket_id > ?", 1)
    with db.session():
        rows = {row.ticket_id: (row.decisions, row.finished_at) for row in events.Event.select()}
    assert changed == 2
    assert rows == {1: ([], None), 2: ([{"a": "ü"}], NOW), 3: ([{"a": "ü"}], NOW)}


def test_insert_sets_defaults_and_keeps_existing_rows(database: str) -> None:
    row = {"type": recipients.ROOM, "webex_id": "a", "name": "A"}
    with db.transaction("test"):
        assert sql.insert_new(recipients.Recipient, [row, {**row, "webex_id": "b"}]) == 2
        assert sql.insert_new(recipients.Recipient, [{**row, "name": "other"}, {**row, "webex_id": "c"}]) == 1
        assert sql.insert_new(recipients.Recipient, []) == 0
    with db.session():
        rows = [
            (each.webex_id, each.name, each.active)
            for each in recipients.Recipient.select().order_by(recipients.Recipient.id)
        ]
    assert sorted(rows) == [("a", "A", True), ("b", "A", True), ("c", "A", True)]


def test_current_holds_are_returned_with_their_ends(database: str) -> None:
    with db.transaction("test"):
        holds.begin("webex", until=NOW, now=NOW, reason="over")
        holds.begin("connectwise", until=NOW.replace(hour=10), now=NOW, reason="lasts")
    with db.session():
        assert holds.active(NOW) == {"connectwise": NOW.replace(hour=10)}
