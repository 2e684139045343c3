"""O5, O16: the database of every released version opens, is brought up to date and loses nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.environment import ledger
from tests.server.api_server import Api
from tests.simulated_time import Stepper, event_rows
from ticketbot.database import db, sql
from ticketbot.models import events, notifications, schema, syncs
from ticketbot.simulators.webex import Webex

MADE_UP_TO = datetime(2026, 3, 3, 10, 4, tzinfo=UTC)  # the simulated time at which the released version was killed
KEYS = ("an operator's own key of 1.0.0", "tbot_Zx81Qw62Er43Ty24Ui05Op96As87Df78Gh69Jk50Lz41")


def _columns() -> dict[str, list[str]]:
    with db.session():
        names = set(db.database.get_tables()) - {"schema_migration"}
        return {name: [column.name for column in db.database.get_columns(name)] for name in sorted(names)}


def _rows(columns: dict[str, list[str]]) -> dict[str, list[tuple[Any, ...]]]:
    with db.session():
        return {
            table: sorted(
                sql.execute(f"SELECT {', '.join(map(_quoted, names))} FROM {_quoted(table)}").fetchall(), key=repr
            )
            for table, names in columns.items()
        }


def _quoted(name: str) -> str:
    return f'"{name}"'


def test_every_row_of_a_released_database_is_there_after_the_upgrade(released_url: str) -> None:
    columns = _columns()
    before = _rows(columns)
    assert all(before.values()), "a table is empty in the released database: its upgrade would not be tested"

    assert schema.migrate() != []

    assert schema.is_current()
    assert _rows(columns) == before


def test_the_release_before_can_still_read_its_tables(released_url: str) -> None:
    """O5: 1.0.0 reads whole rows and does not know what to do with another column."""
    before = _columns()
    schema.migrate()
    after = _columns()
    assert {table: after[table] for table in before} == before


@pytest.mark.parametrize("key", KEYS)
def test_api_keys_of_a_released_database_still_open_the_api(released_url: str, key: str) -> None:
    schema.migrate()
    client = Api(Webex()).client(key)
    assert client.authtest().email in ("ana@example.com", "Ben@Example.com")
    assert {rule.board_name for rule in client.rules()} == {"Service Desk"}
    assert [forward.keep_copy for forward in client.forwards()] == [True, False, False]
    assert client.config().max_message_length == 250


def test_work_left_by_a_killed_server_is_finished_after_the_upgrade(released_url: str) -> None:
    """T7, L2: events that waited or ran are decided, and what may have been sent is flagged."""
    schema.migrate()
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
    told = {(row.ticket_id, row.recipient_name) for row in ledger() if row.state == notifications.SENT}
    assert {(1007, "Ben Bauer"), (1008, "Ben Bauer"), (1008, "Help Desk")} <= told


def test_a_sync_left_running_ends_as_failed_after_the_upgrade(released_url: str) -> None:
    schema.migrate()
    with db.transaction("test"):
        syncs.fail_abandoned(MADE_UP_TO.replace(hour=11))
        assert syncs.running() is None
        assert [run.state for run in syncs.SyncRun.select().order_by(syncs.SyncRun.id)] == ["done", "failed", "failed"]


def _stage_of_the_release(stepper: Stepper) -> None:
    """Give the simulated services what they held when the database was made: ids follow from the order."""
    stepper.world.webex.add_room("Help Desk")
    stepper.world.webex.add_room("Night shift")
    for _ in range(8):
        stepper.add_ticket("ben", note="It burns.")
