"""The container image, built by `make image`: started, sent a webhook, stopped (O15)."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deploy import image
from tests.deploy.test_check import ROOT
from tests.environment import World, post_webhook, wait_for
from tests.servers import ServerProcess

IN_IMAGE = "sqlite:////data/tbot.db"


class Container:
    """One container of the image: with Docker where that has built it, else with buildah."""

    def __init__(self) -> None:
        self.docker = image.has_docker()
        self.name = "" if self.docker else _buildah("from", "--pull=never", image.NAME)

    def command(self, environ: Mapping[str, str], *arguments: str) -> list[str]:
        """Return what runs the entry point of the image on the network of this machine."""
        given = [f"--env={name}={value}" for name, value in environ.items()]
        if self.docker:
            return ["docker", "run", "--rm", "--network=host", *given, image.NAME, *arguments]
        entry = image.config()["Entrypoint"]
        return [*image.BUILDAH, "run", image.ISOLATION, *given, self.name, "--", *entry, *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the program to its end."""
        return subprocess.run(self.command({}, *arguments), check=False, text=True, capture_output=True, timeout=120)


class ContainerServer(ServerProcess):
    """`tbot serve` in a container."""

    def __init__(self, container: Container, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self._container = container

    def start(self) -> None:
        """Start the container without waiting for it."""
        given = {name: value for name, value in self._environ.items() if name.startswith("TBOT_")}
        command = self._container.command(given, "serve")
        self.process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def terminate(self) -> int:
        """Send SIGTERM to the program as `docker stop` does, and return how it ended; buildah would kill it."""
        assert self.process is not None
        program = self.process.pid if self._container.docker else _program_below(self.process.pid)
        os.kill(program, signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """Return a container; without an image there is nothing to test, unless it was asked for."""
    if "TBOT_TEST_IMAGE" not in os.environ:
        pytest.skip("it takes minutes to build the image: make image test-image")
    if not image.has_docker() and shutil.which("buildah") is None:
        pytest.skip("there is neither Docker nor buildah here")
    made = Container()
    yield made
    if not made.docker:
        _buildah("rm", made.name)


def _make(folder: Path, **tools: str) -> subprocess.CompletedProcess[str]:
    """Build the image with nothing on the path but some scripts."""
    for name, script in tools.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    command = [sys.executable, "-m", "deploy.image"]
    return subprocess.run(command, cwd=ROOT, env={"PATH": str(folder)}, check=False, text=True, capture_output=True)


def test_docker_builds_it_where_its_daemon_answers(tmp_path: Path) -> None:
    done = _make(tmp_path, docker=f'echo "$@" >> {tmp_path}/calls', buildah="exit 1")
    assert done.returncode == 0, done.stderr
    assert "build --file=deploy/Dockerfile --tag=ticketbot --build-arg=" in (tmp_path / "calls").read_text()


@pytest.mark.parametrize("tools", [{}, {"docker": "exit 1"}])
def test_without_docker_and_buildah_it_says_what_to_install(tools: dict[str, str], tmp_path: Path) -> None:
    done = _make(tmp_path, **tools)
    assert done.returncode == 2
    assert done.stderr == (
        "deploy: There is no buildah on this machine. Install it: apt-get install buildah, or start Docker.\n"
    )


def test_base_images_that_cannot_be_pulled_are_named(tmp_path: Path) -> None:
    done = _make(tmp_path, buildah="exit 125")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"{image.bases()[0]} cannot be pulled. Using stand-ins made with debootstrap: good for tests only",
        "deploy: There is no debootstrap on this machine. Install it: apt-get install debootstrap.",
    ]


def test_the_program_runs_in_the_image(container: Container) -> None:
    done = container.run("version")
    assert done.stdout.startswith("tbot "), done


def test_the_demo_runs_in_the_image(container: Container) -> None:
    """O7."""
    done = container.run("demo", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "That is exactly what should have happened." in done.stdout


def test_a_webhook_becomes_a_message_and_sigterm_stops_the_container(container: Container) -> None:
    """O4, W3: the health check of the image follows TBOT_PORT."""
    with World(IN_IMAGE) as world, ContainerServer(container, world.environ(TBOT_LOG_FORMAT="json")) as server:
        ticket = world.connectwise.add_ticket(world.board, "Printer on fire", resources=["ana"], notify=False)
        assert post_webhook(server.url, world, world.connectwise.webhook_body(ticket)).ok
        assert wait_for(lambda: len(world.webex.messages()) == 1), server.log()
        assert "Printer on fire" in world.webex.messages()[0].markdown
        port = {"TBOT_PORT": server.url.rpartition(":")[2], "PATH": ""}
        assert subprocess.run(["/bin/bash", ROOT / "deploy/healthcheck.sh"], env=port, check=False).returncode == 0
        assert server.terminate() == 0, server.log()
        assert '"stopped"' in server.log()


def _program_below(pid: int) -> int:
    """Return the process of the entry point, which a container without a namespace of its own shares with us."""
    while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/usr/local/bin/tbot"):
        threads = Path(f"/proc/{pid}/task").iterdir()  # whichever of them has started it
        (pid,) = (int(child) for each in threads for child in (each / "children").read_text().split())
    return pid


def _buildah(*arguments: str) -> str:
    return subprocess.run([*image.BUILDAH, *arguments], check=True, text=True, capture_output=True).stdout.strip()
