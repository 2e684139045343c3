"""Try and backtest over HTTP (R6)."""

from __future__ import annotations

import threading

import msgspec
import pytest

from tests.server.api_server import Api, wrong_fields
from ticketbot import errors
from ticketbot.api import client, requests
from ticketbot.database import db
from ticketbot.decide import values
from ticketbot.models import messages, notifications
from ticketbot.pipeline import backtest, kept_facts


@pytest.fixture
def room(api: Api) -> int:
    """Return the id of a room."""
    return api.recipient("Help Desk", room=True)


def _kept_event(api: Api, ticket_id: int) -> None:
    now = api.clock.now()
    board = {"board": values.Compared(None, None)}
    ticket = values.Ticket(ticket_id, now, board, values.Details(priority_sort=2))
    facts = values.Facts(now, now, ticket, hour=10, weekday="mon")
    with db.transaction("test"):
        columns = kept_facts.columns(facts)
    api.event(ticket_id, **columns)


def test_a_rule_is_tried_on_a_ticket(api: Api, ana: client.Client, room: int) -> None:
    ticket = api.ticket(resources=[])
    stored = ana.create_rule(None, room, condition="closed", enabled=False)
    proposed = requests.NewRule(board_id=None, recipient_id=room, events=["closed"])
    trial = ana.try_rule(ticket, event="closed", rule=proposed)
    assert [(each.who, each.outcome, each.reason) for each in trial.decisions] == [
        ("Help Desk", "told", "the proposed rule")
    ]
    trial = ana.try_rule(ticket, rule_id=stored.id)
    assert [each.codes for each in trial.decisions] == [["no_audience"], ["condition"]]
    trial = ana.try_rule(ticket, rule_id=stored.id, rule=requests.NewRule(board_id=None, recipient_id=room))
    assert [each.reason for each in trial.decisions] == ["rule 1"]
    assert [each.codes for each in ana.try_rule(ticket).decisions] == [["no_audience"], ["rule_disabled"]]
    with db.session():
        assert (notifications.Notification.select().count(), messages.Message.select().count()) == (0, 0)
    assert ana.rule(stored.id) == stored
    assert [each.action for each in ana.audit()] == ["create"]


def test_a_rule_is_tried_on_the_last_days(api: Api, ana: client.Client, room: int) -> None:
    for ticket_id in (1, 2):
        _kept_event(api, ticket_id)
    api.event(3)
    rule = requests.NewRule(board_id=None, recipient_id=room, condition="priority_sort <= 3 and id == 2")
    found = ana.backtest(7, rule=rule)
    at = "2026-03-02T10:00:00+01:00"
    assert msgspec.to_builtins(found) == {
        "events": 3,
        "left_out": 1,
        "decided": 0,
        "proposed": 1,
        "by_recipient": [{"recipient_name": "Help Desk", "decided": 0, "proposed": 1}],
        "by_day": [{"day": "2026-03-02", "decided": 0, "proposed": 1}],
        "busiest_hour": {"at": at, "proposed": 1},
        "samples": [
            {
                "ticket_id": 2,
                "event": "new",
                "recipient_name": "Help Desk",
                "decided": False,
                "proposed": True,
                "reason": "the proposed rule",
            }
        ],
        "people_from_cache": 0,
    }
    assert ana.backtest(1).busiest_hour is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rule_id": 4711}, "rule_id"),
        ({"rule": {"board_id": None, "recipient_id": 4711}}, "recipient_id"),
        ({"rule": {"board_id": 4711, "target": "assigned"}}, "board_id"),
        ({"rule": {"board_id": None, "target": "assigned", "condition": "nonsense"}}, "condition"),
    ],
)
def test_a_rule_that_could_not_be_saved_is_refused(body: dict[str, object], field: str, api: Api, key: str) -> None:
    for path, more in (("try", {"ticket_id": api.ticket()}), ("backtest", {"days": 7})):
        assert wrong_fields(api.request("POST", f"/notifiers/rules/{path}", key=key, json=more | body)) == {field}


def test_an_unknown_ticket_and_days_out_of_range_are_refused(api: Api, key: str) -> None:
    assert wrong_fields(api.request("POST", "/notifiers/rules/try", key=key, json={"ticket_id": 4711})) == {"ticket_id"}
    for days in (0, 91):
        assert wrong_fields(api.request("POST", "/notifiers/rules/backtest", key=key, json={"days": days})) == {"days"}


def test_one_backtest_runs_at_a_time_and_holds_no_session(
    api: Api, ana: client.Client, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, refused = backtest.run, []

    def run(*arguments: object) -> backtest.Outcome:
        assert db.database.is_closed()
        second = threading.Thread(target=lambda: refused.append(_conflict(api, key)))
        second.start()
        second.join()
        return found(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(backtest, "run", run)
    ana.backtest(1)
    assert refused == ["A backtest is running on this server. Try again when it is done"]
    assert not backtest._one_at_a_time.locked()


def _conflict(api: Api, key: str) -> str:
    with pytest.raises(errors.Conflict) as refused:
        api.client(key).backtest(1)
    return str(refused.value)
