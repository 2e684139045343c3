"""O3: what is read when `/metrics` is scraped, and what a scrape costs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from ticketbot.database import db
from ticketbot.models import events, runtime_config, syncs
from ticketbot.server import gauges

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MOST_STATEMENTS = 12


def _samples(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    """Return the values by name and labels."""
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


@pytest.fixture
def gauges_now(database: str) -> gauges.DatabaseGauges:
    return gauges.DatabaseGauges(lambda: NOW)


def test_a_new_database_has_no_last_webhook_and_no_last_sync(gauges_now: gauges.DatabaseGauges) -> None:
    found = _samples(gauges_now)
    assert not [name for name, _ in found if "timestamp" in name]
    assert found["tbot_attempt_notify", ""] == 1
    assert found["tbot_sync_running", ""] == 0


def test_the_last_of_everything_and_the_kill_switch_are_told(gauges_now: gauges.DatabaseGauges) -> None:
    with db.transaction("test"):
        events.new_message_ids(["a"], NOW - timedelta(hours=2))
        events.new_message_ids(["b"], NOW - timedelta(hours=1))
        runtime_config.save({"attempt_notify": False})
        run = syncs.start({"boards": True}, requested_by=None, server_id=1, now=NOW)
        assert run is not None
    found = _samples(gauges_now)
    assert found["tbot_last_webhook_timestamp_seconds", ""] == (NOW - timedelta(hours=1)).timestamp()
    assert found["tbot_attempt_notify", ""] == 0
    assert found["tbot_sync_running", ""] == 1
    with db.transaction("test"):
        syncs.finish(run, state="failed", now=NOW)
    assert _samples(gauges_now)["tbot_sync_last_ended_timestamp_seconds", "failed"] == NOW.timestamp()


def test_a_scrape_is_a_dozen_statements_however_much_there_is(
    gauges_now: gauges.DatabaseGauges, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "peewee")
    _samples(gauges_now)
    statements = [record.getMessage() for record in caplog.records if record.name == "peewee"]
    assert any("processed_message" in each for each in statements)
    assert len(statements) <= MOST_STATEMENTS, statements


def test_tables_of_another_release_end_the_series(sqlite: str) -> None:
    """O2: `/readyz` and `tbot_check_state` say that the schema has failed; a scrape still gets that."""
    with db.transaction("test"):
        db.database.execute_sql("DROP TABLE processed_message")
    assert _samples(gauges.DatabaseGauges(lambda: NOW)) == {}


def test_each_check_has_one_state_and_those_of_services_a_name_of_their_own() -> None:
    checks: Mapping[str, str] = {"database": "ok", "webex": "attention"}
    found = _samples(gauges.ReadinessGauges(lambda: checks, ["connectwise", "webex"]))
    assert {labels for labels, value in found.items() if value} == {
        ("tbot_check_state", "database,ok"),
        ("tbot_service_state", "webex,attention"),
    }
    assert len(found) == 8
