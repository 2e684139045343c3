"""D1: turning notifications off stops everything that waits, on every server, for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest

from tests.databases import fresh_postgres
from tests.environment import World, is_idle, post_webhook, wait_for
from tests.ledger import add_pending, draft
from tests.servers import ServerProcess
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import notifications, recipients

pytestmark = pytest.mark.postgres

KEY = "a-key-that-is-long-enough"
_WAITING = 2000
_RECIPIENTS = 50


@pytest.fixture
def world(migrated_postgres: str) -> Iterator[World]:
    """Return services on PostgreSQL, with a Webex that keeps all senders busy."""
    url = fresh_postgres(migrated_postgres)
    db.open_database(url)
    with World(url) as everything:
        everything.webex.latency_s = 0.1
        yield everything
    db.close_database()


def _fill_outbox(world: World) -> None:
    now = datetime.now(UTC)
    with db.transaction("test"):
        targets = [
            recipients.Recipient.create(
                type=recipients.ROOM, webex_id=world.webex.add_room(f"Room {n}"), name=f"Room {n}"
            )
            for n in range(_RECIPIENTS)
        ]
        add_pending((draft(number, targets[number % _RECIPIENTS].id, now) for number in range(_WAITING)), now)
    with db.session():
        db.database.execute_sql("ANALYZE")


def _counts() -> dict[str, int]:
    model = notifications.Notification
    with db.session():
        states = model.select(model.state, model.id).tuples()
        counts: dict[str, int] = {}
        for state, _ in states:
            counts[state] = counts.get(state, 0) + 1
    return counts


def test_turning_notifications_off_skips_all_waiting_messages_on_every_server(world: World) -> None:
    with ExitStack() as stack:
        admin = {"TBOT_ADMIN_EMAIL": "ana@msp.example", "TBOT_ADMIN_KEY": KEY}
        servers = [stack.enter_context(ServerProcess(world.environ(**admin))) for _ in range(2)]
        _fill_outbox(world)
        assert world.webex.wait_for_messages(20)
        client.Client(servers[0].url, KEY).update_config({"attempt_notify": False})
        assert wait_for(is_idle), _counts()
        sent = len(world.webex.messages())
        assert _counts() == {"sent": sent, "skipped": _WAITING - sent}
        assert sent < _WAITING / 2

        world.configure(attempt_notify=True)
        world.webex.latency_s = 0.0
        for server in servers:
            ticket = world.connectwise.add_ticket(world.board, "Afterwards", resources=["ana"], notify=False)
            assert post_webhook(server.url, world, world.connectwise.webhook_body(ticket)).ok
        assert len(world.webex.wait_for_messages(sent + 2)) == sent + 2
        assert wait_for(is_idle)
        assert _counts() == {"sent": sent + 2, "skipped": _WAITING - sent}
