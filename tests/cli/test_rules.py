"""Rules on the command line: their options, and trying them (R1, R6)."""

from __future__ import annotations

import pytest

from tests.cli.cli_runner import CliRunner
from tests.cli.test_widths import widest
from ticketbot.database import db
from ticketbot.models import rules, tickets


@pytest.fixture
def furnished(cli: CliRunner) -> CliRunner:
    """Return a command line whose server has one of everything."""
    cli.furnish()
    return cli


def test_a_rule_is_created_with_all_its_options(furnished: CliRunner) -> None:
    done = furnished.tbot(
        "create", "rule", "--all-boards", "--recipient=Help Desk", "--name=Urgent", "--events=new, closed",
        "--when=priority_sort <= 3", "--dry-run", "--json",
    )  # fmt: skip
    assert done.status == 0, done
    assert (done.print_json["board_id"], done.print_json["recipient_name"]) == (None, "Help Desk")
    assert done.print_json["events"] == ["new", "closed"]
    assert (done.print_json["condition"], done.print_json["name"]) == ("priority_sort <= 3", "Urgent")
    assert (done.print_json["dry_run"], done.print_json["target"]) == (True, "recipient")
    listed = furnished.tbot("list", "rules").out.splitlines()[2]
    for shown in ("all boards", "Help Desk", "new, closed", "priority_sort <= 3", "Urgent", "dry run"):
        assert shown in listed


def test_a_rule_is_created_for_the_assigned_people(furnished: CliRunner) -> None:
    done = furnished.tbot("create", "rule", "--board-id=1", "--assigned", "--json")
    assert (done.print_json["target"], done.print_json["recipient_id"]) == ("assigned", None)
    assert "the assigned people" in furnished.tbot("list", "rules").out


def test_a_rule_is_changed_and_its_condition_removed(furnished: CliRunner) -> None:
    for options, expected in (
        (["--when=closed", "--name=Paper"], {"condition": "closed", "name": "Paper"}),
        (["--assigned", "--all-boards"], {"target": "assigned", "board_id": None}),
        (["--recipient-id=2", "--events=changed"], {"target": "recipient", "recipient_id": 2, "events": ["changed"]}),
        (["--when=none", "--name=NONE", "--dry-run=true"], {"condition": None, "name": None, "dry_run": True}),
        (["--enabled=false"], {"enabled": False, "dry_run": True}),
    ):
        done = furnished.tbot("update", "rule", "1", *options, "--json")
        assert done.status == 0, done
        assert expected.items() <= done.print_json.items()
    assert furnished.tbot("update", "rule", "1").status == 3


def test_mistakes_are_named(furnished: CliRunner) -> None:
    wrong = furnished.tbot("create", "rule", "--board-id=1", "--recipient-id=1", "--events=news")
    assert (wrong.status, "names 'news'" in wrong.err, "Did you mean new?" in wrong.err) == (3, True, True)
    wrong = furnished.tbot("create", "rule", "--board-id=1", "--recipient-id=2", "--when=severty == null")
    assert wrong.status == 3
    assert "there is no field severty. Did you mean severity? (at character 1)" in wrong.err


def test_help_says_how_to_write_a_condition(furnished: CliRunner) -> None:
    page = furnished.tbot("help", "create", "rule").out
    for word in ("priority_sort <= 3", "note.by_customer", "old.status", "assigned_count", "customer_note", "??"):
        assert word in page
    assert widest(page) <= 80


def test_the_configuration_has_the_events_of_the_assigned_people(furnished: CliRunner) -> None:
    done = furnished.tbot("update", "config", "--assigned-events=new,closed", "--json")
    assert done.print_json["assigned_events"] == ["new", "closed"]
    assert furnished.tbot("update", "config", "--assigned-events=none", "--json").print_json["assigned_events"] == []


def test_a_rule_is_tried_on_a_ticket(furnished: CliRunner) -> None:
    stored = furnished.tbot("try", "1234", "--rule-id=1").out.splitlines()
    assert stored[:3] == [
        "If `new` happened to ticket 1234 now:",
        "  - Ben Help Desk would be notified: forward 1 (Help Desk > Ben Help Desk)",
        "  - Help Desk would not be notified: forward 1 (Help Desk > Ben Help Desk)",
    ]
    changed = furnished.tbot("try", "#1234", "--rule-id=1", "--events=closed", "--when=closed", "--event=closed").out
    assert "Help Desk: the condition of rule 1 does not match: closed is false" in changed
    proposed = furnished.tbot("try", "1234", "--recipient=Help Desk", "--event=status", "--events=status").out
    assert "Ben Help Desk would be notified: forward 1" in proposed
    with db.session():
        assert rules.Rule.select().count() == 1


def test_a_ticket_nobody_works_on_concerns_no_one(furnished: CliRunner) -> None:
    with db.transaction("test"):
        tickets.Ticket.update(resources=[], board_id=None).execute()
    assert "no one would be notified" in furnished.tbot("try", "1234", "--rule-id=1").out


def test_a_backtest_is_shown_with_its_progress_on_a_terminal(furnished: CliRunner) -> None:
    with furnished.world.server() as server:
        assert server
    plain = furnished.tbot("backtest", "--rule-id=1", "--days=30")
    assert plain.out.splitlines()[:2] == [
        "0 events decided again: 0 notifications sent",
        "With the rule: 0 notifications",
    ]
    shown = furnished.tbot("backtest", terminal=True)
    assert shown.status == 0
    assert "Deciding the last 7 days again" in shown.err
