"""The table of cases, played by the whole program on both databases: real hooks, real HTTP, real rows."""

from __future__ import annotations

import pytest

from tests.cases import ASSIGNED, CASES, IDENTIFIERS, SUMMARY, Case, CaseNote
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
        world.connectwise.add_board("Elsewhere") if "board" in case.start else board,
        SUMMARY,
        owner=case.owner,
        resources=case.resources,
        contact=world.contact,
        company=world.company,
        status=case.start.get("status"),
        entered_at=minutes_ago(case.minutes_ago),
        notify=False,
    )
    if case.known:
        with db.transaction("test"):
            announced = {"id": ticket, "stored_at": minutes_ago(1), "announced_at": minutes_ago(1)}
            tickets.Ticket.insert(announced).execute()
    for note in case.notes:
        _write(world, ticket, note, notify=False)
    for _ in range(2 if case.repeat or case.change else 1):
        world.connectwise.update_ticket(ticket)
        world.settle()
    if case.change:
        changes = case.change | ({"board": board} if "board" in case.change else {})
        world.connectwise.update_ticket(ticket, by=case.changed_by, **changes)
        world.settle()


def _add_rules(case: Case, world: World, board: int) -> None:
    """Add the rules of a case in their order, each room with its first one."""
    rooms: dict[str, int] = {}
    for rule in case.all_rules:
        if rule.to in IDENTIFIERS:
            recipient = world.recipient(IDENTIFIERS[rule.to]).id
        elif rule.to != ASSIGNED:
            recipient = rooms.setdefault(rule.to, 0) or world.add_room(rule.to)
            rooms[rule.to] = recipient
        world.add_rule(
            None if rule.to == ASSIGNED else recipient,
            board=None if rule.all_boards else board,
            events=rule.events,
            condition=rule.when,
            name=rule.name,
            enabled=not rule.disabled,
            dry_run=rule.dry_run,
        )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.clause}-{case.name.replace(' ', '-')}")
def test_case_leads_to_exactly_these_messages(case: Case, world: World) -> None:
    world.configure(**case.config)
    with world.server(TBOT_WORKERS="2"):
        _add_rules(case, world, world.project_board if case.project else world.board)
        for forward in case.forwards:
            source, destination = (world.recipient(IDENTIFIERS[name]) for name in (forward.source, forward.destination))
            limits = {"public_only": forward.public_only, "only_if_sole": forward.only_if_sole}
            columns = {"keep_copy": forward.keep_copy, **limits, "created_at": minutes_ago(1)}
            with db.transaction("test"):
                forwards.Forward.create(source=source, destination=destination, **columns)
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
            is_person = row.recipient_name in IDENTIFIERS
            destination = world.webex.people.keys() if is_person else world.webex.rooms.keys()
            assert row.state != "sent" or received[row.webex_message_id].destination in destination
