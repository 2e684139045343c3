"""The one file runs where nothing is installed: in a bare Debian root, which `TBOT_TEST_BARE_ROOT` names.

As root: `debootstrap --variant=minbase bookworm /tmp/bare && make test-binary` with `TBOT_TEST_BARE_ROOT=/tmp/bare`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.package.conftest import Binary

ROOT = os.environ.get("TBOT_TEST_BARE_ROOT", "")

pytestmark = pytest.mark.skipif(not ROOT, reason="TBOT_TEST_BARE_ROOT names no bare Debian root")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def in_bare_root(binary: Binary) -> Iterator[Run]:
    """Return how to run the binary inside, with nothing in its environment."""
    folder = Path(ROOT) / "opt/alone"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(binary.path, folder / "tbot")
    chroot = shutil.which("chroot") or "/usr/sbin/chroot"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [chroot, ROOT, "/opt/alone/tbot", *arguments]
        return subprocess.run(command, env={}, capture_output=True, text=True, timeout=120, check=False)

    yield run
    shutil.rmtree(folder)


def test_demo_runs_without_python_certificates_or_time_zones(in_bare_root: Run) -> None:
    """O7."""
    assert not list(Path(ROOT).glob("usr/bin/python3*"))
    done = in_bare_root("demo", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "That is exactly what should have happened." in done.stdout


@pytest.mark.parametrize("command", ["version", "--help", "config", "migrate --status"])
def test_command_without_a_server_works(in_bare_root: Run, command: str) -> None:
    done = in_bare_root(*command.split())
    assert done.returncode == 0, done.stdout + done.stderr
