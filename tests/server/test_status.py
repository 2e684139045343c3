"""O14: how the server is, at one look, in the API."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.ledger import add_with_message, draft
from tests.server.api_server import Api
from ticketbot import __version__
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import events, holds, notifications, recipients, runtime_config


def _dead_and_waiting(api: Api) -> None:
    now = api.clock.now()
    with db.transaction("test"):
        ana = recipients.Recipient.create(type="person", webex_id="w", name="Ana")
        for number, state in enumerate((notifications.DEAD, notifications.PENDING, notifications.SENT), 1):
            add_with_message(draft(number, ana.id, now, state=state), now)
        notifications.Notification.update(sent_at=now).where(notifications.Notification.state == "sent").execute()
        for ticket_id, state in ((1, events.DEAD), (2, events.WAITING), (3, events.RUNNING)):
            times = dict.fromkeys(("first_received_at", "received_at", "due_at"), now)
            events.Event.create(ticket_id=ticket_id, state=state, source="hook", correlation="c", **times)
        events.new_message_ids(["a"], now - timedelta(hours=1))


def test_a_new_server_has_nothing_to_say(ana: client.Client) -> None:
    found = ana.status()
    assert (found.status, found.version, found.switched_off) == ("ok", __version__, [])
    assert [(each.name, each.state, each.since, each.detail) for each in found.services] == [
        ("connectwise", "ok", None, None),
        ("webex", "ok", None, None),
    ]
    assert (found.last_webhook_at, found.last_sent_at, found.last_sync) == (None, None, None)


def test_what_waits_is_dead_or_came_last_is_counted(api: Api, ana: client.Client) -> None:
    _dead_and_waiting(api)
    found = ana.status()
    assert (found.waiting.events, found.waiting.messages, found.waiting.held) == (2, 1, 0)
    assert (found.dead.events, found.dead.notifications) == (1, 1)
    assert (found.last_webhook_at, found.last_sent_at) == (api.clock.now() - timedelta(hours=1), api.clock.now())


@pytest.mark.parametrize(("needs_person", "state"), [(True, "attention"), (False, "degraded")])
def test_a_service_whose_calls_are_on_hold_says_since_when_and_why(
    api: Api, ana: client.Client, needs_person: bool, state: str
) -> None:
    """O2: what needs a person is not what heals itself."""
    now = api.clock.now()
    with db.transaction("test"):
        holds.begin("webex", until=now + timedelta(minutes=5), now=now, reason="the reason", needs_person=needs_person)
    found = ana.status()
    (webex,) = (each for each in found.services if each.name == "webex")
    assert (found.status, webex.state, webex.since, webex.detail) == (state, state, now, "the reason")


def test_what_is_switched_off_needs_attention_and_is_named(ana: client.Client) -> None:
    with db.transaction("test"):
        runtime_config.save({"attempt_notify": False, "catch_up_interval": 0})
    found = ana.status()
    assert (found.status, found.attempt_notify) == ("attention", False)
    assert found.switched_off == ["attempt_notify", "catch_up_interval"]
