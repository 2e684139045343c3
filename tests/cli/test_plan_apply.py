"""`tbot export`, `plan` and `apply` (M2)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.cli_runner import CliRunner

RULE = '\n[[rules]]\nname = "Escalation"\nall_boards = true\nassigned = true\nevents = ["priority"]\n'


@pytest.fixture
def file(cli: CliRunner, tmp_path: Path) -> Path:
    """Return a file with what the server holds, and one more rule."""
    cli.furnish()
    path = tmp_path / "tbot.toml"
    path.write_text(cli.tbot("export").out + RULE)
    return path


def test_a_plan_shows_differences_and_how_to_apply_them(cli: CliRunner, file: Path) -> None:
    planned = cli.tbot("plan", str(file))
    assert planned.status == 9
    assert "create rule Escalation (priority)\n    name: Escalation\n" in planned.out
    assert "    trial: With the rule: 0 notifications\n" in planned.out
    version = re.findall(rf"To apply this: tbot apply {file} --version=(\w+)\n", planned.out)[0]

    applied = cli.tbot("apply", str(file), f"--version={version}")
    assert (applied.status, applied.out.splitlines()[-1]) == (0, "Applied 1 change")
    assert "Escalation" in cli.tbot("list", "rules").out
    same = cli.tbot("plan", str(file))
    assert (same.status, same.out) == (0, "No differences\n")
    stale = cli.tbot("apply", str(file), f"--version={version}")
    assert (stale.status, stale.out) == (5, "")
    assert "run `tbot plan` again" in stale.err


def test_prune_deletes_what_the_file_does_not_name(cli: CliRunner, file: Path) -> None:
    file.write_text("")
    assert cli.tbot("plan", str(file)).status == 0
    planned = cli.tbot("plan", str(file), "--prune", "--json").print_json
    assert [each["action"] for each in planned["changes"]] == ["delete"] * 4
    applied = cli.tbot("apply", str(file), f"--version={planned['version']}", "--prune")
    assert (applied.status, applied.out.splitlines()[-1]) == (0, "Applied 4 changes")
    assert cli.tbot("list", "rules", "--json").print_json == []


def test_a_change_shows_old_and_new_values(cli: CliRunner, file: Path) -> None:
    file.write_text(file.read_text().replace("max_message_length = 300", "max_message_length = 500"))
    assert "update configuration\n    max_message_length: 300 > 500\n" in cli.tbot("plan", str(file)).out


def test_what_is_wrong_with_a_file_is_one_line(cli: CliRunner, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    assert cli.tbot("plan", str(path)).status == 1
    path.write_bytes(b"\xff")
    assert cli.tbot("plan", str(path)).status == 3
    path.write_text('[[rules]]\nboard = "Nowhere"\nassigned = true\n')
    done = cli.tbot("plan", str(path))
    assert (done.status, done.err) == (
        3,
        "tbot: The file is not valid: rule 1: board: there is no board named 'Nowhere'.\n",
    )
    path.write_text("[[rules]\n")
    assert "The file is not TOML" in cli.tbot("plan", str(path)).err
