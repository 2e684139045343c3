"""calm-exactly-once: a SIGKILL at any commit while digests are made and sent loses nothing; every repeat is flagged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests import ledger as rows
from tests.environment import World, ledger, minutes_ago, wait_for
from tests.servers import ServerProcess
from ticketbot.database import db
from ticketbot.models import notifications, tickets

_TICKETS = 8  # with notes so long that three digests are needed


@pytest.fixture
def world(sqlite: str) -> Iterator[World]:
    """Return services and a database in which quiet hours that are over hold notes about several tickets."""
    with World(sqlite) as world:
        world.configure(max_message_length=2000)
        ana, ended = world.recipient("ana").id, minutes_ago(1)
        with db.transaction("test"):
            for number in range(1, _TICKETS + 1):
                tickets.Ticket.create(id=number, summary="Printer on fire", stored_at=ended)
                tickets.Note.create(
                    kind="TicketNote",
                    note_id=number,
                    ticket_id=number,
                    text=f"m{number}x" + "y" * 1900,
                    stored_at=ended,
                )
            held = {"held_until": ended, "note_kind": "TicketNote", "events": ["customer_note"]}
            drafts = (
                rows.draft(number, ana, ended, note_id=number, give_up_at=ended + timedelta(days=1), **held)
                for number in range(1, _TICKETS + 1)
            )
            notifications.add(list(drafts))
        yield world


def _is_sent() -> bool:
    return all(row.state == "sent" for row in ledger())


@pytest.mark.parametrize(
    "point",
    [
        "release-held.before:1",
        "release-held.after:1",
        "split-digest.before:1",
        "split-digest.after:2",
        "webex.after:1",
        "sent.before:2",
    ],
)
def test_a_kill_while_a_digest_is_made_loses_nothing_and_flags_every_repeat(point: str, world: World) -> None:
    with ServerProcess(world.environ(TBOT_FAIL_AT=point)) as server:
        assert wait_for(lambda: server.ended), f"{point} is never passed"
        assert server.was_killed, server.log()
    with ServerProcess(world.environ()):
        assert wait_for(_is_sent)
    texts = [message.markdown for message in world.webex.messages()]
    assert all(len(text.encode()) <= 7439 for text in texts)
    for row in ledger():
        count = sum(f"m{row.note_id}x" in text for text in texts)
        assert count == 1 or (count > 1 and row.possible_duplicate), (row.note_id, count)
