"""The binary, alone in an empty directory."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment import World
from tests.servers import ServerProcess

BUILT = Path(__file__).parents[2] / "dist/tbot"


class Binary:
    """The packed program where nothing else is: no Python, no environment, no files but its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "tbot"
        shutil.copy(BUILT, self.path)

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run one command, with nothing in its environment but what is given."""
        return subprocess.run(
            [str(self.path), *arguments],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )


class PackedServer(ServerProcess):
    """`tbot serve` of the binary, with nothing in its environment but what is given."""

    def __init__(self, binary: Binary, environ: dict[str, str]) -> None:
        self.program = [str(binary.path)]
        super().__init__(environ)

    def inherited(self) -> dict[str, str]:
        return {}


@pytest.fixture
def binary(tmp_path: Path) -> Binary:
    """Return the binary, copied into an empty directory."""
    if not BUILT.exists():
        if "TBOT_TEST_BINARY" in os.environ:
            pytest.fail("dist/tbot is not built: make binary")
        pytest.skip("dist/tbot is not built: make binary")
    folder = tmp_path / "alone"
    folder.mkdir()
    return Binary(folder)


@pytest.fixture
def world(database: str) -> Iterator[World]:
    """Return simulated services whose server uses `database`, which is open for the test, too."""
    with World(database) as everything:
        yield everything
