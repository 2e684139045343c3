"""L6: messages of different recipients go out side by side, those of one after the other."""

from __future__ import annotations

from tests.environment import World, ledger

ROOMS = 5


def test_messages_to_different_recipients_are_sent_in_parallel(world: World) -> None:
    for number in range(ROOMS):
        world.add_rule(f"Room {number}")
    world.webex.latency_s = 0.5
    with world.server():
        world.connectwise.add_ticket(world.board, "Printer on fire")
        world.settle()
    assert [row.state for row in ledger()] == ["sent"] * ROOMS
    assert world.webex.calls.peak == ROOMS


def test_messages_to_one_recipient_are_sent_in_order(world: World) -> None:
    """L4. One worker: what two of them decide at the same moment has no order that could be kept."""
    world.add_rule("Help Desk")
    world.webex.latency_s = 0.1
    with world.server(TBOT_WORKERS="1"):
        tickets = world.connectwise.add_many(6, world.board, summary="Printer", notify=True)
        world.settle()
    ticket_ids = [int(message.markdown.partition("[#")[2].partition("]")[0]) for message in world.webex.messages()]
    assert sorted(ticket_ids) == tickets
    assert ticket_ids == [row.ticket_id for row in ledger()]
    assert world.webex.calls.peak == 1
