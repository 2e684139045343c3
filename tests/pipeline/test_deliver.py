"""L1, L2: a message that went out is recorded, however long the database is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from tests.databases import Outage
from tests.environment import ledger
from tests.simulated_time import Stepper
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
