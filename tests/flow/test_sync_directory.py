"""S1, S2: syncs of boards and recipients against the simulated services, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.environment import World
from tests.sync_fixture import Syncing, phases, stored_recipients
from ticketbot.database import db
from ticketbot.models import rules, tickets
from ticketbot.simulators import faults


@pytest.fixture
def syncing(world: World) -> Iterator[Syncing]:
    syncing = Syncing(world)
    yield syncing
    syncing.syncs.stop()
    assert syncing.syncs.join(10)


def _boards(*, deleted: bool = False) -> list[str]:
    with db.session():
        return [
            row.name for row in tickets.Board.select().order_by(tickets.Board.id) if bool(row.deleted_at) == deleted
        ]


def test_all_boards_are_stored_with_statuses_types_and_priorities(syncing: Syncing) -> None:
    """S1"""
    run = syncing.run(boards=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert _boards() == ["Service Desk", "Projects"]
    with db.session():
        statuses = {(row.board_id, row.name, row.closed) for row in tickets.Status.select()}
    assert (syncing.world.board, ">Closed", True) in statuses
    assert len(statuses) == 6
    with db.session():
        assert set(tickets.known_names(tickets.TicketType.name, 9)) == {"Incident", "Request"}
        assert tickets.known_names(tickets.Priority.name, 1) == ["Priority 1 - Emergency Response"]
    expected = {"boards": (2, 2, 0), "statuses": (2, 2, 0), "types": (2, 2, 0), "priorities": (4, 4, 0)}
    assert phases(run) == expected


def test_removed_board_is_soft_deleted_with_its_statuses_and_can_be_restored(syncing: Syncing) -> None:
    """S1, T4"""
    world = syncing.world
    night = world.connectwise.add_board("Night Desk")
    syncing.run(boards=True)
    row, statuses = world.connectwise.boards[night], dict(world.connectwise.statuses)
    world.connectwise.remove_board(night)
    syncing.run(boards=True)
    assert (_boards(), _boards(deleted=True)) == (["Service Desk", "Projects"], ["Night Desk"])
    with db.session():
        assert tickets.existing_ids(tickets.Status, tickets.Status.board_id == night) == set()
    world.connectwise.boards[night], world.connectwise.statuses = row, statuses
    syncing.run(boards=True)
    assert "Night Desk" in _boards()
    with db.session():
        assert len(tickets.existing_ids(tickets.Status, tickets.Status.board_id == night)) == 3


def test_statuses_that_cannot_be_read_are_named_and_stay(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    syncing.run(boards=True)
    world.connectwise.faults.add(faults.status(400, "No.", path=f"/boards/{world.board}/statuses"))
    run = syncing.run(boards=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert "Service Desk" in run.errors[0]
    with db.session():
        assert len(tickets.existing_ids(tickets.Status)) == 6


def test_priorities_that_cannot_be_read_are_named_and_stay(syncing: Syncing) -> None:
    """S"""
    syncing.run(boards=True)
    syncing.world.connectwise.faults.add(faults.status(403, "No.", path="/service/priorities"))
    run = syncing.run(boards=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert run.errors[0].startswith("priorities: ")
    with db.session():
        assert len(tickets.existing_ids(tickets.Priority)) == 4


@pytest.mark.parametrize(("kept", "state"), [(5, "failed"), (6, "done")])
def test_more_than_half_of_more_than_ten_boards_do_not_vanish_unless_forced(
    syncing: Syncing, kept: int, state: str
) -> None:
    """S"""
    world = syncing.world
    for number in range(10):
        world.connectwise.add_board(f"Board {number}")
    syncing.run(boards=True)
    for board in sorted(world.connectwise.boards)[kept:]:
        world.connectwise.remove_board(board)
    run = syncing.run(boards=True)
    assert run.state == state
    assert len(_boards()) == (12 if state == "failed" else kept)
    assert syncing.run(boards=True, force=True).state == "done"
    assert len(_boards()) == kept


def test_few_boards_can_all_vanish_but_an_error_removes_none(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    syncing.run(boards=True)
    world.connectwise.faults.add(faults.status(400, path="/service/boards$"))
    assert syncing.run(boards=True).state == "failed"
    assert len(_boards()) == 2
    world.connectwise.faults.clear()
    world.connectwise.faults.add(faults.wrong_json("[]", path="/service/boards$"))
    assert syncing.run(boards=True).state == "done"
    assert _boards() == []


def test_rooms_their_people_and_members_become_recipients(syncing: Syncing) -> None:
    """S2"""
    world = syncing.world
    guest = world.webex.add_person("guest@customer.example", "Guest")
    bot = world.webex.add_person("helper@webex.bot", "Helper", kind="bot")
    world.webex.add_room("Help Desk", [world.accounts["ana"], guest, bot])
    world.webex.add_room("Elsewhere", [guest], with_bot=False)
    run = syncing.run(recipients=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert [row.name for row in stored_recipients(type="room")] == ["Help Desk"]
    names = {row.name for row in stored_recipients(type="person")}
    assert {"Ana Alvarez", "Guest", "Ben Bauer"} <= names
    assert not {"Helper", "Ticketbot"} & names
    assert {row.email for row in stored_recipients(name="Guest")} == {"guest@customer.example"}
    with db.session():
        assert tickets.Member.select().where(tickets.Member.identifier == "ana").get().email == "ana@msp.example"


def test_api_members_and_inactive_members_are_not_looked_up(syncing: Syncing) -> None:
    """S2: active members."""
    world = syncing.world
    for identifier, more in (("gone", {"inactive": True}), ("robot", {"license_class": "A"})):
        world.connectwise.add_member(identifier, "No", identifier, email=f"{identifier}@msp.example", **more)  # type: ignore[arg-type]
        world.webex.add_person(f"{identifier}@msp.example", identifier)
    syncing.run(recipients=True)
    assert not {"gone", "robot"} & {row.name for row in stored_recipients()}


def test_vanished_recipient_is_inactive_until_it_is_back(syncing: Syncing) -> None:
    """S2"""
    world = syncing.world
    guest = world.webex.add_person("guest@customer.example", "Guest")
    room = world.webex.add_room("Help Desk", [guest])
    syncing.run(recipients=True)
    person, rooms = world.webex.people[guest], dict(world.webex.rooms)
    world.webex.remove_person(guest)
    world.webex.leave(room)
    syncing.run(recipients=True)
    assert [row.active for row in stored_recipients(webex_id=room) + stored_recipients(webex_id=guest)] == [
        False,
        False,
    ]
    world.webex.people[guest] = person
    assert world.webex.rooms == rooms
    world.webex.join(room, world.webex.bot_id)
    world.webex.join(room, guest)
    syncing.run(recipients=True)
    assert [row.active for row in stored_recipients(webex_id=room) + stored_recipients(webex_id=guest)] == [True, True]


def test_a_person_who_left_all_rooms_stays_active(syncing: Syncing) -> None:
    """S2: he can still be told."""
    world = syncing.world
    guest = world.webex.add_person("guest@customer.example", "Guest")
    room = world.webex.add_room("Help Desk", [guest])
    syncing.run(recipients=True)
    world.webex.leave(room, guest)
    syncing.run(recipients=True)
    assert [row.active for row in stored_recipients(webex_id=guest)] == [True]


def test_a_person_of_another_organization_is_known_from_a_membership(syncing: Syncing) -> None:
    """S2: `/people` names nobody of other organisations."""
    world = syncing.world
    guest = world.webex.add_person("guest@elsewhere.example", "Guest")
    world.webex.add_room("Help Desk", [guest])
    del world.webex.people[guest]
    for _ in range(2):
        syncing.run(recipients=True)
        (row,) = stored_recipients(webex_id=guest)
        assert (row.name, row.email, row.active) == ("Guest", "guest@elsewhere.example", True)


def test_a_room_that_answers_404_is_skipped(syncing: Syncing) -> None:
    """S2"""
    world = syncing.world
    lost = world.webex.add_room("Lost")
    world.webex.add_room("Help Desk", [world.webex.add_person("guest@customer.example", "Guest")])
    world.webex.faults.add(
        faults.status(404, "Could not find a room with provided ID.", path="memberships", query=lost)
    )
    run = syncing.run(recipients=True)
    assert (run.state, run.error_count) == ("done", 0)
    assert [row.name for row in stored_recipients(type="room")] == ["Lost", "Help Desk"]
    assert stored_recipients(name="Guest") != []


def test_members_of_a_room_that_cannot_be_read_stay_active(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    guest = world.webex.add_person("guest@elsewhere.example", "Guest")
    room = world.webex.add_room("Help Desk", [guest])
    syncing.run(recipients=True)
    del world.webex.people[guest]
    world.webex.faults.add(faults.status(403, "No.", path="memberships", query=room))
    run = syncing.run(recipients=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert "Help Desk" in run.errors[0]
    assert [row.active for row in stored_recipients(webex_id=guest)] == [True]


def test_unreadable_members_fail_the_run_but_rooms_are_stored(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    world.webex.add_room("Help Desk", [world.accounts["ana"]])
    world.connectwise.faults.add(faults.status(403, "No.", path="/system/members"))
    run = syncing.run(recipients=True)
    assert (run.state, run.error_count) == ("failed", 1)
    assert run.errors[0].startswith("ConnectWise members: ")
    assert [row.name for row in stored_recipients()] == ["Help Desk", "Ana Alvarez"]


def test_people_who_cannot_be_looked_up_stay_active(syncing: Syncing) -> None:
    """S"""
    world = syncing.world
    world.webex.add_room("Help Desk", [world.accounts["ana"]])
    syncing.run(recipients=True)
    before = {row.name for row in stored_recipients(active=True)}
    world.webex.faults.add(faults.status(400, "No.", path="/people$", query="id="))
    run = syncing.run(recipients=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert run.errors[0].startswith("4 people: ")
    assert {row.name for row in stored_recipients(active=True)} == before


def test_an_address_that_cannot_be_looked_up_is_named_and_one_that_webex_refuses_is_not(syncing: Syncing) -> None:
    """S2: a refusal means that there can be no such account."""
    world = syncing.world
    world.webex.faults.add(faults.status(401, "No.", path="/people$", query="email=ana"))
    world.webex.faults.add(faults.status(400, "No.", path="/people$", query="email=ben"))
    run = syncing.run(recipients=True)
    assert (run.state, run.error_count) == ("done", 1)
    assert run.errors[0].startswith("Webex account of ana@msp.example: ")
    assert {row.name for row in stored_recipients(type="person")} == {"Cora Chen"}


def test_a_bot_with_the_address_of_a_member_is_no_recipient(syncing: Syncing) -> None:
    """S2"""
    syncing.world.webex.add_person("dan@msp.example", "Dan's helper", kind="bot")
    assert syncing.run(recipients=True).error_count == 0
    assert stored_recipients(email="dan@msp.example") == []


@pytest.mark.parametrize("ciphertext", [False, True])
def test_a_broken_title_keeps_the_one_we_know(syncing: Syncing, ciphertext: bool) -> None:
    """S2"""
    room = syncing.world.webex.add_room("Help Desk")
    syncing.run(recipients=True)
    syncing.world.webex.break_title(room, ciphertext=ciphertext)
    syncing.run(recipients=True)
    assert [row.name for row in stored_recipients(webex_id=room)] == ["Help Desk"]


def test_several_accounts_of_an_address_are_told_apart_by_their_last_activity(syncing: Syncing) -> None:
    """S2: only a look-up by address tells it."""
    world = syncing.world
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    twins = [world.webex.add_person("twin@msp.example", "Twin", last_activity=day) for day in days]
    world.webex.add_room("Help Desk", twins)
    syncing.run(recipients=True)
    assert [row.last_activity for row in stored_recipients(email="twin@msp.example")] == days
    syncing.run(recipients=True)
    assert [row.last_activity for row in stored_recipients(email="twin@msp.example")] == days


def test_people_are_looked_up_in_batches_of_85(syncing: Syncing) -> None:
    """S2"""
    world = syncing.world
    crowd = [world.webex.add_person(f"person{number}@msp.example", f"Person {number}") for number in range(200)]
    world.webex.add_room("Everybody", crowd)
    syncing.run(recipients=True)
    queries = [call.query for call in world.webex.calls.log() if call.path.endswith("/people") and "id=" in call.query]
    assert len(queries) == 3
    assert len(stored_recipients(type="person")) >= 200


@pytest.mark.parametrize("path", ["/rooms$", "/people$"])
def test_empty_response_makes_nobody_inactive(syncing: Syncing, path: str) -> None:
    """S"""
    world = syncing.world
    crowd = [world.webex.add_person(f"person{number}@elsewhere.example", f"Person {number}") for number in range(20)]
    for number in range(11):
        world.webex.add_room(f"Room {number}", crowd if number == 0 else [])
    syncing.run(recipients=True)
    before = len(stored_recipients(active=True))
    world.webex.leave(next(iter(world.webex.rooms)))
    world.webex.faults.add(faults.wrong_json('{"items": []}', path=path))
    run = syncing.run(recipients=True)
    assert run.state == "failed"
    assert "would be removed" in run.errors[-1]
    assert len(stored_recipients(active=True)) == before
    assert syncing.run(recipients=True, force=True).state == "done"
    assert len(stored_recipients(active=True)) <= before - 11


def test_rules_go_on_pointing_at_a_room_that_vanished(syncing: Syncing) -> None:
    """S2"""
    world = syncing.world
    recipient = world.add_rule("Help Desk")
    syncing.run(boards=True, recipients=True)
    world.webex.remove_room(next(iter(world.webex.rooms)))
    syncing.run(boards=True, recipients=True)
    with db.session():
        (rule,) = rules.rules_of(world.board)
    assert (rule.recipient.id, rule.recipient.active) == (recipient, False)


def test_outage_of_webex_does_not_block_boards(syncing: Syncing) -> None:
    """S: a part that fails is named, the others go on."""
    syncing.webex.token = "changed"
    run = syncing.run(boards=True, recipients=True, tickets=True)
    assert run.state == "failed"
    assert [text.partition(":")[0] for text in run.errors] == ["recipients"]
    assert _boards() == ["Service Desk", "Projects"]
    assert "notes" in phases(run)
