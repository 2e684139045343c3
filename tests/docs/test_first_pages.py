"""docs/first-hour.md and docs/why.md: their commands work in their order, and the answers are those of the program."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from tests.cli.cli_runner import CliRunner
from tests.tui import seed
from ticketbot.database import db
from ticketbot.decide.reasons import Code, Reason
from ticketbot.models import rules
from ticketbot.present import reasons

DOCS = Path(__file__).parents[2] / "docs"
TOLD = {
    "rule_disabled": Reason("rule_disabled", (3,)),
    "condition": Reason("condition", (3,), ("priority_sort", "5")),
    "forward": Reason("forward", (1,), ("Ana", "Cora")),
    "quiet_hours": Reason("quiet_hours", (2,)),
    "silenced": Reason("silenced", (4,), ("...",)),
    "no_account": Reason("no_account", (), ("...",)),
    "history": Reason("history", (), ("...",)),
}
"""Reasons whose text holds values, as the page writes them."""


@pytest.mark.parametrize("page", ["first-hour", "why"])
def test_commands_of_the_page_work_in_their_order(cli: CliRunner, page: str) -> None:
    seed.fill(datetime.now(UTC), cli.world.webex)
    with db.transaction("test"):
        rules.Rule.delete().execute()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (DOCS / f"{page}.md").read_text(encoding="utf-8"), re.M | re.S)
    for language, block in blocks:
        for line in () if language else block.splitlines():  # those with a language want a shell, or a terminal
            done = cli.tbot(*(word.replace("1234", "4711") for word in shlex.split(line)[1:]))
            assert done.status == 0, f"{line}\n{done}"


def test_answers_are_those_of_the_program() -> None:
    page = (DOCS / "why.md").read_text(encoding="utf-8")
    table = page[page.index("| it says |") : page.index("## It was decided")]
    said = re.findall(r"`([^`]+)`", "".join(row.split("|")[1] for row in table.strip().splitlines()[2:]))
    given = {code: Reason(code, (1,), () if code == "author" else ("...", "...", "...")) for code in get_args(Code)}
    known = {reasons.text([reason]) for reason in (given | TOLD).values()}
    for each in said:
        words = each.replace(": ...", "")
        assert any(words in text or text.startswith(words) for text in known), each


@pytest.mark.parametrize("page", ["first-hour", "why", "glossary"])
def test_the_page_is_short(page: str) -> None:
    assert len((DOCS / f"{page}.md").read_text(encoding="utf-8").splitlines()) < 150
