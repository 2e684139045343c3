"""The one file that is shipped does everything by itself."""

from __future__ import annotations

import json
import re

import pytest

from tests.environment import World, wait_for
from tests.package.conftest import Binary, PackedServer
from tests.tui.terminal_emulator import Terminal
from ticketbot import __version__

EMAIL, KEY = "ana@example.com", "a-key-of-forty-characters-for-this-test."
LARGEST = 30 * 1024 * 1024
KYIV = {"TBOT_TIMEZONE": "Europe/Kyiv", "PYTHONTZPATH": "/nowhere"}


def _environ(world: World, binary: Binary) -> dict[str, str]:
    home = {"HOME": str(binary.folder)}
    return {**world.environ(TBOT_ADMIN_EMAIL=EMAIL, TBOT_ADMIN_KEY=KEY), **home}


def _client(server: PackedServer) -> dict[str, str]:
    return {"TBOT_BASE_URL": server.url, "TBOT_API_KEY": KEY}


def test_it_says_its_version_and_what_it_was_built_from_and_is_small(binary: Binary) -> None:
    done = binary.run("version")
    assert re.fullmatch(rf"tbot {re.escape(__version__)} \(.+\)\n", done.stdout), done
    assert binary.path.stat().st_size < LARGEST
    assert json.loads(binary.run("version", "--json").stdout)["built_from"] in done.stdout


def test_binary_leaves_no_files_behind(binary: Binary) -> None:
    scratch = binary.folder / "scratch"
    scratch.mkdir()
    assert binary.run("migrate", TMPDIR=str(scratch), TBOT_DATABASE_URL=f"sqlite:///{scratch}/x.db").returncode == 0
    assert [path.name for path in scratch.iterdir()] == ["x.db"]


def test_binary_has_its_own_time_zones(binary: Binary) -> None:
    assert "Europe/Kyiv" in binary.run("config", **KYIV).stdout
    assert binary.run("config", **{**KYIV, "TBOT_TIMEZONE": "Europe/Nowhere"}).returncode == 2


def test_binary_runs_the_demo(binary: Binary) -> None:
    """O7."""
    done = binary.run("demo", "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "That is exactly what should have happened." in done.stdout


@pytest.mark.parametrize(
    "command", ["--help", "help create rule", "completion bash", "config --json", "__complete -- tbot li"]
)
def test_command_without_a_server_works(binary: Binary, command: str) -> None:
    done = binary.run(*command.split())
    assert (done.returncode, done.stderr) == (0, ""), done
    assert done.stdout


def test_binary_serves_syncs_and_delivers(binary: Binary, world: World) -> None:
    """W3, S, A3: on both databases."""
    world.add_rule("Help Desk", condition="not closed and priority_sort > 3")
    with PackedServer(binary, _environ(world, binary)) as server:
        client = _client(server)
        world.register_callback(server.url)
        world.connectwise.add_ticket(world.board, "Printer on fire", note="smoke")
        assert wait_for(lambda: [m.room_title for m in world.webex.messages()] == ["Help Desk"]), server.log()
        assert "condition failed" not in world.webex.messages()[0].markdown

        synced = binary.run("sync", "--all", **client)
        assert synced.returncode == 0, synced.stdout + synced.stderr
        boards = json.loads(binary.run("list", "boards", "--json", **client).stdout)
        assert {board["name"] for board in boards} == {"Service Desk", "Projects"}
        assert "Help Desk" in binary.run("list", "rules", **client).stdout
        assert binary.run("ping", **client).returncode == 0
    assert server.process is not None
    assert server.process.returncode == 0, server.process.returncode


def test_doctor_finds_a_working_server_in_order(binary: Binary, world: World) -> None:
    """O6."""
    environ = _environ(world, binary)
    with PackedServer(binary, environ) as server:
        done = binary.run(
            "doctor", "--json", **{**environ, "TBOT_PORT": server.url.rpartition(":")[2], **_client(server)}
        )
    checks = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert {check["check"] for check in checks} >= {"database", "connectwise", "webex"}


def test_the_terminal_ui_is_drawn_and_quits(binary: Binary, world: World) -> None:
    environ = _environ(world, binary)
    with PackedServer(binary, environ) as server:
        no_python = {"PATH": "/nowhere", **_client(server)}
        with Terminal([str(binary.path)], no_python) as terminal:
            terminal.see("Rules", "Fwds", "Notif")
            assert terminal.press("ctrl c").ended() == 0


def test_the_server_ends_when_the_first_of_its_two_processes_is_killed(binary: Binary, world: World) -> None:
    """A server that is left alone would hold the port, and nobody would end it."""
    with PackedServer(binary, _environ(world, binary)) as server:
        server.kill()
        assert wait_for(lambda: not server.is_ready)
