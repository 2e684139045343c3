"""M2, M3: laws of configuration files, for whatever a server holds."""

from __future__ import annotations

import contextlib
import tomllib
from datetime import date, timedelta
from typing import Any

import hypothesis
from hypothesis import strategies as st

from tests.server.api_server import Api
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import recipients, silences, tickets
from ticketbot.present import toml_text
from ticketbot.simulators.webex import Webex

# Names that collide in either case, that look like something else, that are empty or hostile.
_NAMES = st.sampled_from(
    ["Help Desk", "help desk", "ana@example.com", "", "none", "a \"b\" \\ 'c'", "x\n[y]\x7f", "日本 🎉"]
)
_NUMBERS = st.integers(1, 4)
_CONDITIONS = st.sampled_from([None, "closed", 'summary == "it\'s"', "priority_sort <= 3"])
_EVENTS = st.lists(st.sampled_from(["new", "closed", "changed"]), min_size=1, max_size=3)
_DATES = st.none() | st.integers(-9, 9).map(lambda days: (date(2026, 3, 2) + timedelta(days)).isoformat())
_RULES = st.lists(
    st.fixed_dictionaries(
        {
            "board_id": st.none() | _NUMBERS,
            "recipient_id": st.none() | _NUMBERS,
            "name": st.none() | st.sampled_from(["A", "B", "none"]),
            "events": _EVENTS,
            "condition": _CONDITIONS,
            "dry_run": st.booleans(),
            "enabled": st.booleans(),
        }
    ),
    max_size=5,
)
_FORWARDS = st.lists(
    st.fixed_dictionaries(
        {
            "source_id": _NUMBERS,
            "destination_id": _NUMBERS,
            "start": _DATES,
            "end": _DATES,
            "keep_copy": st.booleans(),
            "public_only": st.booleans(),
        }
    ),
    max_size=4,
)
_TIMES = st.sampled_from(["00:00", "08:00", "18:30"])
_QUIET_HOURS = st.lists(
    st.fixed_dictionaries(
        {
            "recipient_id": st.none() | _NUMBERS,
            "days": st.lists(st.sampled_from(["mon", "wed", "sun"]), min_size=1, max_size=3, unique=True),
            "from_": _TIMES,
            "to": _TIMES,
            "timezone": st.sampled_from(["UTC", "America/New_York"]),
            "urgent": _CONDITIONS,
            "enabled": st.booleans(),
        }
    ),
    max_size=3,
)
_SILENCES = st.lists(
    st.fixed_dictionaries(
        {
            "board_id": st.none() | _NUMBERS,
            "ticket_id": st.none() | _NUMBERS,
            "company": st.none() | st.sampled_from(["Contoso", "x\ny"]),
            "recipient_id": st.none() | _NUMBERS,
            "until": st.sampled_from(["2026-03-09", "2026-03-09T08:00:00Z"]),  # the clock of the server is at March 2
            "comment": st.sampled_from(["Patches", 'a "b"']),
        }
    ),
    max_size=3,
)
_CONFIG = st.fixed_dictionaries(
    {},
    optional={
        "retention_days": st.integers(0, 3650),
        "assigned_events": st.lists(st.sampled_from(["new", "assigned"]), max_size=2),
        "require_board_rule": st.booleans(),
        "sync_schedule": st.sampled_from([None, "03:00"]),
    },
)
_CALM = st.tuples(_QUIET_HOURS, _SILENCES)
_VALUES = st.recursive(
    st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@hypothesis.given(st.dictionaries(st.from_regex("[a-z_]{1,9}", fullmatch=True), _VALUES, max_size=4))
def test_what_is_written_as_toml_is_read_back(values: dict[str, Any]) -> None:
    assert tomllib.loads(toml_text.table(values, dict.fromkeys(values, 7))) == values
    assert tomllib.loads(f"x = {toml_text.value(values)}") == {"x": values}


def test_a_plan_of_an_unchanged_server_is_empty_and_a_second_server_becomes_the_same(sqlite: str) -> None:
    api = Api(Webex())
    ana = api.client(api.administrator())

    @hypothesis.settings(max_examples=25, deadline=None, database=None)
    @hypothesis.given(st.tuples(*[_NAMES] * 4), st.tuples(*[_NAMES] * 4), _RULES, _FORWARDS, _CALM, _CONFIG)
    def law(boards: Any, rooms: Any, rules: Any, forwards: Any, calm: Any, config: Any) -> None:
        _furnish(ana, boards, rooms)
        _fill(ana, rules, forwards, *calm, config)
        exported = ana.export()
        assert ana.plan(exported, prune=True).changes == []
        _empty(ana)
        ana.apply(exported, ana.plan(exported).version)
        assert _without_ids(ana.export()) == _without_ids(exported)
        assert ana.plan(exported, prune=True).changes == []

    law()


def _furnish(ana: client.Client, boards: Any, rooms: Any) -> None:
    """Give boards and recipients other names."""
    _empty(ana)
    with db.transaction("test"):
        for number, (board, room) in enumerate(zip(boards, rooms, strict=True), 1):
            tickets.Board.insert(id=number, name=board).on_conflict_replace().execute()
            email = "ben@example.com" if number == 4 else None
            row = {"type": "room", "webex_id": str(number), "name": room, "email": email}
            sought = recipients.Recipient.webex_id == str(number)
            if not recipients.Recipient.update(row).where(sought).execute():
                recipients.Recipient.create(**row)


def _fill(ana: client.Client, rules: Any, forwards: Any, quiet_hours: Any, silenced: Any, config: Any) -> None:
    """Create what can be created."""
    for rule in rules:
        _if_allowed(lambda rule=rule: ana.create_rule(**rule))
    for forward in forwards:
        _if_allowed(lambda forward=forward: ana.create_forward(**forward))
    for hours in quiet_hours:
        _if_allowed(lambda hours=hours: ana.create_quiet_hour(**hours))
    for silence in silenced:
        _if_allowed(lambda silence=silence: ana.create_silence(**silence))
    ana.update_config(config)


def _if_allowed(create: Any) -> None:
    with contextlib.suppress(errors.Conflict, errors.InvalidInput):
        create()


def _empty(ana: client.Client) -> None:
    for rule in ana.rules():
        ana.delete_rule(rule.id)
    for forward in ana.forwards():
        ana.delete_forward(forward.id)
    for hours in ana.quiet_hours():
        ana.delete_quiet_hour(hours.id)
    with db.transaction("test"):
        silences.Silence.delete().execute()  # through the API they end, and stay
    ana.update_config({"retention_days": 90, "assigned_events": [], "require_board_rule": False, "sync_schedule": None})


def _without_ids(file: str) -> list[str]:
    return [line.partition("  #")[0] for line in file.splitlines()]
