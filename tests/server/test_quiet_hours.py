"""Quiet hours over HTTP: whose, when, what is refused, the audit (N4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.api_server import Api, wrong_fields
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import messages

NIGHTS = {"days": ["fri", "mon"], "from_": "18:00", "to": "08:00"}
BODY = {"recipient_id": None, "days": ["mon"], "from": "18:00", "to": "08:00"}


def test_quiet_hours_are_added_changed_and_deleted(api: Api, ana: client.Client, key: str) -> None:
    """N4, A5."""
    ben = api.recipient("Ben Bauer")
    made = ana.create_quiet_hour(recipient_id=ben, urgent="priority_sort <= 1", **NIGHTS)
    assert (made.recipient_name, made.days, made.from_, made.to) == ("Ben Bauer", ["mon", "fri"], "18:00", "08:00")
    assert (made.timezone, made.enabled) == ("Europe/Berlin", True)
    shown = api.request("GET", f"/notifiers/quiet-hours/{made.id}", key=key).json()
    assert (shown["from"], shown["to"]) == ("18:00", "08:00")
    changed = ana.update_quiet_hour(made.id, recipient_id=None, from_="19:00", timezone="UTC", urgent=None)
    assert (changed.recipient_id, changed.from_, changed.timezone, changed.urgent) == (None, "19:00", "UTC", None)
    assert ana.update_quiet_hour(made.id, enabled=True) == changed
    assert not ana.update_quiet_hour(made.id, enabled=False).enabled
    ana.delete_quiet_hour(made.id)
    assert ana.quiet_hours() == []
    with pytest.raises(errors.NotFound):
        ana.quiet_hour(made.id)
    assert [each.action for each in ana.audit()] == ["create", "update", "update", "delete"]
    assert (ana.audit()[0].after or {})["from"] == "18:00"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"recipient_id": 99}, "recipient_id"),
        ({"days": []}, "days"),
        ({"days": ["someday"]}, "days[0]"),
        ({"from": "24:00"}, "from"),
        ({"to": "8:00"}, "to"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"urgent": "priorty_sort <= 1"}, "urgent"),
        ({"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "to": "18:00"}, "days"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], field: str, api: Api, key: str) -> None:
    response = api.request("POST", "/notifiers/quiet-hours", key=key, json=BODY | given)
    assert wrong_fields(response) == {field}
    assert api.request("GET", "/notifiers/quiet-hours", key=key).json() == []


def test_several_together_may_not_leave_a_week_without_any_other_time(ana: client.Client) -> None:
    """N4: those that are disabled or of others do not count."""
    everyday = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    ana.create_quiet_hour(recipient_id=None, days=everyday, from_="18:00", to="08:00")
    other = ana.create_quiet_hour(recipient_id=None, days=everyday, from_="08:00", to="18:00", enabled=False)
    with pytest.raises(errors.InvalidInput) as refused:
        ana.update_quiet_hour(other.id, enabled=True)
    assert "together with quiet hours 1" in str(refused.value.errors[0].message)
    assert ana.quiet_hour(other.id) == other


def test_the_source_of_a_forward_is_told_after_its_quiet_hours_and_not_in_a_silence(
    api: Api, ana: client.Client
) -> None:
    """F8, L8."""
    ben, cora = api.recipient("Ben Bauer"), api.recipient("Cora Chen")
    ana.create_quiet_hour(recipient_id=ben, days=["mon"], from_="08:00", to="12:00")
    ana.create_forward(ben, cora)
    with db.session():
        (waiting,) = messages.Message.select()
    assert (waiting.due_at - api.clock.now()).total_seconds() == 2 * 3600  # at 12:00 in Berlin
    ana.create_silence(recipient_id=ben, until="2026-03-03", comment="Vacation")
    ana.update_forward(1, keep_copy=True)
    with db.session():
        assert messages.Message.select().count() == 1
