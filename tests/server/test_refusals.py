"""Refused access is counted by reason, and logged once per address and minute (A2)."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from tests.server.api_server import Api
from ticketbot import metrics
from ticketbot.api import client


def _count(reason: str) -> float:
    return metrics.REGISTRY.get_sample_value("tbot_auth_failures_total", {"reason": reason}) or 0.0


def test_each_reason_is_counted(api: Api, ana: client.Client) -> None:
    """A2, A7."""
    reasons = ("no_key", "wrong_key", "throttled", "scope", "expired_key")
    before = {reason: _count(reason) for reason in reasons}
    soon = api.clock.now() + timedelta(seconds=1)
    reader = ana.create_key(ana.me().id, scope="read").key
    expiring = ana.create_key(ana.me().id, expires_at=soon.isoformat()).key
    api.clock.advance(1)
    for key in ("", reader, expiring, *["wrong"] * 11):
        assert api.request("POST", "/users", key=key, json={}).status_code in {401, 403, 429}
    counted = {reason: _count(reason) - before[reason] for reason in reasons}
    assert counted == {"no_key": 1, "wrong_key": 10, "throttled": 1, "scope": 1, "expired_key": 1}


def test_one_line_per_address_and_minute(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """A2."""
    caplog.set_level(logging.WARNING)
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        api.request("GET", "/users", key="wrong", environ={"REMOTE_ADDR": address})
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(";")[0] for line in lines] == [
        "refused GET /users from 192.0.2.1: wrong key",
        "refused GET /users from 192.0.2.2: wrong key",
    ]
    assert not any("Bearer" in line for line in lines)
    api.clock.advance(60)
    api.request("GET", "/users", environ={"REMOTE_ADDR": "192.0.2.1"})
    assert "192.0.2.1: no key" in caplog.records[-1].getMessage()
