"""docs/rules.md: its commands do what it says, in their order, and it names every event and field there is."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from tests.cli.cli_runner import CliRunner
from ticketbot.api import responses
from ticketbot.database import db
from ticketbot.decide import condition_fields
from ticketbot.models import recipients, rules, tickets

PAGE = (Path(__file__).parents[2] / "docs/rules.md").read_text(encoding="utf-8")
TYPED = [line for block in re.findall(r"^```\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]


def _furnish() -> None:
    with db.transaction("test"):
        tickets.Board.create(id=1, name="Service Desk")
        for number, name in enumerate(("Help Desk", "Night Shift", "Ben Bauer")):
            kind = recipients.PERSON if name == "Ben Bauer" else recipients.ROOM
            recipients.Recipient.create(type=kind, webex_id=str(number), name=name)
        tickets.Ticket.create(id=1234, summary="Printer on fire", stored_at=datetime.now(UTC))


def test_the_commands_of_the_page_work_in_their_order(cli: CliRunner) -> None:
    _furnish()
    for line in TYPED:
        done = cli.tbot(*shlex.split(line)[1:])
        assert done.status == 0, f"{line}\n{done}"
    with db.session():
        made = list(rules.Rule.select().order_by(rules.Rule.id))
    assert len(made) == 10
    assert [row.id for row in made if row.dry_run] == [10]


def test_the_page_names_every_event_and_every_field() -> None:
    assert set(get_args(responses.RuleEvent)) <= set(re.findall(r"`(\w+)`", PAGE))
    fields = PAGE[PAGE.index("| fields |") :]
    named = set(re.findall(r"[`, ]([a-z_.]+)(?=[`, ])", fields))
    assert {name for name in condition_fields.names() if not name.startswith("old.")} <= named
    assert set(condition_fields.OLD) <= set(re.findall(r"\w+", fields[fields.index("the values before it") :]))


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) < 150
