"""Completion: the function that knows what can follow, and real shells in a terminal that call it."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.cli_runner import CliRunner, clean_environ
from tests.tui.terminal_emulator import Terminal
from ticketbot.cli import completion, usage
from ticketbot.cli.commands import completion as stubs

AWAY = {"TBOT_BASE_URL": "http://127.0.0.1:9", "TBOT_API_KEY": "tbot_x_y_z"}


def offered(*words: str, environ: Mapping[str, str] = AWAY) -> list[str]:
    """Return what is offered for the last of some words."""
    return list(completion.candidates(words, environ))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["li"], ["list"]),
        (["nonsense", ""], []),
        (["list", "r"], ["rules", "recipients"]),
        (["list", "rules", "--j"], ["--json"]),
        (["list", "rules", "--l"], ["--limit=", "--log-level="]),
        (["list", "rules", "--json", "--j"], []),
        (["--config", "x", "list", "us"], ["users"]),
        (["--config", "=", "x", "list", "us"], ["users"]),
        (["--log-level=de"], ["--log-level=debug"]),
        (["update", "rule", "1", "--enabled", "="], ["--enabled=true", "--enabled=false"]),
        (["update", "rule", "1", "--enabled", "=", "t"], ["--enabled=true"]),
        (["update", "rule", "1", "--enabled", "t"], ["true"]),
        (["list", "notifications", "--state", "de"], ["dead"]),
        (["list", "forwards", "--state=e"], ["--state=expired"]),
        (["list", "forwards", "--state=d"], ["--state=disabled"]),
        (["create", "forward", "--keep-copy", "--st"], ["--start="]),
        (["create", "rule", "--so"], []),
        (["delete", "key", "7", "--y"], ["--yes"]),
        (["sync", "st"], ["status"]),
        (["sync", "--no"], ["--no-wait"]),
        (["help", "ex"], ["explain", "export"]),
        (["help", "create", "r"], ["rule"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["list", "rules", "--limit", ""], []),
        (["list", "rules", "rules"], []),
        (["get", "board", "1", "2"], []),
        (["create", "rule", "--when", "'closed and priority_s"], ["closed and priority_sort"]),
        (["create", "rule", "--when", "'company == \""], []),
    ],
    ids=str,
)
def test_completions_are_offered_without_a_server(words: list[str], expected: list[str]) -> None:
    assert offered(*words) == expected


def test_every_command_is_offered_with_its_summary() -> None:
    found = completion.candidates([""], {})
    assert list(found) == usage.names()
    assert found["sync"] == "Sync external data"


def test_files_are_offered_as_configuration(tmp_path: Path) -> None:
    (tmp_path / "tbot.toml").write_text("")
    assert offered(f"--config={tmp_path}/tb") == [f"--config={tmp_path}/tbot.toml"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("get board ", {"1": "Service Desk"}),
        ("get board Ser", {"Service Desk": "board 1"}),
        ("delete rule ", {"1": "Service Desk > Help Desk"}),
        ("create rule --board=", {"--board=Service Desk": "board 1"}),
        ("create rule --board-id=", {"--board-id=1": "Service Desk"}),
        ("create rule --recipient=hel", {"--recipient=Help Desk": "recipient 1"}),
        ("create forward --source ben", {"Ben Help Desk": "recipient 2"}),
        ("create key --user-id=", {"--user-id=1": "Ana Alvarez <ana@example.com>"}),
        ("explain ", {"1234": "Help Desk"}),
        ("retry ", {"1": "to Help Desk about ticket 1234"}),
        ("test 2", {"2": "Ben Help Desk (ben@example.com)"}),
    ],
)
def test_ids_and_names_come_from_the_server(cli: CliRunner, line: str, expected: dict[str, str]) -> None:
    cli.furnish()
    assert completion.candidates(line.split(" "), cli.environ) == expected


def test_a_condition_is_completed_with_what_the_server_has_seen(cli: CliRunner) -> None:
    """R4"""
    cli.furnish()
    words = ("create", "rule", "--when='closed and board == \"serv")
    assert offered(*words, environ=cli.environ) == ['--when=closed and board == "Service Desk"']


@pytest.mark.parametrize("word", ['"Ben H', "'Ben H", "Ben\\ H", "Ben\\"])
def test_name_started_in_quotes_is_completed(cli: CliRunner, word: str) -> None:
    cli.furnish()
    assert offered("test", word, environ=cli.environ) == ["Ben Help Desk"]


def test_hostile_name_is_harmless_in_a_terminal(cli: CliRunner) -> None:
    cli.furnish("\x1b[2J\n")
    done = cli.tbot("__complete", "--", "tbot", "get", "recipient", "")
    assert (done.status, done.err) == (0, "")
    assert "\x1b" not in done.out
    assert sorted(line.partition("\t")[0] for line in done.out.splitlines()) == ["1", "2"]


SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(tbot completion bash)"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source <(tbot completion zsh)"),
    "fish": (["fish", "--no-config", "--private"], "tbot completion fish | source"),
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, cli: CliRunner, tmp_path: Path) -> Terminal:
    """Return a shell in a terminal, with completion for the `tbot` that calls our server."""
    name = request.param
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name} here")
    cli.furnish()
    tbot = tmp_path / "bin" / "tbot"
    tbot.parent.mkdir()
    tbot.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(Path.cwd()))} exec {sys.executable} -m ticketbot "$@"\n')
    tbot.chmod(0o755)
    program, setup = SHELLS[name]
    environ = clean_environ()
    environ = {
        **environ,
        **cli.environ,
        "PATH": f"{tbot.parent}:{environ['PATH']}",
        "HOME": str(tmp_path),
        "PS1": "$ ",
    }
    terminal = Terminal([str(shutil.which(program[0])), *program[1:]], environ)
    terminal.press(f"{setup}; echo re''ady", "enter").see("ready\n")
    return terminal


def test_tab_completes_commands_topics_options_values_and_names(shell: Terminal) -> None:
    with shell as terminal:
        terminal.press("tbot li", "tab").see("tbot list\n")
        terminal.press("notifi", "tab").see("tbot list notifications\n")
        terminal.press("--sta", "tab").see("--state=")
        terminal.press("de", "tab").see("--state=dead")
        terminal.press("ctrl u", "tbot get board ", "tab").see("tbot get board 1")
        terminal.press("ctrl u", "tbot create rule --board=Ser", "tab").see("--board=Service\\ Desk")


def test_completed_command_runs(shell: Terminal) -> None:
    with shell as terminal:
        terminal.press("tbot get recipient Be", "tab").see("Help")
        terminal.press("enter").see("ben@example.com")


@pytest.mark.parametrize("name", stubs.SHELLS)
def test_a_stub_is_printed_without_settings(cli: CliRunner, name: str) -> None:
    done = cli.tbot("completion", name, TBOT_PORT="nonsense")
    assert (done.status, done.out, done.err) == (0, stubs.SHELLS[name], "")
