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
def test_a_connection_that_died_while_it_was_idle_for_long_is_replaced(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """no-webhook-lost: whoever takes one from the pool after a calm time need not find out that it is dead."""
    monkeypatch.setattr(db, "SKIP_PING_IF_IDLE_LESS_THAN_S", 0.0)
    pid = _pid()
    _end(pid, postgres)
    assert _pid() != pid


@pytest.mark.postgres
def test_one_that_died_just_now_fails_one_statement_and_takes_the_other_idle_ones_along(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "SKIP_PING_IF_IDLE_LESS_THAN_S", 3600.0)
    pid = _pid()
    _end(pid, postgres)
    with pytest.raises(errors.Unreachable, match="The database is unavailable"):
        _pid()
    assert _pid() != pid


@pytest.mark.postgres
def test_a_living_connection_is_used_again_without_being_asked(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "SKIP_PING_IF_IDLE_LESS_THAN_S", 3600.0)
    asked: list[object] = []
    monkeypatch.setattr(type(db.database._adapter), "is_connection_closed", lambda _, conn: asked.append(conn))
    pids = {_pid() for _ in range(5)}
    assert (len(pids), asked) == (1, [])


def test_rows_read_by_hand_are_like_those_that_peewee_reads(database: str) -> None:
    with db.transaction("test"):
        events.enqueue([events.Change(1, "hook", "updated", None, "c", NOW)])
    with db.session():
        (by_hand,) = sql.select(events.Event, "SELECT * FROM event WHERE ticket_id = ?", 1)
        assert by_hand.__data__ == events.Event.get().__data__
        (partly,) = sql.select(events.Event, "SELECT id, due_at FROM event")
        assert partly.__data__ == {"id": by_hand.id, "due_at": NOW}


def test_a_change_by_hand_writes_what_its_condition_finds_and_tells_how_many(database: str) -> None:
    with db.transaction("test"):
        events.enqueue(events.Change(number, "hook", None, None, "c", NOW) for number in (1, 2, 3))
        changed = sql.update_where(events.Event, {"decisions": [{"a": "ü"}], "finished_at": NOW}, "ticket_id > ?", 1)
    with db.session():
        rows = {row.ticket_id: (row.decisions, row.finished_at) for row in events.Event.select()}
    assert changed == 2
    assert rows == {1: ([], None), 2: ([{"a": "ü"}], NOW), 3: ([{"a": "ü"}], NOW)}


def test_new_rows_take_their_defaults_and_what_is_there_stays(database: str) -> None:
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


def test_holds_that_last_are_told_with_their_ends(database: str) -> None:
    with db.transaction("test"):
        holds.begin("webex", until=NOW, now=NOW, reason="over")
        holds.begin("connectwise", until=NOW.replace(hour=10), now=NOW, reason="lasts")
    with db.session():
        assert holds.active(NOW) == {"connectwise": NOW.replace(hour=10)}
