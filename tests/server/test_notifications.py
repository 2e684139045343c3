"""The ledger, its second chances, and explaining (D8, L5, T7)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.clock import START
from tests.server.api_server import Api, wrong_fields
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import events, messages, notifications

DECISION = {
    "subject": "new:1001", "who": "Ana", "outcome": "told", "reasons": [{"code": "rule", "ids": [3]}],
}  # fmt: skip


def test_ledger_shows_the_state_of_a_message(api: Api, ana: client.Client) -> None:
    ben = api.recipient("Ben Bauer")
    sent = api.notification(
        ben,
        recipient_name="Ben Bauer",
        forwarded_from=["Ana Alvarez"],
        attempts=2,
        possible_duplicate=True,
        webex_message_id="Y2lz",
        sent_at=START,
    )
    shown = ana.notification(sent)
    assert (shown.recipient_id, shown.recipient_name, shown.recipient_type) == (ben, "Ben Bauer", "person")
    assert (shown.state, shown.kind, shown.reason) == ("sent", "update", "assigned (resource)")
    assert (shown.forwarded_from, shown.attempts, shown.possible_duplicate) == (["Ana Alvarez"], 2, True)
    assert (shown.webex_message_id, shown.sent_at, shown.next_try_at) == ("Y2lz", START, None)
    assert ana.notifications() == [shown]


def test_who_is_not_on_webex_has_a_name_and_no_recipient(api: Api, ana: client.Client) -> None:
    """D7."""
    skipped = api.notification(None, "skipped", target="member:dan", recipient_name="Dan", reason="not on Webex")
    shown = ana.notification(skipped)
    assert (shown.recipient_id, shown.recipient_type, shown.recipient_name) == (None, None, "Dan")


def test_the_ledger_is_filtered(api: Api, ana: client.Client) -> None:
    ben, cora = api.recipient("Ben"), api.recipient("Cora")
    old = api.notification(ben, "dead", ticket_id=1, created_at=START - timedelta(days=2))
    new = api.notification(cora, "dead", ticket_id=2)
    sent = api.notification(ben, "sent", ticket_id=2)

    def ids(**query: object) -> list[int]:
        return [each.id for each in ana.notifications(**query)]  # type: ignore[arg-type]

    assert ids() == [old, new, sent]
    assert ids(state="dead") == [old, new]
    assert ids(ticket_id=2) == [new, sent]
    assert ids(recipient_id=ben) == [old, sent]
    assert ids(recipient_id=ben, state="sent") == [sent]
    assert ids(since="2026-03-02") == [new, sent]
    assert ids(since="2026-02-28T10:00:00+01:00") == [old, new, sent]
    assert ids(newest=True, limit=2) == [sent, new]


def test_notifications_are_found_by_words_in_ticket_recipient_and_error(api: Api, ana: client.Client) -> None:
    ben = api.recipient("Ben")
    ticket = api.ticket(id=4711, summary="Printer on fire")
    sent = api.notification(ben, ticket_id=ticket, recipient_name="Ben Bäuer")
    dead = api.notification(ben, "dead", ticket_id=ticket, recipient_name="Help Desk", error="Webex: 100% No such room")
    skipped = api.notification(None, "skipped", ticket_id=9, recipient_name="Dan")

    def found(search: str, **more: str) -> list[int]:
        return [each.id for each in ana.notifications(search=search, **more)]  # type: ignore[arg-type]

    assert found("#4711 PRINTER") == [sent, dead]
    assert found(" ") == [sent, dead, skipped]
    assert found("bÄUER fire") == [sent]
    assert found("such desk") == [dead]
    assert found("dan") == [skipped]
    assert found("printer", state="dead") == found("100%") == [dead]
    assert found("pr_nter") == []


def test_retried_dead_notification_gets_another_24_hours(api: Api, ana: client.Client) -> None:
    """L5."""
    ben = api.recipient("Ben")
    dead = api.notification(
        ben,
        "dead",
        failures=7,
        attempts=9,
        error="room is gone",
        failing_since=START,
        may_be_overtaken=True,
        woken=True,
        give_up_at=START,
    )
    api.clock.advance(3600)
    again = ana.retry_notification(dead)
    assert (again.state, again.attempts, again.next_try_at) == ("pending", 9, api.clock.now())
    with db.session():
        row = notifications.Notification.get_by_id(dead)
        message = messages.Message.get_by_id(row.message_id)
    assert row.give_up_at == api.clock.now() + timedelta(hours=24)
    assert (message.failures, message.failing_since, message.may_be_overtaken, message.woken) == (0, None, False, False)
    assert api.woken["messages"] == 1


@pytest.mark.parametrize("state", ["pending", "sending", "sent", "skipped"])
def test_retrying_anything_but_a_dead_one_is_a_conflict(state: str, api: Api, ana: client.Client) -> None:
    """L5."""
    other = api.notification(api.recipient("Ben"), state)
    with pytest.raises(errors.Conflict, match=f"is {state}"):
        ana.retry_notification(other)
    assert ana.notification(other).state == state


def test_retry_is_refused_while_notifications_are_off(api: Api, ana: client.Client) -> None:
    """D1: what is pending while notifications are off is skipped for good."""
    dead = api.notification(api.recipient("Ben"), "dead")
    ana.update_config({"attempt_notify": False})
    for retry in (lambda: ana.retry_notification(dead), ana.retry_dead, lambda: ana.retry_dead(dry_run=True)):
        with pytest.raises(errors.Conflict, match="switched off"):
            retry()
    assert ana.notification(dead).state == "dead"


def test_retrying_all_selects_by_when_a_message_died_and_not_by_when_it_was_decided(
    api: Api, ana: client.Client
) -> None:
    """L5: what a long outage killed is exactly what was decided 24 hours ago."""
    ben = api.recipient("Ben")
    decided_at = START - timedelta(hours=25)
    died_long_ago = api.notification(ben, "dead", created_at=START - timedelta(hours=49), died_at=decided_at)
    died_now = api.notification(ben, "dead", created_at=decided_at, died_at=START - timedelta(hours=1))
    sent = api.notification(ben, "sent")
    assert ana.retry_dead().notifications == 1
    assert [ana.notification(each).state for each in (died_long_ago, died_now, sent)] == ["dead", "pending", "sent"]


def test_retrying_all_since_a_date_selects_what_died_since_then(api: Api, ana: client.Client) -> None:
    """L5."""
    ben = api.recipient("Ben")
    dead = api.notification(ben, "dead", died_at=START - timedelta(hours=30))
    assert ana.retry_dead(since="2026-03-02").notifications == 0
    assert ana.retry_dead(since="2026-03-01").notifications == 1
    assert ana.notification(dead).state == "pending"


def test_retrying_all_selects_events_by_when_they_died(api: Api, ana: client.Client) -> None:
    """L5, T7."""
    received_at = START - timedelta(hours=25)
    api.event(7, "dead", received_at=START - timedelta(hours=49), finished_at=received_at)
    died_now = api.event(8, "dead", received_at=received_at, finished_at=START - timedelta(hours=1))
    assert ana.retry_dead().events == 1
    assert [each.id for each in ana.events(state="waiting")] == [died_now]


def test_a_retry_is_narrowed_like_the_ledger(api: Api, ana: client.Client) -> None:
    """L5."""
    ben, cora = api.recipient("Ben"), api.recipient("Cora")
    for recipient, name, ticket in ((ben, "Ben", 7), (cora, "Cora", 7), (cora, "Cora", 8)):
        api.notification(recipient, "dead", recipient_name=name, ticket_id=ticket)
    api.event(7, "dead")
    api.event(8, "dead")

    def counted(**which: object) -> tuple[int, int]:
        result = ana.retry_dead(dry_run=True, **which)  # type: ignore[arg-type]
        return result.notifications, result.events

    assert counted(ticket_id=7) == (2, 1)
    assert counted(recipient_id=cora) == (2, 0)
    assert counted(search="cora #8") == (1, 0)
    retried = ana.retry_dead(ticket_id=7, search="ben")
    assert (retried.notifications, retried.events) == (1, 0)
    assert [each.recipient_name for each in ana.notifications(state="dead")] == ["Cora", "Cora"]
    after = ana.audit()[-1].after or {}
    assert (after["ticket_id"], after["q"], after["notifications"]) == (7, "ben", 1)


def test_a_dry_run_counts_what_a_retry_would_revive_and_changes_nothing(api: Api, ana: client.Client) -> None:
    """L5."""
    ben = api.recipient("Ben")
    api.notification(ben, "dead")
    api.notification(ben, "dead", died_at=START - timedelta(hours=25))
    api.notification(ben, "sent")
    api.event(7, "dead")  # an older one of the same ticket stays dead
    api.event(7, "dead")
    api.event(8, "dead")
    api.event(8, "waiting")  # takes the place of the dead one
    entries = len(ana.audit())
    counted = ana.retry_dead(dry_run=True)
    assert (counted.notifications, counted.events) == (1, 1)
    assert (len(ana.notifications(state="dead")), len(ana.events(state="dead"))) == (2, 3)
    assert (len(ana.audit()), api.woken.total()) == (entries, 0)
    assert ana.retry_dead() == counted


def test_a_dead_notification_shows_when_it_died_and_no_other_does(api: Api, ana: client.Client) -> None:
    """L5."""
    ben, died_at = api.recipient("Ben"), START - timedelta(hours=1)
    dead = api.notification(ben, "dead", died_at=died_at)
    waiting = api.notification(ben, "pending")
    assert (ana.notification(dead).died_at, ana.notification(waiting).died_at) == (died_at, None)


def test_a_retry_takes_an_empty_body_and_refuses_a_wrong_one(api: Api, key: str) -> None:
    """L5."""
    path = "/notifications/retry"
    assert api.request("POST", path, key=key).status_code == 202
    assert api.request("POST", path, key=key, json={}).json() == {"notifications": 0, "events": 0}
    assert api.request("POST", path, key=key, json={"state": "dead", "since": None}).status_code == 202
    wrong = {"state": "sent", "since": "yesterday", "ticket_id": 0, "q": "a\nb", "dry_run": 1, "all": True}
    assert wrong_fields(api.request("POST", path, key=key, json=wrong)) == set(wrong)
    assert wrong_fields(api.request("POST", path, key=key, json={"since": "2026-02-30"})) == {"since"}


def test_dead_event_is_retried(api: Api, ana: client.Client) -> None:
    """T7."""
    dead = api.event(7, "dead", attempts=40, bugs=5, error="ConnectWise is down", received_at=START - timedelta(days=3))
    again = ana.retry_event(dead)
    assert (again.state, again.due_at, again.received_at) == ("waiting", api.clock.now(), api.clock.now())
    with db.session():
        row = events.Event.get_by_id(dead)
    assert (row.attempts, row.bugs) == (0, 0)
    assert api.woken["events"] == 1
    with pytest.raises(errors.Conflict, match="is waiting"):
        ana.retry_event(dead)


def test_a_ticket_never_has_two_waiting_events(api: Api, ana: client.Client) -> None:
    """W5."""
    dead = api.event(7, "dead")
    older, newest = api.event(8, "dead"), api.event(8, "dead")
    api.event(7, "waiting")
    with pytest.raises(errors.Conflict, match="takes its place"):
        ana.retry_event(dead)
    with pytest.raises(errors.Conflict, match="takes its place"):
        ana.retry_event(older)
    assert ana.retry_dead().events == 1
    assert [each.id for each in ana.events(state="waiting", ticket_id=8)] == [newest]
    assert [each.id for each in ana.events(state="dead")] == [dead, older]


def test_explain_shows_everything_about_a_ticket_newest_first(api: Api, ana: client.Client) -> None:
    """D8."""
    ticket, ben = api.ticket(), api.recipient("Ben")
    first = api.event(ticket, decisions=[DECISION])
    second = api.event(ticket, "dead", error="ConnectWise is down")
    api.event(ticket + 1)
    sent_id = api.notification(ben, ticket_id=ticket, event=first)
    skipped = api.notification(None, "skipped", ticket_id=ticket, event=first)
    trace = ana.explain(ticket)
    assert trace.ticket == ana.ticket(ticket)
    assert [each.id for each in trace.events] == [second, first]
    assert trace.events[0].error == "ConnectWise is down"
    assert [(each.who, each.outcome, each.reason) for each in trace.events[1].decisions] == [("Ana", "told", "rule 3")]
    assert [each.id for each in trace.notifications] == [skipped, sent_id]
    newest = ana.explain(ticket, limit=1)
    assert ([each.id for each in newest.events], [each.id for each in newest.notifications]) == ([second], [skipped])


def test_a_ticket_that_was_never_stored_is_explained_by_its_events(api: Api, ana: client.Client) -> None:
    """D8."""
    api.event(42, "dead", error="no permission")
    assert ana.explain(42).ticket is None
    with pytest.raises(errors.NotFound, match="Nothing is known about ticket 43"):
        ana.explain(43)
