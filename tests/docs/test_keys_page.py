"""docs/keys.md: its commands work, in their order (A7)."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.cli_runner import CliRunner
from ticketbot.database import db
from ticketbot.models import api_keys

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"


def test_keys_are_made_with_scope_and_expiry_and_deleted(cli: CliRunner) -> None:
    """A7."""
    for block in re.findall(r"^```\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S):
        for line in block.splitlines():
            done = cli.tbot(*shlex.split(line)[1:])
            assert done.status == 0, f"{line}\n{done}"
    with db.session():
        rows = list(api_keys.ApiKey.select().order_by(api_keys.ApiKey.id))
    assert [(row.scope, row.expires_at is not None) for row in rows] == [("admin", False), ("read", False)]
