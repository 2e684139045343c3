"""O5, O16: the database of every released version is brought up to date and loses nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.environment import ledger
from tests.server.api_server import Api
from tests.simulated_time import Stepper, event_rows
from ticketbot import errors
from ticketbot.database import db, sql
from ticketbot.models import events, facts, notifications, schema, syncs
from ticketbot.simulators.webex import Webex

MADE_UP_TO = datetime(2026, 3, 3, 10, 4, tzinfo=UTC)  # the simulated time at which the released version was killed
KEYS = ("an operator's own key of 1.0.0", "tbot_Zx81Qw62Er43Ty24Ui05Op96As87Df78Gh69Jk50Lz41")


def _at_once(_: float) -> None:
    """Wait for no server: those of the released databases are gone."""


# What 1.x kept and 2.0 does not: names that tickets carry anyway, leases, and what other columns tell now.
OF_MESSAGE = {
    *("markdown", "attempts", "failures", "error", "possible_duplicate", "overtaken", "may_be_overtaken"),
    *("webex_message_id", "tracking_id", "failing_since", "next_try_at"),
}
DROPPED = {
    "company": None,
    "contact": None,
    "lease": None,
    "event_crash": None,
    "event": {"lease_owner", "lease_until"},
    "notification": {"lease_owner", "lease_until", "kind", "reason", "woken", *OF_MESSAGE},
    "sync_run": {"owner", "lease_until"},
}
RENAMED = {"seen_message": "processed_message"}
# What was under way when the server was killed, or is counted from another moment.
CHANGED = {
    "event": {"state", "hooks", "action", "received_at", "decisions"},
    "notification": {"state"},
    "sync_run": {"state", "finished_at", "errors", "error_count"},
    "fact": {"value"},
}


def _tables() -> dict[str, set[str]]:
    with db.session():
        names = set(db.database.get_tables()) - {"schema_migration", "sqlite_sequence"}
        return {name: {column.name for column in db.database.get_columns(name)} for name in sorted(names)}


def _rows(table: str, columns: list[str]) -> set[tuple[Any, ...]]:
    names = ", ".join(f'"{name}"' for name in columns)
    with db.session():
        return set(sql.execute(f'SELECT {names} FROM "{table}"').fetchall())


def test_every_row_of_a_released_database_is_there_after_the_upgrade(released_url: str) -> None:
    kept = {
        table: sorted(columns - (DROPPED.get(table) or set()) - CHANGED.get(table, set()))
        for table, columns in _tables().items()
        if DROPPED.get(table, set()) is not None
    }
    before = {table: _rows(table, columns) for table, columns in kept.items()}
    assert all(before.values()), "a table is empty in the released database: its upgrade would not be tested"

    assert schema.migrate(_at_once) != []

    assert schema.is_current()
    for table, columns in kept.items():
        lost = before[table] - _rows(RENAMED.get(table, table), columns)
        folded = {"event": 1}.get(table, 0)  # what had arrived for the ticket whose event was running
        assert len(lost) == folded, f"{table}: {lost}"


def test_programs_of_1x_are_refused_after_the_upgrade(released_url: str) -> None:
    """O5: their tables are gone."""
    schema.migrate(_at_once)
    with db.session():
        assert facts.Fact.get_by_id(facts.OLDEST_PROGRAM).value == "2.0.0"


def test_what_was_being_sent_is_flagged_and_waits(released_url: str) -> None:
    """L2."""
    with db.session():
        sending = set(sql.execute("SELECT id FROM notification WHERE state = 'sending'").fetchall())
    assert sending
    schema.migrate(_at_once)
    with db.session():
        flagged = sql.execute("SELECT place FROM message WHERE state = 'pending' AND possible_duplicate").fetchall()
    assert set(flagged) == sending


def test_state_of_each_message_survives_the_upgrade(released_url: str) -> None:
    columns = "attempts, webex_message_id, tracking_id, error, recipient_id, markdown, forwarded_from, created_at"
    with db.session():
        before = set(sql.execute(f"SELECT id, {columns} FROM notification WHERE state <> 'skipped'").fetchall())
    schema.migrate(_at_once)
    with db.session():
        assert set(sql.execute(f"SELECT place, {columns} FROM message").fetchall()) == before


def test_sentences_that_1x_stored_are_shown_as_they_were(released_url: str) -> None:
    """D8."""
    with db.session():
        before = [row[0] for row in sql.execute("SELECT reason FROM notification ORDER BY id").fetchall()]
    schema.migrate(_at_once)
    assert [row.reason for row in ledger()] == before
    explained = Api(Webex()).client(KEYS[0]).explain(1001)
    assert {"rule 1", "assigned (resource)"} <= {each.reason for event in explained.events for each in event.decisions}


def test_the_upgrade_waits_until_the_servers_of_1x_have_stopped(released_url: str) -> None:
    """O5: one of 1.1.0 sees that it is no longer allowed, and releases what it claimed."""
    waits: list[float] = []

    def pause(seconds: float) -> None:
        waits.append(seconds)
        _lease("event", datetime.now(UTC) + timedelta(seconds=20 if len(waits) < 3 else -1))

    _lease("event", datetime.now(UTC) + timedelta(seconds=20))
    assert schema.migrate(pause) != []
    assert len(waits) == 3


def test_the_upgrade_is_refused_while_a_server_of_1_0_0_goes_on(released_url: str) -> None:
    """O5: it does not look, and is left alone."""
    before = _tables()

    def pause(_: float) -> None:
        _lease("event", datetime.now(UTC) + timedelta(seconds=20))

    with pytest.raises(errors.Conflict, match=r"A server of tbot 1\.0\.0 still uses this database .*Stop it"):
        schema.migrate(pause)
    assert _tables() == before
    with db.session():
        assert facts.Fact.get_by_id(facts.OLDEST_PROGRAM).value == "0.1.0"


def _lease(table: str, until: datetime) -> None:
    with db.transaction("test"):
        sql.execute(f"UPDATE {table} SET lease_until = ? WHERE state = 'running'", until)


@pytest.mark.parametrize("key", KEYS)
def test_api_keys_of_a_released_database_still_open_the_api(released_url: str, key: str) -> None:
    schema.migrate(_at_once)
    client = Api(Webex()).client(key)
    assert client.authtest().email in ("ana@example.com", "Ben@Example.com")
    assert {rule.board_name for rule in client.rules()} == {"Service Desk"}
    assert [forward.keep_copy for forward in client.forwards()] == [True, False, False]
    assert client.config().max_message_length == 250


def test_work_of_a_killed_server_is_finished_after_the_upgrade(released_url: str) -> None:
    """T7, L2: events that waited or ran are decided, and what may have been sent is flagged."""
    schema.migrate(_at_once)
    with Stepper(released_url) as stepper:
        _stage_of_the_release(stepper)
        stepper.clock.set(MADE_UP_TO)
        stepper.run(minutes=5)

    assert {row.state for row in event_rows()} == {events.DONE, events.DEAD}
    states = [row.state for row in ledger()]
    assert states.count(notifications.DEAD) == 1, "what was dead stays dead"
    assert notifications.PENDING not in states
    assert notifications.SENDING not in states
    assert [row.subject for row in ledger() if row.possible_duplicate] == ["new:1006"]
    notified = {(row.ticket_id, row.recipient_name) for row in ledger() if row.state == notifications.SENT}
    assert {(1007, "Ben Bauer"), (1008, "Ben Bauer"), (1008, "Help Desk")} <= notified


def test_a_sync_left_running_ends_as_failed_after_the_upgrade(released_url: str) -> None:
    schema.migrate(_at_once)
    with db.session():
        assert syncs.running() is None
        assert [run.state for run in syncs.SyncRun.select().order_by(syncs.SyncRun.id)] == ["done", "failed", "failed"]


def _stage_of_the_release(stepper: Stepper) -> None:
    """Give the simulated services what they held when the database was made: ids follow from the order."""
    stepper.world.webex.add_room("Help Desk")
    stepper.world.webex.add_room("Night shift")
    for _ in range(8):
        stepper.add_ticket("ben", note="It burns.")
