"""O5: a server of 2.0 takes over from a running one of 1.1.0, whichever of the two is killed in the meantime.

The old program comes from this repository's history; a checkout without it skips these tests. `TBOT_TEST_UPGRADES=all`
kills either at every moment, on both databases: that takes minutes, most of them spent waiting.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from tests.environment import World, is_idle, ledger, post_webhook, wait_for
from tests.servers import ServerProcess
from tests.upgrades.conftest import postgres_with
from ticketbot.database import db

RELEASE_1_1_0 = "e511d0343c148df3adfea232560e753f1d3c25ad"
TAKES_OVER_WITHIN_S = 120.0  # what a killed server of 1.1.0 had claimed is free after a minute
SCHEMA_TOO_NEW = 7


class OldServer(ServerProcess):
    """`tbot serve` of 1.1.0, from a folder of its own."""

    program = (sys.executable, "-P", "-m", "ticketbot")  # -P: not our own package, which is in the current folder

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        super().__init__({**environ, "PYTHONPATH": str(folder)})


class NewServer(ServerProcess):
    """`tbot serve` of this release, which is not ready before the old one has stopped."""

    def __enter__(self) -> NewServer:
        self.start()
        return self


@pytest.fixture(scope="module")
def release_1_1_0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the program of 1.1.0."""
    archive = ["git", "archive", RELEASE_1_1_0, "ticketbot"]
    done = subprocess.run(archive, cwd=Path(__file__).parents[2], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this checkout has no history, and so no program of 1.1.0")
    folder = tmp_path_factory.mktemp("1.1.0")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


_MOMENTS = [
    pytest.param(database, killed, marks=[pytest.mark.postgres] if database == "postgres" else [])
    for database in ("sqlite", "postgres")
    for killed in ("nobody", "old", "migrate.before", "migrate.after")
    if (database, killed) in (("postgres", "nobody"), ("sqlite", "migrate.after")) or "TBOT_TEST_UPGRADES" in os.environ
]


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Return a world whose database is empty."""
    if request.param == "postgres":
        with postgres_with("", request.getfixturevalue("migrated_postgres")) as url, World(url) as new_world:
            yield new_world
        return
    url = f"sqlite:///{tmp_path / 'tbot.db'}"
    db.open_database(url)
    with World(url) as new_world:
        yield new_world
    db.close_database()


@pytest.mark.parametrize(("world", "killed"), _MOMENTS, indirect=["world"])
def test_a_server_takes_over_from_one_of_1_1_0_and_loses_nothing(
    killed: str, world: World, release_1_1_0: Path
) -> None:
    with OldServer(release_1_1_0, world.environ()) as old:
        new_world = [_told(world, old) for _ in range(5)]
        assert len(world.webex.wait_for_messages(len(new_world))) >= len(new_world)
        world.webex.latency_s = 0.5  # so that something is being sent
        new_world += [_told(world, old) for _ in range(20)]
        if killed.startswith("migrate"):
            with NewServer(world.environ(TBOT_FAIL_AT=f"{killed}:1")) as first:
                assert wait_for(lambda: first.was_killed, TAKES_OVER_WITHIN_S), first.log()
        with NewServer(world.environ()) as new:
            if killed == "old":
                old.kill()
            assert wait_for(lambda: new.is_ready or new.ended, TAKES_OVER_WITHIN_S)
            assert not new.ended, new.log()
            assert wait_for(lambda: old.ended)
            assert old.process is not None
            assert old.was_killed or old.process.returncode == SCHEMA_TOO_NEW, old.log()
            new_world += [_told(world, new) for _ in range(2)]
            assert wait_for(is_idle), new.log()

    received = Counter(message.markdown.partition("]")[0] for message in world.webex.messages())
    assert len(received) == len(new_world)
    repeated = sum(received.values()) - len(received)
    assert repeated <= sum(row.possible_duplicate for row in ledger())
    assert {row.state for row in ledger()} == {"sent"}


def _told(world: World, server: ServerProcess) -> int:
    """Add a ticket whose webhook the server acknowledges."""
    ticket = world.connectwise.add_ticket(world.board, "Printer on fire", resources=["ana"], notify=False)

    def is_acknowledged() -> bool:
        try:
            return post_webhook(server.url, world, world.connectwise.webhook_body(ticket)).ok
        except requests.RequestException:
            return False

    assert wait_for(is_acknowledged)
    return ticket
