"""Every command line of the seed, with `tbot` for `tbot-admin`, does what the seed says."""

from __future__ import annotations

import shlex

import pytest
import requests

from tests.cli.cli_runner import CliRunner
from ticketbot import __version__
from ticketbot.database import db
from ticketbot.models import rules, tickets, users

SEED = {
    "ping": "responds\n",
    "authcheck": "Authenticated as Ana Alvarez <ana@example.com>, user 1\n",
    "list boards": "Service Desk",
    "list rules": "Help Desk",
    "list recipients": "ben@example.com",
    "list users": "ben@example.com",
    "list keys": "Ben Bauer",
    "create rule --board-id 1 --recipient-id 2": "recipient name  Ben Help Desk\n",
    'create user --name "Service Account" --email "service@example.com"': "email       service@example.com\n",
    "create key --user-id 1": "tbot_",
    "update rule 1 --enabled=true": "enabled         yes\n",
    "update rule 1 --enabled=false": "enabled         no\n",
    "delete rule 1": "Deleted rule 1 (Service Desk > Help Desk)\n",
    "delete user 2": "Deleted user 2 (Ben Bauer <ben@example.com>, including all keys)\n",
    "delete key 2": "Deleted key 2 (of user 2",
    "sync --all": "Sync 1 is done: boards 2",
    "sync --boards --recipients": "Sync 1 is done: boards 2, statuses 2, ",
    "sync --tickets --sync-boards 1,2,3": "Sync 1 is done: ",
    "sync --tickets --all": "Sync 1 is done: ",
    "sync --boards --recipients --tickets": "Sync 1 is done: boards 2",
    "sync status": "No sync has run yet. `tbot sync --all` starts one\n",
}
"""What each prints, on stdout or stderr."""


@pytest.fixture
def seeded(cli: CliRunner) -> CliRunner:
    """Return a server with boards 1 to 3 and a second user, whose key has the id 2."""
    cli.furnish()
    from tests.cli.cli_runner import administrator

    administrator("Ben Bauer", "ben@example.com")
    with db.transaction("boards"):
        for number in {1, 2, 3} - {cli.world.board}:
            tickets.Board.get_or_create(id=number, defaults={"name": f"Board {number}"})
    return cli


@pytest.mark.parametrize(("line", "words"), SEED.items())
def test_each_command_line_works_and_reports(seeded: CliRunner, line: str, words: str) -> None:
    done = seeded.tbot(*shlex.split(line))
    assert done.status == 0, done
    assert words in done.out + done.err


@pytest.mark.parametrize(("line", "words"), SEED.items())
def test_each_command_line_works_as_a_process_of_its_own(seeded: CliRunner, line: str, words: str) -> None:
    done = seeded.process(*shlex.split(line))
    assert done.status == 0, done
    assert words in done.out + done.err


def test_ping_needs_no_key_and_names_the_server(cli: CliRunner) -> None:
    done = cli.tbot("ping", TBOT_API_KEY="")
    assert (done.status, done.out) == (0, f"{cli.server.url} responds\n")


def test_authcheck_says_whose_key_it_is(cli: CliRunner) -> None:
    assert "Ana Alvarez <ana@example.com>, user 1" in cli.tbot("authcheck").out


def test_create_rule_makes_a_rule_between_board_and_recipient(cli: CliRunner) -> None:
    cli.furnish()
    board = cli.world.board
    made = cli.tbot("create", "rule", f"--board-id={board}", "--recipient-id=2", "--json").print_json
    assert (made["board_id"], made["recipient_id"], made["enabled"]) == (board, 2, True)
    with db.session():
        assert rules.Rule.get_by_id(made["id"]).recipient_id == 2


def test_create_key_prints_the_key_alone_on_stdout_and_it_opens_the_server(cli: CliRunner) -> None:
    done = cli.tbot("create", "key", "--user-id=1")
    assert done.status == 0
    assert "will not be shown again" in done.err
    key = done.out.strip()
    answer = requests.get(f"{cli.server.url}/authtest", headers={"Authorization": f"Bearer {key}"}, timeout=5)
    assert answer.status_code == 200


@pytest.mark.parametrize(("word", "is_enabled"), [("true", True), ("false", False), ("no", False), ("ON", True)])
def test_update_rule_switches_it(cli: CliRunner, word: str, is_enabled: bool) -> None:
    cli.furnish()
    assert cli.tbot("update", "rule", "1", f"--enabled={word}").status == 0
    with db.session():
        assert rules.Rule.get_by_id(1).enabled is is_enabled


def test_delete_user_ends_the_access_of_their_keys(cli: CliRunner) -> None:
    cli.tbot("create", "user", "--name=Ben", "--email=ben@example.com")
    key = cli.tbot("create", "key", "--user-id=2").out.strip()
    assert cli.tbot("authcheck", TBOT_API_KEY=key).status == 0
    assert cli.tbot("delete", "user", "2").status == 0
    assert cli.tbot("authcheck", TBOT_API_KEY=key).status == 6
    with db.session():
        assert users.User.select().count() == 1


def test_version_names_the_program(cli: CliRunner) -> None:
    assert cli.tbot("version").out == f"tbot {__version__}\n"


def test_update_config_changes_what_is_named_and_nothing_else(cli: CliRunner) -> None:
    before = cli.tbot("get", "config", "--json").print_json
    done = cli.tbot("update", "config", "--attempt-notify=false", "--max-message-length=500", "--json")
    assert done.print_json == before | {"attempt_notify": False, "max_message_length": 500}
    assert cli.tbot("get", "config", "--json").print_json == done.print_json


def test_forward_is_created_changed_and_made_open_ended(cli: CliRunner) -> None:
    cli.furnish()
    made = cli.tbot(
        *shlex.split("create forward --source-id=2 --destination-id=1 --start=2020-01-01 --end=2020-02-01 --keep-copy"),
        "--json",
    ).print_json
    assert (made["start"], made["end"], made["keep_copy"], made["state"]) == (
        "2020-01-01",
        "2020-02-01",
        True,
        "expired",
    )
    changed = cli.tbot(
        "update", "forward", str(made["id"]), "--end=none", "--keep-copy=false", "--enabled=false", "--json"
    )
    assert changed.status == 0, changed
    assert changed.print_json == made | {"end": None, "keep_copy": False, "enabled": False, "state": "disabled"}
