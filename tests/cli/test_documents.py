"""`--json`: one document on stdout, as documented, for every command that prints data."""

from __future__ import annotations

import json
import shlex
from typing import Any

import msgspec
import pytest

from tests.cli.cli_runner import CliRunner
from ticketbot.cli import usage
from ticketbot.present import documents

LINES = {
    "create rule": "create rule --board-id=1 --recipient-id=2",
    "create forward": "create forward --source-id=2 --destination-id=1 --start=2020-01-01 --end=2020-01-02T08:00",
    "create silence": "create silence --board-id=1 --until=2999-03-01 --comment=Patches",
    "create silence --preview": "create silence --company=Contoso --until=2999-03-01 --comment=Patches --preview",
    "create quiet-hours": "create quiet-hours --all-people --days=mon-fri --from=18:00 --to=8:00",
    "create user": "create user --name=Ben --email=ben@example.com",
    "create key": "create key --user-id=1",
    "update rule": "update rule 1 --enabled=false",
    "update forward": "update forward 1 --end=2026-04-01",
    "update silence": "update silence 1 --until=2999-03-01T08:00",
    "update quiet-hours": "update quiet-hours 1 --enabled=false",
    "update config": "update config --require-board-rule=true",
    "migrate": "migrate --status",
    "sync": "sync --all",
    "explain": "explain 1234",
    "try": "try 1234",
    "backtest": "backtest --days=30",
    "plan": "plan -",
    "apply": "apply - --version={version}",
    "retry": "retry 1",
    "retry --dead": "retry --dead",
    "test": "test 1",
    "test --alert": "test --alert",
    "get user": "get user 1",
    "get key": "get key 1",
    "get ticket": "get ticket 1234",
    "get event": "get event 1",
    "get config": "get config",
    "delete user": "delete user 2",
    "delete key": "delete key 2",
}


def checked(command: str, printed: str) -> Any:
    """Return a document that is of the shape that is documented for a command, with no field more and none less."""
    shape = documents.DOCUMENTS[command]
    print_json = json.loads(printed)
    assert msgspec.to_builtins(msgspec.json.decode(printed, type=shape)) == print_json
    return print_json


@pytest.mark.parametrize("command", sorted(set(documents.DOCUMENTS) - {"sync cancel", "doctor", "import"}))
def test_stdout_has_only_the_documented_json(cli: CliRunner, command: str) -> None:
    cli.furnish()
    cli.world.configure(alert_recipient_id=1)
    cli.tbot("create", "user", "--name=Cora", "--email=cora@example.com")
    cli.tbot("create", "key", "--user-id=2")
    is_plain = command.split(maxsplit=1)[0] in ("get", "delete")
    line = LINES.get(command, f"{command} 1" if is_plain else command)
    line = line.replace("{version}", cli.tbot("plan", "-", "--json").print_json["version"] if "{" in line else "")
    database = cli.world.database_url
    run = cli.process if command == "migrate" else cli.tbot  # it opens the database that our server is using
    done = run(*shlex.split(line), "--json", TBOT_DATABASE_URL=database)
    assert done.status == 0, done
    assert checked(command, done.out) is not None


def test_doctor_json_is_as_documented_when_nothing_is_configured(cli: CliRunner) -> None:
    done = cli.process("doctor", "--json", TBOT_DATABASE_URL=cli.world.database_url)
    assert [check["state"] for check in checked("doctor", done.out)][:3] == ["ok", "ok", "ok"], done


def test_canceling_prints_the_run(cli: CliRunner) -> None:
    with cli.slow_syncs():
        cli.tbot("sync", "--all", "--no-wait")
        done = cli.tbot("sync", "cancel", "--json")
    assert done.status == 0, done
    assert checked("sync cancel", done.out)["state"] == "running"


def test_every_command_that_takes_json_has_a_documented_shape() -> None:
    takes = {command for command in usage.names() if "--json" in " ".join(usage.patterns(command))}
    assert takes == {command.split()[0] for command in documents.DOCUMENTS}


def test_an_empty_list_is_a_list(cli: CliRunner) -> None:
    assert cli.tbot("list", "rules", "--json").print_json == []


def test_json_is_ascii_for_any_locale_and_terminal(cli: CliRunner) -> None:
    cli.furnish("\x1b[2J\x9b\u202eAnä\x7f")
    shown = cli.tbot("list", "recipients", "--json")
    assert shown.out.isascii()
    assert not any(character in shown.out for character in "\x1b\x7f")
    assert shown.print_json[0]["name"] == "\x1b[2J\x9b\u202eAnä\x7f"


def test_limit_returns_the_first_rows_and_the_newest_notifications(cli: CliRunner) -> None:
    cli.furnish()
    assert [row["id"] for row in cli.tbot("list", "recipients", "--limit=1", "--json").print_json] == [1]
    for _ in range(2):
        cli.tbot("create", "key", "--user-id=1")
    changes = cli.tbot("list", "audit", "--limit=1", "--json").print_json
    assert [row["id"] for row in changes] == [2]
