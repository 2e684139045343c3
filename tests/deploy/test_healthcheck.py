"""The health check of the container image, against a real server and against none."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest

from tests.deploy.test_check import ROOT
from tests.environment import World
from tests.servers import ServerProcess

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="it needs bash, as the image has it")


@pytest.fixture
def world(sqlite: str) -> Iterator[World]:
    with World(sqlite) as everything:
        yield everything


def _status(port: int | str) -> int:
    environ = {"TBOT_PORT": str(port), "HEALTHCHECK_WITHIN_S": "0.2", "PATH": ""}
    return subprocess.run(
        ["/bin/bash", ROOT / "deploy/healthcheck.sh"], env=environ, check=False, timeout=10
    ).returncode


def test_a_server_that_answers_is_healthy_on_whatever_port_it_listens(world: World) -> None:
    with ServerProcess(world.environ()) as server:
        port = server.url.rpartition(":")[2]
        assert _status(port) == 0
    assert _status(port) == 1


def test_a_server_that_accepts_and_does_not_answer_is_unhealthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert _status(silent.getsockname()[1]) != 0


@pytest.mark.parametrize("file", ["deploy/.env", "deploy/secrets/webex_token"])
def test_secrets_beside_the_compose_file_are_never_committed(file: str) -> None:
    """The guide has them written there."""
    subprocess.run(["git", "-C", ROOT, "check-ignore", "--quiet", file], check=True)
