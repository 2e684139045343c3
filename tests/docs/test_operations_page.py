"""docs/operations.md: the table of problems is that of the code (O10)."""

from __future__ import annotations

import re
from pathlib import Path

from ticketbot.decide import problems

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_the_table_of_problems_has_each_with_the_command_that_helps() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("## What it reports by itself")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(.*)` \|$", section, re.M)
    assert rows == [(row.name, row.command) for row in problems.PROBLEMS]
