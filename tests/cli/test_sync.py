"""`tbot sync` tells cron how it went."""

from __future__ import annotations

import http.server
import shlex
import threading
from collections.abc import Iterator

import pytest
import requests

from tests.cli.cli_runner import CliRunner
from ticketbot.cli.commands import sync
from ticketbot.database import db
from ticketbot.models import syncs, tickets
from ticketbot.simulators import faults


def phases(cli: CliRunner) -> list[str]:
    """Return the phases of the latest sync."""
    return [phase["name"] for phase in cli.tbot("sync", "status", "--json").print_json["run"]["phases"]]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--all", {"boards": True, "recipients": True, "tickets": True}),
        ("--tickets --all", {"boards": False, "recipients": False, "tickets": True}),
        ("--tickets", {"boards": False, "recipients": False, "tickets": True}),
        ("--boards --recipients", {"boards": True, "recipients": True, "tickets": False}),
    ],
)
def test_selected_phases_are_requested(cli: CliRunner, line: str, expected: dict[str, bool]) -> None:
    assert cli.tbot("sync", *shlex.split(line)).status == 0
    with db.session():
        request = syncs.latest().request
    assert {name: request[name] for name in expected} == expected


def test_sync_boards_narrows_the_tickets(cli: CliRunner) -> None:
    cli.furnish()
    assert cli.tbot("sync", "--tickets", f"--sync-boards={cli.world.board}").status == 0
    with db.session():
        assert list(syncs.latest().request["board_ids"]) == [cli.world.board]


def test_sync_waits_until_done_and_prints_a_summary(cli: CliRunner) -> None:
    done = cli.tbot("sync", "--boards")
    assert (done.status, done.out) == (0, "Sync 1 is done: boards 2, statuses 2, types 2, priorities 4\n"), done
    assert done.err.splitlines() == ["Sync 1 has started", "boards: 2", "statuses: 2", "types: 2", "priorities: 4"]
    with db.session():
        assert tickets.Board.select().count() == 2


def test_quiet_prints_nothing_on_success(cli: CliRunner) -> None:
    done = cli.tbot("sync", "--boards", "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_no_wait_returns_while_the_sync_is_running(cli: CliRunner) -> None:
    with cli.slow_syncs():
        done = cli.tbot("sync", "--boards", "--no-wait")
        assert (done.status, done.out.startswith("Sync 1 has started")) == (0, True)
        assert cli.tbot("sync", "status", "--json").print_json["syncing"] is True
        second = cli.tbot("sync", "--boards")
        assert second.status == 5
        assert "Sync 1 is already running" in second.err
        assert cli.tbot("sync", "cancel").status == 0


def test_failed_sync_ends_with_1_and_one_line(cli: CliRunner) -> None:
    cli.world.connectwise.faults.add(faults.Fault(effect="answer", path="boards", status=500))
    done = cli.tbot("sync", "--boards", "--quiet")
    assert (done.status, done.out) == (1, ""), done
    assert done.err.startswith("tbot: Sync 1 failed: ")
    assert len(done.err.splitlines()) == 1


def test_done_with_errors_is_0_and_says_so_on_stderr_also_when_quiet(cli: CliRunner) -> None:
    cli.world.connectwise.faults.add(faults.Fault(effect="answer", path="boards/.*/statuses", status=400))
    done = cli.tbot("sync", "--boards", "--quiet")
    assert (done.status, done.out) == (0, ""), done
    assert done.err.startswith("Sync 1 is done with ")


def test_status_shows_each_phase_of_the_latest_run(cli: CliRunner) -> None:
    assert cli.tbot("sync", "status").err == "No sync has run yet. `tbot sync --all` starts one\n"
    cli.tbot("sync", "--boards")
    assert phases(cli) == ["boards", "statuses", "types", "priorities"]
    shown = cli.tbot("sync", "status").out
    assert "requested by  ana@example.com\n" in shown
    assert "boards        2\n" in shown


@pytest.fixture
def flaky(cli: CliRunner) -> Iterator[FlakyProxy]:
    """Return a way to the server of the cli that loses some requests about runs."""
    with FlakyProxy(cli.server.url) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


def test_brief_outage_of_the_server_does_not_end_the_wait(cli: CliRunner, flaky: FlakyProxy) -> None:
    flaky.to_lose = 2
    done = cli.tbot("sync", "--boards", TBOT_BASE_URL=flaky.url)
    assert flaky.to_lose == 0
    assert (done.status, done.out) == (0, "Sync 1 is done: boards 2, statuses 2, types 2, priorities 4\n"), done


def test_lasting_outage_ends_the_wait_and_says_that_the_sync_may_still_run(
    cli: CliRunner, flaky: FlakyProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "MAX_UNREACHABLE_S", 0.0)
    flaky.to_lose = 1000
    done = cli.tbot("sync", "--boards", TBOT_BASE_URL=flaky.url)
    assert done.status == 8
    assert "sync 1 may still be running there" in done.err


class FlakyProxy(http.server.ThreadingHTTPServer):
    """Passes requests on to a server, but loses the next `to_lose` requests about the progress of a run."""

    def __init__(self, server_url: str) -> None:
        super().__init__(("127.0.0.1", 0), _Relay)
        self.server_url, self.url, self.to_lose = server_url, f"http://127.0.0.1:{self.server_port}", 0


class _Relay(http.server.BaseHTTPRequestHandler):
    server: FlakyProxy

    def do_GET(self) -> None:
        """Relay a request, or close the connection without a response."""
        if self.path.startswith("/sync/runs/") and self.server.to_lose:
            self.server.to_lose -= 1
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        url = f"{self.server.server_url}{self.path}"
        with requests.request(self.command, url, headers=dict(self.headers), data=body, timeout=20) as response:
            self.send_response(response.status_code)
            self.send_header("Content-Type", response.headers["Content-Type"])
            self.end_headers()
            self.wfile.write(response.content)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""
