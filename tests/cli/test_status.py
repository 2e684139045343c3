"""O14: how the server is, at one look, on the command line."""

from __future__ import annotations

from tests.cli.cli_runner import CliRunner
from ticketbot import __version__


def test_the_command_shows_all_at_one_look(cli: CliRunner) -> None:
    cli.tbot("update", "config", "--catch-up-interval=300")
    done = cli.tbot("status")
    assert done.status == 0
    assert done.out.splitlines() == [
        f"Ticketbot {__version__}: ok, everything works",
        "ConnectWise: ok",
        "Webex: ok",
        "Waiting: 0 events, 0 messages, 0 notifications held by quiet hours",
        "Dead: 0 events, 0 notifications",
        "Last webhook: -; last message: -",
        "Last sync: none yet",
    ]


def test_the_command_says_what_a_person_has_to_do(cli: CliRunner) -> None:
    cli.tbot("update", "config", "--attempt-notify=false", "--catch-up-interval=300")
    cli.tbot("sync", "--boards")
    done = cli.tbot("status")
    assert done.out.splitlines()[0] == f"Ticketbot {__version__}: attention, a person is needed"
    assert done.out.splitlines()[-1] == "Switched off: attempt_notify; see `tbot get config`"
    assert done.out.splitlines()[-2].startswith("Last sync: done, started 20")
    assert cli.tbot("status", "--json").print_json["switched_off"] == ["attempt_notify"]
