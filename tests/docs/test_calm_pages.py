"""docs/nights.md and docs/maintenance.md: their commands work, in their order."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

from tests.cli.cli_runner import CliRunner
from ticketbot.cli import usage
from ticketbot.database import db
from ticketbot.models import quiet_hours, recipients, rules, silences, tickets

DOCS = Path(__file__).parents[2] / "docs"


def _furnish() -> None:
    with db.transaction("test"):
        board = tickets.Board.create(id=1, name="Service Desk")
        for name in ("Help Desk", "Ana Alvarez", "Ben Bauer"):
            kind = recipients.ROOM if name == "Help Desk" else recipients.PERSON
            recipients.Recipient.create(type=kind, webex_id=name, name=name)
        rules.Rule.create(board=board, recipient=1, created_at=datetime.now(UTC))


def _run(cli: CliRunner, page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    assert len(text.splitlines()) < 150
    for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
        for line in block.splitlines():
            done = cli.tbot(*shlex.split(line)[1:])
            assert done.status == 0, f"{line}\n{done}"


def test_nights_and_holidays(cli: CliRunner) -> None:
    """N4"""
    _furnish()
    _run(cli, "nights.md")
    with db.session():
        rows = list(quiet_hours.QuietHours.select().order_by(quiet_hours.QuietHours.id))
    assert [row.id for row in rows] == [1, 2, 3, 5, 6]
    assert (rows[0].urgent, rows[3].timezone) == ("priority_sort <= 1", "America/New_York")


def test_a_maintenance_window(cli: CliRunner) -> None:
    """N3: every way to name something in the table is an option, and the one silence is ended."""
    _furnish()
    _run(cli, "maintenance.md")
    with db.session():
        (row,) = silences.Silence.select()
    assert (row.company, row.comment) == ("Contoso", "Server move, second night")
    assert row.until <= datetime.now(UTC)
    options = re.findall(r"`(--[a-z-]+)=", (DOCS / "maintenance.md").read_text(encoding="utf-8"))
    known = {name.partition("=")[0] for name in usage.options("create", "silence")}
    assert set(options) <= known
