"""Silences over HTTP: what they name, their period and states, ending them, the audit (N3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.server.api_server import Api, wrong_fields
from ticketbot import errors
from ticketbot.api import client

UNTIL = "2026-03-02T18:00"  # it is 10:00 in Berlin


def _create(ana: client.Client, **more: Any) -> Any:
    return ana.create_silence(**{"until": UNTIL, "comment": "Patches", "company": "Contoso", **more})


def test_a_silence_is_added_changed_and_ended(api: Api, ana: client.Client) -> None:
    """N3, A5: it stays in the list."""
    board, recipient = api.board("Help"), api.recipient("Ben Bauer")
    silence = _create(ana, board_id=board, recipient_id=recipient, ticket_id=4711)
    assert (silence.board_name, silence.recipient_name, silence.ticket_id) == ("Help", "Ben Bauer", 4711)
    assert (silence.state, silence.created_by, silence.rule_id) == ("active", "ana@example.com", None)
    assert (silence.start, silence.until - silence.start) == (api.clock.now(), timedelta(hours=8))
    changed = ana.update_silence(silence.id, board_id=None, until="2026-03-02", comment="More patches")
    assert (changed.board_id, changed.until - changed.start) == (None, timedelta(hours=14))
    assert ana.update_silence(silence.id, comment="More patches") == changed
    api.clock.advance(hours=1)
    ana.delete_silence(silence.id)
    ended = ana.silence(silence.id)
    assert (ended.state, ended.until) == ("ended", api.clock.now())
    ana.delete_silence(silence.id)  # once more, which changes nothing
    assert ana.silences() == [ended]
    assert [(each.action, each.object) for each in ana.audit()] == [
        (action, "silence") for action in ("create", "update", "end")
    ]


def test_states_follow_the_clock(api: Api, ana: client.Client) -> None:
    """N3"""
    active = _create(ana)
    upcoming = _create(ana, start="2026-03-02T12:00")
    assert [row.id for row in ana.silences(state="active")] == [active.id]
    assert [row.id for row in ana.silences(state="upcoming")] == [upcoming.id]
    api.clock.advance(hours=8)
    assert len(ana.silences(state="ended")) == 2
    assert ana.update_silence(active.id, until="2026-03-03").state == "active"


def test_an_upcoming_silence_that_is_ended_never_starts(api: Api, ana: client.Client) -> None:
    upcoming = _create(ana, start="2026-03-02T12:00")
    ana.delete_silence(upcoming.id)
    ended = ana.silence(upcoming.id)
    assert (ended.state, ended.start, ended.until) == ("ended", api.clock.now(), api.clock.now())
    _create(ana, start="2026-03-02T12:00")
    assert ana.update_silence(2, start=None).state == "active"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"company": None}, "board_id"),
        ({"board_id": 99}, "board_id"),
        ({"recipient_id": 99}, "recipient_id"),
        ({"rule_id": 99}, "rule_id"),
        ({"start": "2026-03-02T19:00"}, "until"),
        ({"start": "2026-03-01", "until": "2026-03-01"}, "until"),
        ({"until": "soon"}, "until"),
        ({"comment": " "}, "comment"),
        ({"comment": None}, "comment"),
        ({"what": 1}, "what"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], field: str, api: Api, key: str) -> None:
    body = {"until": UNTIL, "comment": "Patches", "company": "Contoso", **given}
    response = api.request("POST", "/notifiers/silences", key=key, json=body)
    assert wrong_fields(response) == {field}


def test_a_silence_keeps_naming_something(ana: client.Client) -> None:
    silence = _create(ana)
    with pytest.raises(errors.InvalidInput):
        ana.update_silence(silence.id, company=None)
    assert ana.silence(silence.id) == silence
    with pytest.raises(errors.NotFound):
        ana.silence(77)


def test_nothing_is_matched_where_nothing_happened(ana: client.Client) -> None:
    """N3: tests/pipeline/test_silence_preview.py has the rest."""
    found = ana.preview_silence(company="Contoso")
    assert (found.days, found.events, found.matched, found.samples) == (7, 0, 0, [])
