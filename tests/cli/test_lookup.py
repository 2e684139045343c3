"""Boards, recipients and users can be named instead of numbered, as long as only one has the name."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime

import pytest

from tests.cli.cli_runner import CliRunner
from ticketbot.database import db
from ticketbot.models import recipients, tickets


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("get board 'Service Desk'", "id", 1),
        ("get board 'service desk'", "id", 1),
        ("get board 1", "id", 1),
        ("get recipient ben@example.com", "id", 2),
        ("get user 'Ana Alvarez'", "id", 1),
        ("create rule --board='Service Desk' --recipient='Ben Help Desk'", "recipient_id", 2),
        ("create rule --board='Service Desk' --recipient-id=2", "recipient_id", 2),
        ("create forward --source='Ben Help Desk' --destination-id=1 --end=2020-01-01", "source_id", 2),
        ("test ben@example.com", "recipient_id", 2),
        ("test #1", "recipient_id", 1),
        ("explain '#1234'", "ticket_id", 1234),
        ("get ticket '#1234'", "id", 1234),
    ],
)
def test_a_name_stands_for_its_id(cli: CliRunner, line: str, field: str, value: int) -> None:
    cli.furnish()
    with db.transaction("test"):
        person = cli.world.webex.add_person("ben@example.com", "Ben Help Desk")
        recipients.Recipient.update(webex_id=person).where(recipients.Recipient.id == 2).execute()
    done = cli.tbot(*shlex.split(line), "--json")
    assert done.status == 0, done
    assert done.print_json[field] == value


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("list tickets --board='Service Desk'", 1),
        ("list notifications --recipient='Help Desk'", 1),
        ("list notifications --recipient='Ben Help Desk'", 0),
        ("list tickets --search='#1234'", 1),
        ("list tickets --search='no such'", 0),
        ("list notifications --search='desk help'", 1),
        ("list events --ticket-id=1234 --state=dead", 1),
        ("list events --state=waiting", 0),
    ],
)
def test_a_list_is_filtered_by_name_and_words(cli: CliRunner, line: str, count: int) -> None:
    cli.furnish()
    assert len(cli.tbot(*shlex.split(line), "--json").print_json) == count


def test_ambiguous_name_is_a_conflict_that_lists_the_ids(cli: CliRunner) -> None:
    cli.furnish()
    with db.transaction("test"):
        tickets.Board.create(id=77, name="SERVICE DESK")
    done = cli.tbot("get", "board", "Service Desk")
    assert (done.status, done.out) == (5, "")
    assert done.err == "tbot: 2 boards are named 'Service Desk': 1, 77. Give the id instead.\n"


def test_unknown_name_gets_a_suggestion(cli: CliRunner) -> None:
    cli.furnish()
    done = cli.tbot("create", "rule", "--board=Servise Desk", "--recipient-id=1")
    assert done.status == 4
    assert (
        done.err
        == "tbot: There is no board named 'Servise Desk'. Did you mean 'Service Desk'? See `tbot list boards`.\n"
    )


def test_the_audit_trail_shows_what_changed(cli: CliRunner) -> None:
    cli.furnish()
    cli.tbot("update", "rule", "1", "--enabled=false")
    assert "enabled: yes > no" in cli.tbot("list", "audit").out


def test_keys_are_listed_with_the_names_of_their_users(cli: CliRunner) -> None:
    heading, row = cli.tbot("list", "keys").out.splitlines()
    assert heading.split() == ["id", "user", "id", "user", "ends", "in", "scope", "expires", "created", "last", "used"]
    assert "Ana Alvarez" in row
    assert f"{datetime.now(UTC):%Y-%m-}" in row


def test_an_event_shows_its_error(cli: CliRunner) -> None:
    cli.furnish()
    assert "error " in cli.tbot("get", "event", "1").out
    assert "dead" in cli.tbot("list", "events").out
