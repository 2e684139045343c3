"""Completion knows what the usage text knows."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from ticketbot.cli import completion, usage

COMPLETE = """
source /dev/stdin <<< "$SCRIPT"
compopt() { :; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
_tbot
echo "${COMPREPLY[*]}"
"""


def completed(*words: str) -> list[str]:
    """Return what bash offers for the last of some words, which it has split at `=`, too."""
    done = subprocess.run(
        ["bash", "-c", COMPLETE, "bash", *words],
        env={"SCRIPT": completion.script("bash"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["li"], ["list"]),
        (["list", "r"], ["rules", "recipients"]),
        (["list", "rules", "--j"], ["--json"]),
        (["list", "rules", "--l"], ["--limit=", "--log-level="]),
        (["--config", "x", "list", "us"], ["users"]),
        (["--config", "=", "x", "list", "us"], ["users"]),
        (["update", "rule", "1", "--enabled", "="], ["true", "false"]),
        (["update", "rule", "1", "--enabled", "=", "t"], ["true"]),
        (["list", "notifications", "--state", "de"], ["dead"]),
        (["create", "forward", "--keep-copy", "--st"], ["--start="]),
        (["delete", "key", "7", "--y"], ["--yes"]),
        (["sync", "st"], ["status"]),
        (["sync", "--no"], ["--no-wait"]),
        (["help", "ex"], ["explain"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["list", "rules", "--limit", ""], []),
    ],
    ids=str,
)
def test_bash_offers_what_can_follow(words: list[str], offered: list[str]) -> None:
    assert completed("tbot", *words) == offered


def test_bash_offers_every_command() -> None:
    assert completed("tbot", "") == list(usage.commands())


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_command_object_and_option_is_in_the_script_of_each_shell(shell: str) -> None:
    script = completion.script(shell)
    for place in completion.positions():
        for word in (*place.path.split(), *place.words):
            assert word.removeprefix("--").removesuffix("=") in script


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_that_is_here_understands_its_script(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    done = subprocess.run([shell, "-n"], input=completion.script(shell), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
