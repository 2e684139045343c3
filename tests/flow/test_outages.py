"""What an operator sees of an outage: two log lines, however many events and messages fail in it (O1, O2)."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from tests.environment import World
from tests.server.api_server import Api
from tests.simulated_time import Stepper
from ticketbot.api import client
from ticketbot.background import callbacks
from ticketbot.database import db
from ticketbot.models import facts, outages
from ticketbot.server import serve
from ticketbot.settings import table
from ticketbot.simulators import faults


def _loud(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def test_an_outage_at_noon_is_two_lines(stepper: Stepper, caplog: pytest.LogCaptureFixture) -> None:
    """O1: its start, and its end with its duration."""
    caplog.set_level(logging.INFO)
    stepper.world.connectwise.faults.add(faults.status(500))
    for _ in range(5):
        stepper.accept_webhook(stepper.add_ticket("ana"), "added")
    stepper.run(minutes=20)
    assert stepper.checks()["connectwise"] == "degraded"
    stepper.world.connectwise.faults.clear()
    stepper.run(minutes=10)
    start, end = _loud(caplog)
    assert start.startswith("connectwise (events): away since ")
    assert end.startswith("connectwise (events): back after ")
    assert stepper.checks()["connectwise"] == "ok"


def test_a_revoked_token_needs_attention_until_it_is_replaced(
    stepper: Stepper, caplog: pytest.LogCaptureFixture
) -> None:
    """O2: it looks different from an outage that heals by itself."""
    caplog.set_level(logging.INFO)
    stepper.world.webex.faults.add(faults.status(401))
    for _ in range(3):
        stepper.announce("ana")
    stepper.run(minutes=30)
    assert stepper.checks()["webex"] == "attention"
    stepper.world.webex.faults.clear()
    stepper.run(minutes=30)
    start, end = _loud(caplog)
    assert "refuses us" in start
    assert "needs a person" in start
    assert "back after" in end
    assert stepper.checks()["webex"] == "ok"


def test_an_outage_of_another_kind_replaces_the_reason_and_keeps_the_start(stepper: Stepper) -> None:
    """O2."""
    now = stepper.clock()
    with db.transaction("test"):
        assert outages.begin("a", "webex", denied=False, reason="down", now=now)
        assert not outages.begin("a", "webex", denied=True, reason="401", now=now)
        assert outages.end("a", called_at=now.replace(year=2000)) is None
    with db.session():
        (row,) = outages.of("webex")
    assert (row.denied, row.reason, row.since) == (True, "401", now)


def test_a_refused_job_is_named_in_the_status_with_its_reason(api: Api, ana: client.Client) -> None:
    """O2, O14: also beside an outage that heals by itself, and although nothing is on hold."""
    now = api.clock.now()
    with db.transaction("test"):
        outages.begin("events", "connectwise", denied=False, reason="503", now=now - timedelta(hours=1))
        outages.begin("catch-up", "connectwise", denied=True, reason="403 for tickets", now=now)
    connectwise = ana.status().services[0]
    assert (connectwise.state, connectwise.detail) == ("attention", "403 for tickets")
    assert connectwise.since == now - timedelta(hours=1)


def test_a_server_that_no_longer_watches_the_callback_forgets_what_it_found(world: World) -> None:
    """C2, O2: without TBOT_PUBLIC_URL nothing would ever end it."""
    now = datetime.now(UTC)
    with db.transaction("test"):
        outages.begin(callbacks.NAME, "connectwise", denied=True, reason="403", now=now)
        facts.write_time(facts.CALLBACK_REPAIRED, now)
    serve.prepare_database(table.load({}, world.environ()), skip_missed=False, now=now)
    with db.session():
        assert outages.of("connectwise") == []
        assert facts.read_time(facts.CALLBACK_REPAIRED) is None
