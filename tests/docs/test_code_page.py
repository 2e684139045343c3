"""docs/code.md: its file can be applied, its commands work, and what it shows is what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.cli_runner import CliRunner
from ticketbot.database import db
from ticketbot.models import events, recipients

PAGE = (Path(__file__).parents[2] / "docs/code.md").read_text(encoding="utf-8")
VERSION = "0a1b2c3d4e5f6071"


def test_the_plan_of_the_page_is_what_is_printed(
    cli: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli.furnish()
    with db.transaction("test"):
        events.Event.update(state="done").execute()
    rule = '\n[[rules]]\nname = "Escalation"\nall_boards = true\nassigned = true\nevents = ["priority"]\n'
    Path("tbot.toml").write_text(cli.tbot("export").out + rule)
    printed = cli.tbot("plan", "tbot.toml").out
    shown = re.findall(r"^```text\n(.*?)^```", PAGE, re.M | re.S)[0]
    assert re.sub(r"version=\w+", f"version={VERSION}", printed) == shown


def test_the_file_of_the_page_can_be_applied(cli: CliRunner, tmp_path: Path) -> None:
    cli.furnish()
    with db.transaction("test"):
        recipients.Recipient.create(type="person", webex_id="a", name="Ana", email="ana.alvarez@msp.example")
        recipients.Recipient.update(name="Ben Bauer").where(recipients.Recipient.webex_id == "p").execute()
    file = tmp_path / "tbot.toml"
    file.write_text(re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)[0])
    planned = cli.tbot("plan", str(file), "--json").print_json
    assert [change["action"] for change in planned["changes"]] == ["update", "create", "create", "create", "create"]
    assert cli.tbot("apply", str(file), f"--version={planned['version']}").status == 0


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) < 150
