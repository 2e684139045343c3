"""M1: after an import nothing is sent again, and what happens from then on is not missed."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.environment import World, ledger, post_webhook
from tests.importer.go_database import VERSION_1, VERSION_2, GoDatabase, fresh
from ticketbot.importer import run

DAYS = 30


def _populate(world: World) -> list[int]:
    """Open tickets over the last 30 days, with notes by members and the contact, the last ones minutes ago."""
    site, now = world.connectwise, datetime.now(UTC)
    found = []
    for day in range(0, DAYS, 3):
        at = now - timedelta(days=day, minutes=5)
        people: dict[str, Any] = {"owner": "ana", "resources": ["ben"], "company": world.company}
        ticket = site.add_ticket(
            world.board,
            f"Ticket of day {day}",
            contact=world.contact,
            note="It broke",
            entered_at=at,
            notify=False,
            **people,
        )
        site.add_note(ticket, "Looking into it", member="ben", entered_at=at + timedelta(minutes=1), notify=False)
        site.add_note(ticket, "Not for customers", member="ana", internal=True, entered_at=at, notify=False)
        found.append(ticket)
    return found


def _mirror(source: GoDatabase, world: World, ticket_ids: list[int], *, has_raw: bool) -> None:
    """Write what the Go implementation would hold of these tickets; of the notes, it saw only the newest."""
    site = world.connectwise
    source.add("webex_recipient", webex_id=world.webex.add_room("Help Desk"), name="Help Desk", type="room")
    for identifier in ("ana", "ben"):
        email = f"{identifier}@msp.example"
        source.add("webex_recipient", webex_id=world.accounts[identifier], name=identifier, email=email, type="person")
    source.add("cw_board", id=world.board, name="Service Desk")
    source.add("cw_company", id=world.company, name="Hanrahan Logistics")
    source.add("cw_contact", id=world.contact, first_name="Gus", last_name="Hanrahan", company_id=world.company)
    members: dict[str, int] = {}
    for ticket_id in ticket_ids:
        ticket = site.ticket(ticket_id)
        owner, status, note = ticket["owner"], ticket["status"], site.notes(ticket_id)[-1]
        if not members:
            members[owner["identifier"]] = owner["id"]
            first, _, last = owner["name"].partition(" ")
            source.add(
                "cw_member", id=owner["id"], identifier="Ana", first_name=first, last_name=last, primary_email=""
            )
            source.add("cw_ticket_status", id=status["id"], board_id=world.board, name=status["name"])
        columns: dict[str, Any] = {"raw": ticket} if has_raw else {}
        source.add(
            "cw_ticket",
            id=ticket_id,
            summary=ticket["summary"],
            board_id=world.board,
            status_id=status["id"],
            company_id=world.company,
            owner_id=owner["id"],
            contact_id=world.contact,
            resources=ticket["resources"],
            **columns,
        )
        source.add("cw_ticket_note", id=note["id"], ticket_id=ticket_id, member_id=owner["id"], content=note["text"])
        source.add(
            "ticket_notification",
            ticket_id=ticket_id,
            ticket_note_id=note["id"],
            recipient_id=2,
            sent=True,
            skipped=False,
        )


@pytest.mark.postgres
@pytest.mark.parametrize("version", [1, 2])
def test_replaying_every_webhook_of_the_last_30_days_sends_nothing(
    world: World, postgres_url: str, version: int
) -> None:
    ticket_ids = _populate(world)
    source = fresh(postgres_url, "go_flow", VERSION_1 if version == 1 else VERSION_2)
    _mirror(source, world, ticket_ids, has_raw=version == 2)
    if version == 1:
        source.add("notifier_rule", cw_board_id=world.board, webex_recipient_id=1)
        source.add("app_config", attempt_notify=True)
    else:
        notify = {"kind": "notify", "enabled": True, "notify": {"target": "resources_owner"}}
        room = {"kind": "notify", "enabled": True, "notify": {"target": "room", "recipient_id": 1}}
        entry = {"id": "1", "name": "All", "enabled": True, "trigger": "both", "actions": [notify, room]}
        source.add("workflow", board_id=world.board, name="Desk", rules=[entry])
        source.add("app_config", master_dry_run=False)
    # ConnectWise's dates have no fractions: what is entered within the second of the import counts as history.
    imported_at = datetime.now(UTC) - timedelta(seconds=2)
    run.run(source.url, zoneinfo.ZoneInfo("UTC"), None, imported_at, is_dry_run=False)
    with world.server(TBOT_CW_CALLS_PER_MINUTE="0") as server:
        before = len(ledger())
        for ticket_id in ticket_ids:
            for action in ("added", "updated"):
                post_webhook(server.url, world, world.connectwise.webhook_body(ticket_id, action)).raise_for_status()
        world.settle()
        assert world.webex.messages() == []
        assert [row for row in ledger()[before:] if row.state != "skipped"] == []

        world.connectwise.add_note(ticket_ids[-1], "Still broken", contact=world.contact)
        world.settle()
        assert {row.recipient_name for row in ledger() if row.state == "sent"} >= {"Ana Alvarez", "Ben Bauer"}
        world.connectwise.update_ticket(ticket_ids[0], resources=["ben", "cora"])
        world.settle()
        sent = {(row.recipient_name, row.subject.partition(":")[0]) for row in ledger() if row.state == "sent"}
        assert (("Help Desk", "change") in sent) is (version == 2)
