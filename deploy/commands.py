"""Run the programs of others for what is deployed, and say in a line what went wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ticketbot import errors

ROOT = Path(__file__).parents[1]


def run(*command: str, why: str = "", shows: bool = True) -> str:
    """Run a command; what it says is shown, or returned. Raises `Unreachable` when it fails."""
    is_quiet = bool(why) or not shows
    done = subprocess.run(command, cwd=ROOT, check=False, text=True, capture_output=is_quiet)
    if done.returncode:
        last = (done.stderr or "").strip().splitlines()[-1:]
        named = " ".join([word for word in command if not word.startswith("-")][:3])
        raise errors.Unreachable(why or f"`{named}` failed: {''.join(last) or 'see above'}")
    return done.stdout or ""


def need(tools: Mapping[str, str]) -> None:
    """Raise `SettingsError` if one of some programs, each with how to get it, is not on this machine."""
    for name, how in tools.items():
        if shutil.which(name) is None:
            raise errors.SettingsError(f"There is no {name} on this machine. Install it: {how}")


def built_from() -> str:
    """Return commit and date of this checkout, for `tbot version`."""
    asked = ("git", "show", "--no-patch", "--format=%h %cs", "HEAD")
    known = shutil.which("git") and subprocess.run(asked, cwd=ROOT, check=False, text=True, capture_output=True).stdout
    return (known or "").strip() or "an unknown commit"


def say(text: str) -> None:
    """Tell whoever waits what is going on."""
    print(text, file=sys.stderr, flush=True)


def finish(task: Callable[[], None]) -> int:
    """Do what is asked and return the exit status; whatever goes wrong is told in a line."""
    try:
        task()
    except errors.TicketbotError as error:
        for line in str(error).split("\n"):
            say(f"deploy: {line.rstrip('.')}.")
        return error.exit_status
    return 0
