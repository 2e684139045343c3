"""Runtime configuration and the audit trail (A5, D1)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.server.api_server import TRUSTED_PROXY, Api, problem, wrong_fields
from ticketbot import log, metrics
from ticketbot.api import client, responses
from ticketbot.database import db
from ticketbot.models import audit, facts, messages, notifications, runtime_config

Lines = Callable[[], list[dict[str, Any]]]

DEFAULTS = {
    "attempt_notify": True,
    "max_message_length": 300,
    "max_concurrent_syncs": 5,
    "require_board_rule": False,
    "catch_up_interval": 300,
    "retention_days": 90,
    "assigned_events": ["new", "customer_note", "team_note", "internal_note", "assigned"],
    "threads": "rooms",
    "panel": True,
    "sync_schedule": None,
    "alert_recipient_id": None,
    "alert_url": None,
    "alert_silence_minutes": 120,
    "business_hours": "mon-fri 08:00-18:00",
    "heartbeat_url": None,
}


@pytest.fixture
def audit_lines(caplog: pytest.LogCaptureFixture) -> Lines:
    """Return what reads the lines of the audit out of a JSON log."""
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(log.JsonFormatter())
    return lambda: [line for each in caplog.text.splitlines() if "audit:" in (line := json.loads(each))["message"]]


def test_the_configuration_begins_with_its_defaults(ana: client.Client) -> None:
    assert msgspec.structs.asdict(ana.config()) == DEFAULTS


def test_the_api_shows_every_setting_that_the_server_has() -> None:
    assert responses.Config.__struct_fields__ == runtime_config.Config.__struct_fields__


def test_any_value_can_be_changed_and_is_stored(api: Api, ana: client.Client) -> None:
    changed = ana.update_config({"max_message_length": 4000, "catch_up_interval": 0})
    assert msgspec.structs.asdict(changed) == DEFAULTS | {"max_message_length": 4000, "catch_up_interval": 0}
    assert ana.config() == changed
    assert ana.update_config({}) == changed


def test_a_change_is_live_on_every_server_that_shares_the_database(api: Api, ana: client.Client, key: str) -> None:
    """Nobody keeps a copy: what a server reads is what stands in the database."""
    ana.update_config({"attempt_notify": False, "retention_days": 7})
    assert Api(api.webex).client(key).config().retention_days == 7
    with db.session():
        assert not runtime_config.load().attempt_notify


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("attempt_notify", [True, False], [1, "true", None]),
        ("max_message_length", [50, 4000], [49, 4001, 300.5, "300", True, 10**30]),
        ("max_concurrent_syncs", [1, 50], [0, 51, -1]),
        ("require_board_rule", [True, False], [0, "no"]),
        ("catch_up_interval", [0, 30, 86400], [-1, 1, 29, 86401]),
        ("retention_days", [0, 3650], [-1, 3651]),
        ("assigned_events", [[], ["new", "changed"]], ["new", None]),
        ("threads", ["all", "off"], ["people", None]),
        ("panel", [True, False], ["off", None]),
        ("sync_schedule", ["00:00", "23:59", None], ["24:00", "3:00", "03:60", "03:00\n", "", 3]),
        ("alert_recipient_id", [None], [0, 99, "1"]),
        ("alert_silence_minutes", [0, 10080], [-1, 10081, None]),
        ("business_hours", ["mon 08:00-24:00", "mon-fri 08:00-18:00; sat,sun 22:00-02:00"], ["", "8-18", "mon", None]),
    ],
)
def test_values_out_of_range_are_refused(
    name: str, good: list[object], bad: list[object], api: Api, ana: client.Client, key: str
) -> None:
    for value in good:
        assert msgspec.structs.asdict(ana.update_config({name: value}))[name] == value
    before = ana.config()
    for value in bad:
        response = api.request("PUT", "/config", key=key, json={"max_message_length": 60, name: value})
        assert wrong_fields(response) == {name}, value
    assert ana.config() == before


def test_one_wrong_name_changes_nothing(api: Api, ana: client.Client, key: str) -> None:
    response = api.request("PUT", "/config", key=key, json={"retention_days": 1, "retention_day": 1})
    assert wrong_fields(response) == {"retention_day"}
    assert ana.config().retention_days == 90


def test_turning_notifications_off_skips_waiting_ones_for_good(api: Api, ana: client.Client) -> None:
    """D1: also when it is switched on again a moment later."""
    waiting = api.notification(api.recipient("Ben"), "pending", next_try_at=api.clock.now())
    ana.update_config({"attempt_notify": False})
    ana.update_config({"attempt_notify": True})
    shown = ana.notification(waiting)
    assert (shown.state, shown.reason) == ("skipped", "notifications off")
    with db.session():
        assert not messages.has_pending()


def test_a_new_time_of_syncs_is_first_due_when_it_comes(ana: client.Client, api: Api) -> None:
    """S5: a time of today that has already passed does not start a sync at once."""
    ana.update_config({"sync_schedule": "03:00"})
    with db.session():
        assert facts.read_time(facts.SCHEDULED_SYNC) == api.clock.now()
    api.clock.advance(hours=1)
    ana.update_config({"retention_days": 30, "sync_schedule": "03:00"})
    with db.session():
        assert facts.read_time(facts.SCHEDULED_SYNC) == api.clock.now() - timedelta(hours=1)


def test_every_change_is_recorded_with_before_and_after(api: Api, ana: client.Client) -> None:
    """A5."""
    board, room, other = api.board(), api.recipient("Help Desk", room=True), api.recipient("Ben")
    rule = ana.create_rule(board, room)
    ana.update_rule(rule.id, enabled=False)
    ana.delete_rule(rule.id)
    forward = ana.create_forward(room, other)
    ana.update_forward(forward.id, keep_copy=True)
    ana.delete_forward(forward.id)
    user = ana.create_user("Ben", "ben@example.com")
    created = ana.create_key(user.id)
    ana.delete_key(created.id)
    ana.delete_user(user.id)
    ana.update_config({"retention_days": 30})
    dead = api.notification(other, "dead")
    ana.retry_notification(dead)
    ana.retry_event(api.event(7, "dead"))
    ana.retry_dead()
    ana.test_recipient(other)

    trail = ana.audit()
    assert [(each.action, each.object, each.object_id) for each in trail] == [
        ("create", "rule", str(rule.id)),
        ("update", "rule", str(rule.id)),
        ("delete", "rule", str(rule.id)),
        ("create", "forward", str(forward.id)),
        ("update", "forward", str(forward.id)),
        ("delete", "forward", str(forward.id)),
        ("create", "user", str(user.id)),
        ("create", "key", str(created.id)),
        ("delete", "key", str(created.id)),
        ("delete", "user", str(user.id)),
        ("update", "config", None),
        ("retry", "notification", str(dead)),
        ("retry", "event", "1"),
        ("retry", "notifications", None),
        ("test", "recipient", str(other)),
    ]
    me = ana.me()
    assert {(each.user_id, each.user_email, each.key_id, each.at) for each in trail} == {
        (me.id, "ana@example.com", ana.keys()[0].id, api.clock.now())
    }
    assert trail[0].before is None
    assert trail[0].after == msgspec.to_builtins(rule)
    assert trail[1].before == trail[0].after
    assert trail[1].after == msgspec.to_builtins(rule) | {"enabled": False}
    assert trail[2].before == trail[1].after
    assert trail[2].after is None


def test_audit_trail_contains_no_key(api: Api, ana: client.Client) -> None:
    """A5, A6."""
    created = ana.create_key(ana.me().id)
    (entry,) = ana.audit()
    assert entry.after is not None
    assert entry.after["key"] == "***"
    with db.session():
        row = audit.Audit.get()
    assert created.key not in msgspec.json.encode([row.before, row.after]).decode()


def test_failed_changes_are_not_recorded(api: Api, ana: client.Client, key: str, audit_lines: Lines) -> None:
    """A5: the trail is of changes."""
    api.request("POST", "/users", key=key, json={"name": "Ana", "email": "ANA@example.com"})
    api.request("DELETE", "/users/4711", key=key)
    assert ana.audit() == []
    assert audit_lines() == []


def test_a_change_is_recorded_with_client_and_request(api: Api, ana: client.Client, key: str) -> None:
    """A5: the address as in A2, through a proxy that is trusted; the request as its response and the log name it."""
    forwarded = {"REMOTE_ADDR": TRUSTED_PROXY, "HTTP_X_FORWARDED_FOR": "198.51.100.7"}
    response = api.request("PUT", "/config", key=key, json={"retention_days": 30}, environ=forwarded)
    (entry,) = ana.audit()
    assert (entry.client_address, entry.request_id) == ("198.51.100.7", response.headers["X-Request-ID"])


def test_a_change_is_one_structured_line_of_the_log(ana: client.Client, audit_lines: Lines) -> None:
    """A5, O1: what differs, and who changed it from where; the request is the correlation of the line."""
    ana.update_config({"retention_days": 30})
    (line,) = audit_lines()
    (entry,) = ana.audit()
    assert line["message"] == "audit: update config, by ana@example.com from 192.0.2.1"
    assert (line["before"], line["after"]) == ({"retention_days": 90}, {"retention_days": 30})
    assert (line["action"], line["object"], line["object_id"]) == ("update", "config", None)
    assert (line["user_id"], line["key_id"], line["client_address"]) == (entry.user_id, entry.key_id, "192.0.2.1")
    assert line["correlation"] == entry.request_id


def test_the_line_of_a_change_holds_no_key(ana: client.Client, audit_lines: Lines) -> None:
    """A6."""
    created = ana.create_key(ana.me().id)
    (line,) = audit_lines()
    assert line["message"] == f"audit: create key {created.id}, by ana@example.com from 192.0.2.1"
    assert line["after"]["key"] == "***"
    assert created.key not in json.dumps(line)


def test_what_is_undone_leaves_no_line(api: Api) -> None:
    """A5: a line is written once its change is committed."""
    called: list[int] = []
    with pytest.raises(ZeroDivisionError), db.transaction("test"):
        db.after_commit(lambda: called.append(1))
        raise ZeroDivisionError
    with db.transaction("test"):
        db.after_commit(lambda: called.append(2))
        assert called == []
    assert called == [2]


def test_the_audit_trail_outlives_the_users_it_names(api: Api, ana: client.Client) -> None:
    """A5."""
    ben = api.client(api.administrator("ben@example.com"))
    ben_id = ben.me().id
    ben.update_config({"retention_days": 30})
    ana.delete_user(ben_id)
    assert ana.audit()[0].user_email == "ben@example.com"
    assert ana.audit()[0].user_id == ben_id


def test_audit_trail_cannot_be_changed(api: Api, key: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert problem(api.request(method, "/audit", key=key))["status"] == 405


def test_messages_skipped_by_turning_notifications_off_are_counted_and_logged(
    api: Api, ana: client.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """D1, O3."""
    counter = metrics.NOTIFICATIONS.labels(notifications.SKIPPED, "notifications_off")._value
    before = counter.get()
    room = api.recipient("Help Desk", room=True)
    for _ in range(3):
        api.notification(room, notifications.PENDING)
    ana.update_config({"attempt_notify": False})
    assert counter.get() == before + 3
    assert "notifications are off: skipped 3 pending notifications, which will never be sent" in caplog.text
