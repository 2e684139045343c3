"""What is read at 3 a.m.: one line on stderr that says what and what to do, and the exit status for it."""

from __future__ import annotations

import http.server
import os
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.cli_runner import CliRunner
from ticketbot.database import db
from ticketbot.models import recipients


def test_stopped_server_is_named_with_the_origin_of_its_address(cli: CliRunner) -> None:
    done = cli.tbot("list", "rules", TBOT_BASE_URL="http://127.0.0.1:9")
    assert (done.status, done.out) == (8, "")
    assert done.err == (
        "tbot: Cannot reach http://127.0.0.1:9. Is `tbot serve` running there? "
        "Set its address with TBOT_BASE_URL (from environment) or --base-url.\n"
    )


@pytest.fixture
def another_site() -> Iterator[str]:
    """Return the address of a web server that is none of ours."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Silent(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_address_of_another_web_server_is_not_ticketbot(cli: CliRunner, another_site: str) -> None:
    done = cli.tbot("list", "rules", f"--base-url={another_site}")
    assert done.status == 8
    assert "is not a Ticketbot server" in done.err
    assert "(from flag) or --base-url" in done.err


def test_bad_key_is_reported_with_its_origin_and_not_shown(cli: CliRunner) -> None:
    done = cli.tbot("list", "rules", TBOT_API_KEY="tbot_wrong_wrong_wrong")
    assert done.status == 6
    assert "The server does not accept TBOT_API_KEY (from environment). Ask a colleague for a new key" in done.err
    assert "`tbot init --email=<your address>`" in done.err
    assert "tbot create key" not in done.err  # which needs a key
    assert "wrong_wrong" not in done.err


def test_a_key_sent_over_plain_http_to_another_host_is_warned_of_once(cli: CliRunner) -> None:
    url = cli.server.url.replace("127.0.0.1", "0.0.0.0")  # reaches this machine, and is not loopback by its name
    done = cli.tbot("list", "users", TBOT_BASE_URL=url)
    assert done.status == 0
    assert done.err == (
        f"tbot: warning: {url} is plain http: anyone on the network can read the API key. Use an https address\n"
    )


def test_without_a_key_or_on_loopback_plain_http_is_not_warned_of(cli: CliRunner) -> None:
    url = cli.server.url.replace("127.0.0.1", "0.0.0.0")
    assert cli.tbot("ping", TBOT_BASE_URL=url, TBOT_API_KEY="").err == ""
    assert cli.tbot("list", "users").err == ""


def test_missing_key_is_a_missing_setting(cli: CliRunner) -> None:
    """O9."""
    done = cli.tbot("list", "rules", TBOT_API_KEY="")
    assert done.status == 2
    assert done.err.startswith("tbot: TBOT_API_KEY is not set")


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("get rule 99", 4, "There is no rule 99. See `tbot list rules`"),
        ("delete user 99", 4, "There is no user 99. See `tbot list users`"),
        ("retry 99", 4, "There is no notification 99. See `tbot list notifications`"),
        ("test 99", 4, "There is no recipient 99. See `tbot list recipients`"),
        ("explain 99", 4, "Nothing is known about ticket 99"),
        ("get rule abc", 3, "<id> is 'abc'. Give a whole number"),
        ("get rule -1", 3, "<id> is '-1'. Give a positive number"),
        (
            "get rule 12345678901234567890123",
            4,
            "There is no id as large as 12345678901234567890123. See `tbot list rules`",
        ),
        ("explain 12x", 3, "<ticket-id> is '12x'. Give a whole number"),
        ("create rule --board-id=x --recipient-id=1", 3, "--board-id is 'x'. Give a whole number"),
        ("create rule --board-id=98 --recipient-id=97", 3, "board_id: there is no board 98"),
        ("update rule 1 --enabled=maybe", 3, "--enabled is 'maybe'. Give true or false"),
        ("update rule 1", 3, "Nothing to change: give at least one option"),
        ("update forward 1", 3, "Nothing to change: give at least one option"),
        ("update config", 3, "Nothing to change: give at least one option"),
        ("update config --max-message-length=7", 3, "not valid: max_message_length: give at least 50."),
        ("update config --retention-days=12345678901234567890", 3, "Give a smaller number"),
        ("create forward --source-id=1 --destination-id=1", 3, ""),
        ("create forward --source-id=1 --destination-id=2 --start=3/1/2026", 3, "--start is '3/1/2026'. Give a date"),
        (
            "create forward --source-id=1 --destination-id=2 --end=2026-02-30",
            3,
            "--end is '2026-02-30'. There is no 30 February",
        ),
        ("update forward 1 --end=", 3, "--end is empty. Give a date such as 2026-03-01"),
        ("update forward 1 --start ''", 3, "--start is empty. Give a date such as 2026-03-01"),
        ("list notifications --since=2026-13-01", 3, "--since is '2026-13-01'. There is no month 13"),
        ("retry --dead --since=2027-02-29", 3, "--since is '2027-02-29'. There is no 29 February 2027"),
        ("retry --dead --since=2027-02-20T25:00", 3, "There is no time 25:00"),
        ("create forward --source-id=1 --destination-id=2 --end=", 3, "or `none` to leave it open"),
        ("list notifications --since=", 3, "--since is empty. Give a value"),
        ("list recipients --search=", 3, "--search is empty. Give a value"),
        ("create user --name= --email=ben@example.com", 3, "--name is empty. Give a value"),
        ("update config --retention-days=", 3, "--retention-days is empty. Give a value"),
        ("sync --tickets --sync-boards=", 3, "--sync-boards is empty. Give a value"),
        ("list notifications --state=lost", 3, "--state is 'lost'. Give one of pending, sending"),
        ("list recipients --limit=many", 3, "--limit is 'many'. Give a whole number"),
        ("list notifications --limit=0", 3, "--limit is '0'. Give a positive number"),
        ("sync", 3, "Nothing to sync: give --all"),
        ("sync --sync-boards=1", 3, "--sync-boards requires --tickets"),
        ("sync --boards --sync-boards=1", 3, "requires --tickets"),
        ("sync --tickets --sync-boards=1,x", 3, "--sync-boards is 'x'. Give numbers such as 1,2,3"),
        ("sync --tickets --all --sync-boards=1", 3, "Leave out either --all or --sync-boards"),
        ("sync --tickets --sync-boards=98", 3, "board_ids"),
        ("sync cancel", 5, "No sync is running"),
        ("create user --name=Ana --email=ANA@example.com", 5, ""),
        ("create user --name=Ana --email=nobody", 3, "email"),
        ("delete user 1", 5, ""),
        ("delete key 1", 5, ""),
        ("get board Hlep", 4, "There is no board named 'Hlep'. See `tbot list boards`"),
        ("get event 99", 4, "There is no event 99. See `tbot list events`"),
        ("list nonsense", 2, "'nonsense' is not one of boards"),
        ("get rule", 2, "needs <id>"),
    ],
)
def test_each_failure_has_its_line_and_status(cli: CliRunner, line: str, status: int, words: str) -> None:
    done = cli.tbot(*shlex.split(line))
    assert (done.status, done.out) == (status, ""), done
    first = done.err.splitlines()[0]
    assert first.startswith("tbot: ")
    assert words in first
    assert status == 2 or len(done.err.splitlines()) == 1


def test_an_empty_end_changes_nothing_and_none_removes_the_end(cli: CliRunner) -> None:
    cli.furnish()
    cli.tbot("update", "forward", "1", "--end=2030-12-31")
    assert cli.tbot("update", "forward", "1", "--end=").status == 3
    assert cli.tbot("get", "forward", "1", "--json").print_json["end"] == "2030-12-31"
    assert cli.tbot("update", "forward", "1", "--end=none", "--json").print_json["end"] is None


def test_forward_cycle_is_spelled_out(cli: CliRunner) -> None:
    """F4."""
    cli.furnish()
    done = cli.tbot("create", "forward", "--source-id=2", "--destination-id=1")
    assert done.status == 5
    assert "Help Desk" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_config_file_that_may_not_be_read_is_named(cli: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("")
    file.chmod(0)
    done = cli.tbot("list", "rules", f"--config={file}")
    assert done.status == 2
    assert f"{file} cannot be read (Permission denied)" in done.err


def test_a_directory_that_cannot_be_made_is_named(cli: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = cli.process(
        "migrate", TBOT_DATABASE_URL=f"sqlite:///{tmp_path}/file/sub/tbot.db", XDG_CONFIG_HOME=str(tmp_path)
    )
    assert done.status == 1, done
    assert str(tmp_path / "file") in done.err
    assert "Traceback" not in done.err


def test_unreachable_database_is_named_with_its_setting(cli: CliRunner, tmp_path: Path) -> None:
    done = cli.process("migrate", TBOT_DATABASE_URL=f"sqlite:///{tmp_path}")
    assert done.status == 8, done
    assert f"SQLite file {tmp_path}" in done.err
    assert "Check TBOT_DATABASE_URL" in done.err


@pytest.mark.parametrize("command", [("serve",), ("migrate",), ("init", "--name=Ben", "--email=ben@example.com")])
def test_file_that_is_no_database_is_left_alone_and_named(
    cli: CliRunner, tmp_path: Path, command: tuple[str, ...]
) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Ana, " * 100)
    environ = cli.world.environ(TBOT_DATABASE_URL=f"sqlite:///{file}", TBOT_API_KEY="", TBOT_LOG_LEVEL="error")
    done = cli.process(*command, **environ)
    assert (done.status, done.out) == (8, "")
    assert done.err == (
        f"tbot: The database is unavailable: file is not a database (SQLite file {file}). "
        "Set TBOT_DATABASE_URL to another file.\n"
    )
    assert file.read_text() == "Dear Ana, " * 100


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("127.0.0.1", "address already in use. Stop what listens there, or give another port with --port or TBOT_PORT"),
        ("192.0.2.1", "cannot assign requested address. Give an address of this machine with --host or TBOT_HOST"),
    ],
)
def test_address_that_cannot_be_bound_is_named_with_its_setting(
    cli: CliRunner, tmp_path: Path, host: str, words: str
) -> None:
    port = cli.server.url.rpartition(":")[2]
    environ = cli.world.environ(TBOT_DATABASE_URL=f"sqlite:///{tmp_path}/another.db", TBOT_LOG_LEVEL="error")
    done = cli.process("serve", f"--host={host}", f"--port={port}", **environ)
    assert (done.status, done.out) == (1, "")
    assert done.err == f"tbot: Cannot listen at {host}:{port}: {words}.\n"


def test_on_a_terminal_a_delete_asks_and_names_what(cli: CliRunner) -> None:
    cli.furnish()
    kept = cli.tbot("delete", "rule", "1", answer="n")
    assert kept.status == 1
    assert "Delete rule 1 (Service Desk > Help Desk)? [y/N]" in kept.err
    assert cli.tbot("get", "rule", "1").status == 0
    assert cli.tbot("delete", "rule", "1", answer="y").status == 0
    assert cli.tbot("get", "rule", "1").status == 4


def test_no_confirmation_with_yes_or_a_pipe(cli: CliRunner) -> None:
    cli.furnish()
    assert "[y/N]" not in cli.tbot("delete", "forward", "1", "--yes", answer="n").err
    piped = cli.tbot("delete", "rule", "1")
    assert (piped.status, piped.err) == (0, "Deleted rule 1 (Service Desk > Help Desk)\n")


def test_retrying_all_dead_shows_how_much_before_it_asks(cli: CliRunner) -> None:
    cli.furnish()
    kept = cli.tbot("retry", "--dead", answer="")
    assert (kept.status, kept.out) == (1, "")
    assert "Retry 1 notification and 1 event that died within the last 24 hours? [y/N]" in kept.err
    assert cli.tbot("get", "notification", "1", "--json").print_json["state"] == "dead"
    assert cli.tbot("retry", "--dead", "--json", answer="y").print_json == {"notifications": 1, "events": 1}


def test_retrying_all_dead_without_a_terminal_says_how_much_it_retries(cli: CliRunner) -> None:
    cli.furnish()
    assert cli.tbot("retry", "--dead").out == "Retrying 1 notification and 1 event\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [((), "Nothing died within the last 24 hours\n"), (("--since=2030-01-01",), "Nothing died since 2030-01-01\n")],
)
def test_retrying_all_dead_asks_nothing_if_nothing_is_dead(cli: CliRunner, options: tuple[str, ...], said: str) -> None:
    for answer in (None, "n"):
        done = cli.tbot("retry", "--dead", *options, answer=answer)
        assert (done.status, done.out, done.err) == (0, said, "")


def test_a_test_message_to_a_room_that_is_gone_from_webex_says_so(cli: CliRunner) -> None:
    cli.furnish()
    with db.session():
        room = recipients.Recipient.get_by_id(1)
    cli.world.webex.remove_room(room.webex_id)
    done = cli.tbot("test", "1")
    assert (done.status, done.out) == (4, "")
    assert "Webex cannot find recipient 1, Help Desk: " in done.err
    assert "Could not find a room" in done.err


def test_retrying_what_is_not_dead_is_a_conflict(cli: CliRunner) -> None:
    """L5."""
    cli.furnish()
    retried = cli.tbot("retry", "1")
    assert retried.status == 0
    assert "about ticket 1234 will be resent; `tbot get notification 1`" in " ".join(retried.out.split())
    cli.world.settle()
    assert cli.tbot("retry", "1").status == 5


def test_a_forward_that_has_already_expired_is_pointed_out(cli: CliRunner) -> None:
    cli.furnish()
    made = cli.tbot("create", "forward", "--source-id=2", "--destination-id=1", "--end=2020-01-02", "--json")
    assert (made.status, made.print_json["state"]) == (0, "expired")
    assert made.err == "Forward 2 has already ended (2020-01-02)\n"
    assert "has already ended" in cli.tbot("update", "forward", "2", "--end=2020-01-02").err
