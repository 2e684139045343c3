"""O10, O11: the settings of alerts, whose addresses are secrets, and the test alert."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.remote.rude_server import RudeServer, response
from tests.server.api_server import Api, problem, wrong_fields
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import holds, runtime_config
from ticketbot.simulators import faults

SECRET = "s3cr3t-path"
URL = f"https://pager.example.com/{SECRET}"


@pytest.mark.parametrize("name", runtime_config.SECRETS)
def test_an_address_is_shown_as_set_and_nowhere_in_full(name: str, api: Api, ana: client.Client, key: str) -> None:
    """A6, M3: also in the audit, and in a file."""
    assert getattr(ana.update_config({name: URL}), name) == "***"
    assert getattr(ana.config(), name) == "***"
    ana.update_config({name: f"{URL}/other"})
    ana.update_config({name: None})
    assert getattr(ana.config(), name) is None
    trail = [(entry.before[name], entry.after[name]) for entry in ana.audit() if entry.before and entry.after]
    assert trail == [(None, "***"), ("***", "***"), ("***", None)]
    ana.update_config({name: URL})
    for path in ("/config", "/audit", "/export"):
        assert SECRET not in api.request("GET", path, key=key).text


def test_sending_back_what_is_shown_changes_nothing(ana: client.Client) -> None:
    ana.update_config({"alert_url": URL})
    before = len(ana.audit())
    ana.update_config({"alert_url": "***", "heartbeat_url": None})
    assert len(ana.audit()) == before
    with db.session():
        assert runtime_config.load().alert_url == URL


def test_an_applied_file_keeps_the_addresses(ana: client.Client) -> None:
    """M3."""
    ana.update_config({"alert_url": URL})
    exported = ana.export()
    assert "# alert_url is set; it is a secret, and not exported" in exported
    plan = ana.plan(exported.replace("retention_days = 90", "retention_days = 7"))
    ana.apply(exported.replace("retention_days = 90", "retention_days = 7"), plan.version)
    with db.session():
        config = runtime_config.load()
    assert (config.alert_url, config.retention_days) == (URL, 7)


def test_a_file_names_the_recipient_of_alerts(api: Api, ana: client.Client) -> None:
    """M2."""
    room = api.recipient("Night Shift", room=True)
    ana.update_config({"alert_recipient_id": room})
    exported = ana.export()
    assert 'alert_recipient = "Night Shift"' in exported
    assert ana.plan(exported).changes == []
    without = exported.replace('alert_recipient = "Night Shift"', 'alert_recipient = "none"')
    ana.apply(without, ana.plan(without).version)
    assert ana.config().alert_recipient_id is None


@pytest.mark.parametrize(
    "bad", ["", "pager", "ftp://x/", "https://", "https://x y/", "https://x/\n", "http://u:p@x/", 7]
)
def test_what_is_no_address_is_refused_without_repeating_it(
    bad: object, api: Api, ana: client.Client, key: str
) -> None:
    answer = api.request("PUT", "/config", key=key, json={"alert_url": bad})
    assert wrong_fields(answer) == {"alert_url"}
    if isinstance(bad, str):
        assert "Give an address such as https://" in problem(answer)["errors"][0]["message"]


def test_a_test_alert_goes_to_the_recipient_and_the_address(api: Api, ana: client.Client, rude: RudeServer) -> None:
    rude.always(response({}))
    room = api.recipient("Night Shift", room=True)
    ana.update_config({"alert_recipient_id": room, "alert_url": f"{rude.url}/{SECRET}"})
    result = ana.test_alert()
    (message,) = api.webex.messages()
    assert (result.recipient_id, result.webex_message_id, result.posted) == (room, message.id, True)
    assert message.markdown.startswith("**Test alert**")
    assert [json.loads(each.body)["state"] for each in rude.received] == ["opened", "closed"]
    assert ana.audit()[-1].action == "test"


def test_a_test_alert_says_which_of_them_did_not_get_it(api: Api, ana: client.Client, rude: RudeServer) -> None:
    rude.always(response({}, "500 Oops"))
    api.webex.faults.add(faults.status(404))
    ana.update_config({"alert_recipient_id": api.recipient("Ops"), "alert_url": f"{rude.url}/{SECRET}"})
    result = ana.test_alert()
    assert (result.webex_message_id, result.posted) == (None, False)
    assert result.post_error == "alert_url: answered 500"
    assert "404" in (result.recipient_error or "")


def test_a_test_alert_during_a_hold_is_not_posted_and_says_until_when(api: Api, ana: client.Client) -> None:
    """L2."""
    now = api.clock.now()
    with db.transaction("hold"):
        holds.begin("webex", until=now + timedelta(minutes=10), now=now, reason="429")
    ana.update_config({"alert_recipient_id": api.recipient("Ops")})
    assert f"until {now + timedelta(minutes=10):%Y-%m-%d %H:%M:%S}Z" in (ana.test_alert().recipient_error or "")
    assert api.webex.messages() == []


def test_a_test_alert_can_go_to_the_address_alone(ana: client.Client, rude: RudeServer) -> None:
    rude.always(response({}))
    ana.update_config({"alert_url": f"{rude.url}/{SECRET}"})
    result = ana.test_alert()
    assert (result.recipient_id, result.recipient_error, result.posted, result.post_error) == (None, None, True, None)


def test_a_test_alert_without_anybody_to_get_it_is_a_conflict(api: Api, key: str) -> None:
    answer = api.request("POST", "/alerts/test", key=key)
    assert answer.status_code == 409
    assert "tbot update config --alert-recipient" in problem(answer)["detail"]
