"""L1, L2: a message that went out is recorded, however long the database is away. O3: how long it took is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from msgspec.structs import replace

from tests.databases import Outage
from tests.environment import ledger
from tests.simulated_time import Stepper
from ticketbot import errors, metrics
from ticketbot.database import db
from ticketbot.models import events, notifications
from ticketbot.pipeline import deliver, process_event


@pytest.fixture
def stepper(outage: Outage) -> Iterator[Stepper]:
    """Return a server with one message to send."""
    with Stepper(outage.url) as stepper:
        stepper.accept_webhook(stepper.add_ticket("ana", note="zero"))
        assert process_event.process_next(stepper.events)
        yield stepper


def _send(stepper: Stepper, outage: Outage, pause: Callable[[float], bool]) -> None:
    """Send the message while the database goes away, between the post and its record."""
    assert deliver.send_next(replace(stepper.paused_after_its_post(outage.begin), pause=pause))


def test_outcome_is_recorded_as_soon_as_the_database_is_back(stepper: Stepper, outage: Outage) -> None:
    """L1, L2"""
    pauses = []

    def pause(seconds: float) -> bool:
        pauses.append(seconds)
        if len(pauses) == 3:
            outage.end()
        return True

    _send(stepper, outage, pause)
    (row,) = ledger()
    (message,) = stepper.world.webex.messages()
    assert (row.state, row.webex_message_id, row.attempts, row.possible_duplicate) == ("sent", message.id, 1, False)
    assert pauses == [1.0, 1.0, 1.0]


def test_a_server_that_stops_meanwhile_leaves_the_message_to_the_next_one(
    stepper: Stepper, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    """O4, L2: it is sent again and flagged, since nobody could write that it went out."""
    _send(stepper, outage, lambda _: False)
    outage.end()
    assert [row.state for row in ledger()] == ["sending"]
    assert "may be sent again" in caplog.text
    stepper.mark_dead(stepper.messages.server.id)
    stepper.run(minutes=1)
    (row,) = ledger()
    assert (row.state, row.possible_duplicate) == ("sent", True)
    assert row.webex_message_id == stepper.world.webex.messages()[-1].id


def _observed(name: str = "count") -> float:
    return metrics.REGISTRY.get_sample_value(f"tbot_webhook_to_message_seconds_{name}") or 0.0


def test_the_time_from_the_first_webhook_to_its_message_is_observed(stepper: Stepper) -> None:
    """O3: retries and all."""
    count, total = _observed(), _observed("sum")
    stepper.clock.advance(30)
    assert deliver.send_next(stepper.messages)
    assert (_observed() - count, round(_observed("sum") - total)) == (1, 30)


def test_what_quiet_hours_held_or_no_webhook_reported_is_not_observed(stepper: Stepper) -> None:
    """O3, N4: it was late on purpose, or nobody knows since when it could have been told."""
    count = _observed()
    with db.transaction("test"):
        notifications.Notification.update(held_until=stepper.clock()).execute()
    assert deliver.send_next(stepper.messages)
    stepper.accept_webhook(stepper.add_ticket("ana", note="one"))
    with db.transaction("test"):
        events.Event.update(source=events.CATCH_UP).execute()
    assert process_event.process_next(stepper.events)
    assert deliver.send_next(stepper.messages)
    assert [row.state for row in ledger()] == ["sent", "sent"]
    assert _observed() == count


def test_a_database_that_goes_away_after_the_record_costs_only_the_figure(
    stepper: Stepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O3"""

    def gone(_: object) -> list[datetime]:
        raise errors.Unreachable("the database is gone")

    monkeypatch.setattr(events, "webhooks_received_at", gone)
    count = _observed()
    assert deliver.send_next(stepper.messages)
    assert [row.state for row in ledger()] == ["sent"]
    assert _observed() == count
