"""What follows from the usage text is current, complete, and what it shows can be typed."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from docs import generate_commands
from ticketbot import errors
from ticketbot.cli import usage
from ticketbot.present import documents


@pytest.mark.parametrize("path", generate_commands.pages(), ids=str)
def test_a_written_page_is_current(path: Path) -> None:
    """Otherwise: `make docs`."""
    assert (generate_commands.ROOT / path).read_text(encoding="utf-8") == generate_commands.pages()[path]


def test_every_command_has_its_section_with_all_its_options() -> None:
    page = generate_commands.pages()[Path("docs/cli.md")]
    for command in usage.names():
        section = page.partition(f"\n## tbot {command}\n")[2].partition("\n## ")[0]
        used = set(re.findall(r"--[a-z-]+", " ".join(usage.patterns(command))))
        of_all = set(re.findall(r"--[a-z-]+", usage.OPTIONS))
        assert used <= set(re.findall(r"^  (--[a-z-]+)", section, re.M)) | of_all


@pytest.mark.parametrize("line", re.findall(r"^  tbot .*", "".join(map(usage.examples, usage.names())), re.M))
def test_example_is_a_valid_command_line(line: str) -> None:
    _, command, *words = shlex.split(line.partition(" > ")[0])
    assert usage.parse(command, words, {})


def test_the_exit_statuses_are_those_of_the_errors() -> None:
    classes = [errors.TicketbotError]
    for each in classes:
        classes += each.__subclasses__()
    assert {each.exit_status for each in classes} | {0, 9, 130} == set(usage.EXIT_STATUSES)


def test_every_document_is_described_by_a_schema() -> None:
    known = set(generate_commands.schemas()["$defs"])
    named = set(re.findall(r"`(\w+)` \|$", generate_commands.pages()[Path("docs/json.md")], re.M))
    assert len(named) > 15
    assert named <= known
    assert len(documents.DOCUMENTS) == generate_commands.pages()[Path("docs/json.md")].count("\n| `tbot ")


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff here to read it")
def test_the_manual_is_read_without_a_warning() -> None:
    manual = generate_commands.ROOT / "docs/tbot.1"
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", manual], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert "Interrupted" in done.stdout
