"""O6: `tbot doctor` looks at everything and says how to mend it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cli_runner import Outcome, administrator, clean_environ
from tests.environment import World, minutes_ago
from tests.servers import ServerProcess
from tests.tui import seed
from tests.tui.terminal_emulator import Terminal
from ticketbot import doctor_operation
from ticketbot.database import db
from ticketbot.models import events, recipients
from ticketbot.simulators.faults import Fault


@pytest.fixture
def world(sqlite: str) -> Iterator[World]:
    """Return a world without a server: the doctor must do without."""
    with World(sqlite) as everything:
        yield everything


def examine(environ: dict[str, str], *argv: str) -> Outcome:
    """Run `tbot doctor` as a process, which has its own database connections."""
    done = subprocess.run(
        [sys.executable, "-m", "ticketbot", "doctor", *argv],
        env={**clean_environ(), "TBOT_BASE_URL": "http://127.0.0.1:9"} | environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def checks(outcome: Outcome) -> dict[str, dict[str, Any]]:
    """Return what was found, by the name of the check."""
    return {row["check"]: row for row in json.loads(outcome.out)}


def test_stopped_server_is_no_failure(world: World) -> None:
    administrator()
    done = examine(world.environ(), "--json")
    states = {name: row["state"] for name, row in checks(done).items()}
    assert done.status == 0, done
    assert states == {
        "settings": "ok",
        "database": "ok",
        "server": "warning",
        "connectwise": "ok",
        "permissions": "ok",
        "callback": "skipped",
        "webex": "ok",
        "clock": "ok",
        "public_url": "skipped",
        "notifications": "ok",
        "dead": "ok",
        "rules": "warning",
        "webhooks": "skipped",
        "syncs": "warning",
    }
    assert all(row["fix"] for row in checks(done).values() if row["state"] not in ("ok", "skipped"))


def test_all_checks_run_with_the_server_up(world: World) -> None:
    key = administrator()
    server = ServerProcess(world.environ())
    environ = {**world.environ(), "TBOT_BASE_URL": server.url, "TBOT_API_KEY": key, "TBOT_PUBLIC_URL": server.url}
    with server:
        missing = examine(environ, "--json")
        assert (missing.status, checks(missing)["callback"]["state"]) == (1, "failed"), missing
        world.register_callback(server.url)
        found = checks(examine(environ, "--json"))
        refused = checks(examine({**environ, "TBOT_API_KEY": "tbot_wrong"}, "--json"))
    assert found["server"]["message"].endswith("responds and accepts the key of ana@example.com")
    assert found["callback"]["state"] == "ok"
    assert found["public_url"]["state"] == "warning"  # plain http on loopback
    assert refused["server"]["state"] == "failed"


@pytest.mark.parametrize(
    ("check", "environ", "word"),
    [
        ("connectwise", {"TBOT_CW_PRIVATE_KEY": "wrong-private-key"}, "TBOT_CW_PRIVATE_KEY"),
        ("connectwise", {"TBOT_CW_URL": "http://127.0.0.1:9"}, "TBOT_CW_URL"),
        ("connectwise", {"TBOT_CW_CLIENT_ID": ""}, "keys of an API member"),
        ("webex", {"TBOT_WEBEX_TOKEN": "wrong-token"}, "developer.webex.com"),
        ("webex", {"TBOT_WEBEX_URL": "http://127.0.0.1:9"}, "TBOT_WEBEX_URL"),
        ("database", {"TBOT_DATABASE_URL": "postgresql://tbot:secret-word@127.0.0.1:9/tbot"}, "TBOT_DATABASE_URL"),
        ("settings", {"TBOT_PORT": "many"}, "Give a whole number"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_failed_check_says_how_to_fix_it(world: World, check: str, environ: dict[str, str], word: str) -> None:
    done = examine({**world.environ(), **environ}, "--json")
    found = checks(done)[check]
    assert (done.status, found["state"]) == (1, "failed"), done
    assert word in found["fix"]
    assert "secret-word" not in done.out


def test_a_missing_permission_is_named(world: World) -> None:
    denial = '{"code": "ConnectWiseApi", "message": "Method not found"}'
    world.connectwise.faults.add(Fault(effect="answer", path="system/members", status=404, content=denial))
    found = checks(examine(world.environ(), "--json"))["permissions"]
    assert (found["state"], found["message"]) == ("failed", "The API member may not read members")
    assert "System > Member Maintenance: inquire all" in found["fix"]


def test_what_the_database_says_is_reported(world: World) -> None:
    """O6: notifications off, what is dead, rules for those who are gone, the last webhook and sync."""
    room = world.add_room("Old War Room")
    world.add_rule(room)
    long_ago = minutes_ago(4 * 24 * 60)
    with db.transaction("test"):
        recipients.Recipient.update(active=False).execute()
        events.new_message_ids(["m1"], long_ago)
    seed.event(long_ago, 4713, "dead", error="ConnectWise: GET /service/tickets/4713 answered 500")
    seed.sync_run(long_ago, "failed", boards=(0, None))
    world.configure(attempt_notify=False)
    found = checks(examine(world.environ(), "--json"))
    said = {name: found[name]["message"] for name in doctor_operation.NAMES}
    assert said.pop("webhooks").startswith("The last one arrived at ")
    assert said.pop("syncs").endswith(": failed")
    assert said == {
        "notifications": "Notifications are switched off: nobody is notified of anything",
        "dead": "Given up: 1 event",
        "rules": "Enabled rules whose recipient is gone: rule 1 (Old War Room)",
    }
    assert {found[name]["state"] for name in doctor_operation.NAMES} == {"warning"}


def test_what_runs_well_is_reported(world: World) -> None:
    """O6."""
    world.add_rule(world.add_room("Help Desk"))
    with db.transaction("test"):
        events.new_message_ids(["m1"], minutes_ago(1))
    seed.sync_run(minutes_ago(1), boards=(3, 3))
    found = checks(examine(world.environ(), "--json"))
    assert {found[name]["state"] for name in doctor_operation.NAMES} == {"ok"}, found
    assert found["rules"]["message"] == "1 rule enabled"


def test_each_endpoint_that_the_api_member_may_not_read_is_named(world: World) -> None:
    """O6"""
    for path in ("service/boards/.+/statuses", "service/boards/.+/types", "service/priorities"):
        world.connectwise.faults.add(Fault(effect="answer", path=path, status=403, content="{}"))
    found = checks(examine(world.environ(), "--json"))["permissions"]
    assert found["message"] == "The API member may not read statuses of boards, types of boards, priorities"
    assert found["fix"].endswith("give its role System > Table Setup (Service Board, Priority): inquire all")


def test_missing_permission_for_projects_is_a_warning(world: World) -> None:
    world.connectwise.faults.add(Fault(effect="answer", path="/project/", status=403, content="{}"))
    assert checks(examine(world.environ(), "--json"))["permissions"]["state"] == "warning"


def test_wrong_clock_is_reported_with_its_offset(world: World) -> None:
    world.connectwise.faults.add(
        Fault(effect="pass", path="system/info", headers={"Date": "Tue, 24 Nov 2020 04:00:00 GMT"})
    )
    found = checks(examine(world.environ(), "--json"))["clock"]
    assert found["state"] == "failed"
    assert "ahead of that of ConnectWise" in found["message"]


def test_new_machine_has_no_failure_and_no_database_is_created(tmp_path: Path) -> None:
    done = examine({"XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}, "--json")
    found = checks(done)
    assert done.status == 0, done
    assert (found["database"]["state"], found["connectwise"]["state"]) == ("warning", "skipped")
    assert list(tmp_path.rglob("*.db")) == []


@pytest.mark.parametrize("columns", ["80", "60"])
def test_text_output_has_a_line_per_check_with_the_fix_below(world: World, columns: str) -> None:
    program = [sys.executable, "-m", "ticketbot", "doctor"]
    environ = {**clean_environ(), "TBOT_BASE_URL": "http://127.0.0.1:9", **world.environ()}
    with Terminal(program, environ, size=(int(columns), 60)) as terminal:
        assert terminal.ended() == 0
        screen = terminal.see("ok       webex", "\n                        > ")
    assert "ok       settings       " in screen


def test_an_unreadable_file_of_settings_fails_and_skips_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("nonsense")
    done = examine({}, f"--config={file}", "--json")
    found = checks(done)
    assert (done.status, found["settings"]["state"]) == (1, "failed")
    assert {row["state"] for name, row in found.items() if name != "settings"} == {"skipped"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_database_that_cannot_be_written_fails(world: World) -> None:
    Path(world.database_url.removeprefix("sqlite:///")).chmod(0o400)
    assert checks(examine(world.environ(), "--json"))["database"]["state"] == "failed"


def test_an_admin_key_that_is_no_longer_read_is_a_warning(world: World) -> None:
    """A3."""
    administrator()
    admin = {"TBOT_ADMIN_EMAIL": "ana@example.com", "TBOT_ADMIN_KEY": "a key that the operator chose"}
    found = checks(examine(world.environ(**admin), "--json"))["database"]
    assert found["state"] == "warning"
    assert "TBOT_ADMIN_KEY is still set" in found["message"]
    assert found["fix"].startswith("Remove it")


def test_database_readable_by_others_is_a_warning_with_the_command_to_fix_it(world: World) -> None:
    administrator()
    path = Path(world.database_url.removeprefix("sqlite:///"))
    path.chmod(0o644)
    found = checks(examine(world.environ(), "--json"))["database"]
    assert found["state"] == "warning"
    assert "Other users of this machine can read" in found["message"]
    subprocess.run(found["fix"], shell=True, check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
