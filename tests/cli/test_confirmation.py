"""On a terminal a delete asks first, however its output is redirected; without a terminal it never does."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path

import pytest

from tests.cli import cli_runner
from tests.cli.cli_runner import CliRunner, clean_environ
from tests.tui.terminal_emulator import Terminal
from ticketbot import errors
from ticketbot.cli.output import Output, Streams

QUESTION = "Delete rule 1 (Service Desk > Help Desk)? [y/N]"


def in_a_terminal(cli: CliRunner, shell_line: str, directory: Path) -> Terminal:
    """Run a line of shell, in which `tbot` is this program, in a real terminal."""
    tbot = shlex.join([sys.executable, "-m", "ticketbot"])
    script = f"cd {shlex.quote(str(directory))}; {shell_line.replace('tbot ', f'{tbot} ', 1)}"
    environ = {**clean_environ(), **cli.environ, "PYTHONPATH": str(Path.cwd())}
    return Terminal(["/bin/sh", "-c", script], environ)


@pytest.mark.parametrize("redirections", ["", "2>err", ">out", ">out 2>err"])
def test_with_any_redirection_a_delete_on_a_terminal_waits_for_a_yes(
    cli: CliRunner, tmp_path: Path, redirections: str
) -> None:
    cli.furnish()
    with in_a_terminal(cli, f"tbot delete rule 1 {redirections}", tmp_path) as terminal:
        terminal.see(QUESTION)
        terminal.press("n", "enter")
        assert terminal.ended() == 1
    assert cli.tbot("get", "rule", "1").status == 0


def test_a_yes_at_the_terminal_deletes_and_the_redirected_output_holds_no_question(
    cli: CliRunner, tmp_path: Path
) -> None:
    cli.furnish()
    with in_a_terminal(cli, "tbot delete rule 1 --json >out 2>err", tmp_path) as terminal:
        terminal.see(QUESTION)
        terminal.press("y", "enter")
        assert terminal.ended() == 0
    assert (tmp_path / "out").read_text().startswith("{")
    assert (tmp_path / "err").read_text() == "Deleted rule 1 (Service Desk > Help Desk)\n"
    assert cli.tbot("get", "rule", "1").status == 4


def test_a_delete_whose_input_is_a_pipe_does_not_ask(cli: CliRunner, tmp_path: Path) -> None:
    cli.furnish()
    with in_a_terminal(cli, "echo n | tbot delete rule 1", tmp_path) as terminal:
        assert terminal.ended() == 0
        assert "[y/N]" not in terminal.screen
    assert cli.tbot("get", "rule", "1").status == 4


def test_a_terminal_that_cannot_show_the_question_refuses_the_delete() -> None:
    without_a_device = Streams(cli_runner.Terminal("y\n"), io.StringIO(), io.StringIO())
    with pytest.raises(errors.TicketbotError, match="Add --yes"):
        Output({}, without_a_device).confirm("Delete rule 1?")
