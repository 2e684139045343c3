"""docs/moving.md: its commands work in their order, and what it shows is what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.importer.go_database import GoDatabase, version_1
from ticketbot.__main__ import main
from ticketbot.database import db

__all__ = ("version_1",)

PAGE = (Path(__file__).parents[2] / "docs/moving.md").read_text(encoding="utf-8")
URL = "postgresql://ticketbot:password@db.example.com/ticketbot"


def test_the_report_of_the_page_is_what_is_printed(
    sqlite: str, version_1: GoDatabase, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"TBOT_DATABASE_URL": sqlite, "TBOT_LOG_LEVEL": "error"}
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.M | re.S)
    commands = [line for language, block in blocks if not language for line in block.splitlines()]
    imports = [line for line in commands if line.startswith("tbot import")]
    assert [line.endswith("--dry-run") for line in imports] == [True, False]
    printed = []
    for line in imports:
        assert main([word.replace(URL, version_1.url) for word in shlex.split(line)[1:]], environ) == 0
        printed.append("".join(capsys.readouterr()))
    shown = [block for language, block in blocks if language == "text"]
    assert shown[0] == printed[0]
    assert re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ\n", "2026-03-02 09:00:00Z\n", printed[1]).endswith(shown[1])
    db.close_database()


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) < 150
