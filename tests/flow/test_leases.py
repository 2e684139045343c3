"""T7, L1: a lease is renewed while its holder works, however long a call takes."""

from __future__ import annotations

import pytest

from tests.environment import World, ledger
from ticketbot.models import events, notifications
from ticketbot.pipeline import lease_keeper
from ticketbot.simulators import faults

_LEASE_S = 0.6
_CALL_S = 1.5


def test_calls_that_take_longer_than_a_lease_are_not_taken_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LEASE_S", _LEASE_S)
    monkeypatch.setattr(notifications, "LEASE_S", _LEASE_S)
    monkeypatch.setattr(lease_keeper, "RENEW_EVERY_S", _LEASE_S / 4)
    world.connectwise.faults.add(faults.slow(_CALL_S, path=r"/tickets/\d+$"))
    world.webex.faults.add(faults.slow(_CALL_S, path="/messages"))
    world.configure(catch_up_interval=0)  # it would look at the ticket, too
    with world.server():
        world.connectwise.add_ticket(world.board, "Printer on fire", resources=["ana"])
        world.settle()
    (row,) = ledger()
    assert (row.state, row.possible_duplicate, row.attempts) == ("sent", False, 1)
    assert world.connectwise.calls.counts()["GET service/tickets/{id}"] == 1
    assert len(world.webex.messages()) == 1
