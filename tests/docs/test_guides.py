"""What the guides tell an operator to type exists, and what they point to is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from ticketbot.cli import usage

ROOT = Path(__file__).parents[2]
GUIDES = [
    Path(name)
    for name in (
        "README.md",
        "SECURITY.md",
        "docs/install.md",
        "docs/first-hour.md",
        "docs/why.md",
        "docs/glossary.md",
        "docs/operations.md",
        "docs/monitoring.md",
        "docs/backup.md",
        "docs/architecture.md",
        "docs/rules.md",
        "docs/keys.md",
        "docs/threads.md",
        "docs/nights.md",
        "docs/panel.md",
        "docs/maintenance.md",
        "docs/code.md",
        "docs/moving.md",
        "docs/tui.md",
    )
]


def _commands(path: Path) -> Iterator[str]:
    """Yield each command line of tbot in a fenced block, or between backticks."""
    text = (ROOT / path).read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:sh)?\n(.*?)^```", text, re.M | re.S):
        yield from re.findall(r"^(?:dist/)?tbot\b.*", block, re.M)
    yield from re.findall(r"`(tbot [^`\n]*)`", text)


TYPED = sorted({(path.name, command) for path in GUIDES for command in _commands(path)})


@pytest.mark.parametrize(("guide", "command"), TYPED)
def test_command_of_a_guide_is_valid(guide: str, command: str) -> None:
    # A word in angle brackets stands for a value, as in the usage.
    words = shlex.split(re.sub(r"<[\w-]+>", "1", command).partition(" > ")[0], comments=True)[1:]
    before, name, rest = usage.split(words)
    assert name is None or usage.parse(name, rest, before)


def test_the_crontab_runs_commands_that_exist() -> None:
    lines = re.findall(r"^\d.*?tbot  (tbot .*)", (ROOT / "deploy/cron/tbot").read_text(), re.M)
    assert len(lines) == 2
    for line in lines:
        before, name, rest = usage.split(line.split()[1:])
        assert usage.parse(str(name), rest, before)["--quiet"]


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_every_make_target_of_a_guide_exists(guide: Path) -> None:
    targets = set(" ".join(re.findall(r"^([a-z][a-z -]*):(?!=)", (ROOT / "Makefile").read_text(), re.M)).split())
    text = (ROOT / guide).read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", text, re.M))
    assert named <= targets


@pytest.mark.parametrize("guide", GUIDES, ids=str)
def test_every_link_of_a_guide_leads_somewhere(guide: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / guide).read_text(encoding="utf-8"))
    missing = [each for each in targets if "://" not in each and not (ROOT / guide.parent / each).exists()]
    assert missing == []
