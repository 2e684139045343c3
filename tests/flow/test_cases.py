"""The table of cases, played by the whole program on both databases: real hooks, real HTTP, real rows."""

from __future__ import annotations

import pytest

from tests.cases import CASES, CAST, SUMMARY, Case, CaseNote
from tests.environment import World, ledger, minutes_ago
from ticketbot.database import db
from ticketbot.models import forwards, tickets


def _write(world: World, ticket: int, note: CaseNote, *, notify: bool) -> None:
    author = {"contact": world.contact} if note.by == "contact" else {"member": note.by}
    world.connectwise.add_note(
        ticket,
        note.text,
        kind=note.kind,  # type: ignore[arg-type]
        internal=note.internal,
        entered_at=minutes_ago(note.minutes_ago),
        notify=notify,
        **author,  # type: ignore[arg-type]
    )


def _play(case: Case, world: World) -> None:
    """Let happen what the case describes; only the last change sends a hook, as if the others were lost."""
    board = world.project_board if case.project else world.board
    ticket = world.connectwise.add_ticket(
        board,
        SUMMARY,
        owner=case.owner,
        resources=case.resources,
        contact=world.contact,
        company=world.company,
        entered_at=minutes_ago(case.minutes_ago),
        notify=False,
    )
    if case.known:
        with db.transaction("test"):
            announced = {"id": ticket, "stored_at": minutes_ago(1), "announced_at": minutes_ago(1)}
            tickets.Ticket.insert(announced).execute()
    for note in case.notes:
        _write(world, ticket, note, notify=False)
    for _ in range(2 if case.repeat else 1):
        world.connectwise.update_ticket(ticket)
        world.settle()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.clause}-{case.name.replace(' ', '-')}")
def test_case_leads_to_exactly_these_messages(case: Case, world: World) -> None:
    board = world.project_board if case.project else world.board
    world.configure(**case.config)
    with world.server(TBOT_WORKERS="2"):
        rooms = {room: world.add_rule(room, enabled=room not in case.disabled, board=board) for room in case.rooms}
        names = {member.name: identifier for identifier, member in CAST.items()}
        for forward in case.forwards:
            source, destination = (world.recipient(names[name]) for name in (forward.source, forward.destination))
            with db.transaction("test"):
                forwards.Forward.create(
                    source=source, destination=destination, keep_copy=forward.keep_copy, created_at=minutes_ago(1)
                )
        _play(case, world)

        rows = ledger()
        assert sorted((row.recipient_name, row.state, row.reason) for row in rows) == sorted(
            (each.who, each.state, each.reason) for each in case.expect
        )
        received = {message.id: message for message in world.webex.messages()}
        assert {row.webex_message_id for row in rows if row.state == "sent"} == set(received)
        for each, row in zip(
            sorted(case.expect, key=lambda each: (each.who, each.state)),
            sorted(rows, key=lambda row: (row.recipient_name, row.state)),
            strict=True,
        ):
            text = received[row.webex_message_id].markdown if row.state == "sent" else ""
            assert [word for word in each.words if word not in text] == []
            assert [word for word in each.not_words if word in text] == []
            destination = world.webex.rooms.keys() if row.recipient_name in rooms else world.webex.people.keys()
            assert row.state != "sent" or received[row.webex_message_id].destination in destination
