"""`tbot explain` reads like the answer of a colleague (D8)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from tests.cli.cli_runner import CliRunner
from tests.environment import minutes_ago
from ticketbot.database import db
from ticketbot.models import events, messages, notifications
from ticketbot.simulators.faults import Fault


def test_it_says_what_happened_who_was_told_and_who_was_not_and_why(cli: CliRunner) -> None:
    world = cli.world
    world.add_rule("Help Desk")
    ticket = world.connectwise.add_ticket(
        world.board, "Printer on fire", company=world.company, resources=["ana", "ben"], entered_at=minutes_ago(1)
    )
    world.settle()
    world.connectwise.add_note(ticket, "Bring water", member="ben")
    world.settle()
    shown = cli.tbot("explain", str(ticket)).out
    assert shown.startswith(f"Ticket {ticket}: Printer on fire\n  open; board Service Desk;")
    day = datetime.now(UTC).strftime("%Y-%m")
    assert len(re.findall(rf"^{day}-\d\d \d\d:\d\d:\d\dZ  ConnectWise sent a webhook", shown, re.M)) == 2
    newest, oldest = shown.split("\n\n")[1:]
    assert "new ticket:" in oldest
    assert re.search(r"- Help Desk was notified on [-\d: ]+Z by message \d+: rule 1\n", oldest), shown
    assert re.search(r"- Ana \w+ was notified on [-\d: ]+Z by message \d+: assigned", oldest), shown
    assert re.search(r"note \d+:\n", newest)
    assert re.search(r"- Ben \w+ was not notified: author of the note", newest), shown
    assert "Help Desk" not in newest


def test_asked_about_one_person_it_answers_for_them_alone(cli: CliRunner) -> None:
    world = cli.world
    world.add_rule("Help Desk")
    world.add_rule("Night Shift")
    world.recipient("ben")
    ticket = world.connectwise.add_ticket(world.board, "Printer on fire", resources=["ana"], entered_at=minutes_ago(1))
    world.settle()
    world.connectwise.add_note(ticket, "Bring water", member="ana")
    world.settle()

    def shown(name: str) -> str:
        return cli.tbot("explain", str(ticket), f"--for={name}").out

    assert "Only what concerns Ana" in shown("ana")
    assert re.search(r"new ticket:\n    - Ana \w+ was notified on [^\n]*: assigned \(resource\)\n", shown("ana"))
    assert re.search(r"note \d+:\n    - Ana \w+ was not notified: author of the note\n", shown("ana"))
    said = "was not notified: not assigned, and no rule names them"
    assert len(re.findall(rf"- Ben \w+ {said}\n", shown("ben bauer"))) == 2
    assert re.search(r"note \d+:\n    - Help Desk was not notified: rule 1 does not apply to this", shown("help desk"))
    assert "Night Shift" not in shown("help desk")
    unknown = cli.tbot("explain", str(ticket), "--for=Help Dsk")
    assert (unknown.status, unknown.err.strip()) == (
        4,
        "tbot: No recipient or member is named 'Help Dsk'. Did you mean 'Help Desk'?",
    )


def test_what_is_dead_says_how_to_send_it_again(cli: CliRunner) -> None:
    world = cli.world
    world.add_rule("Help Desk")
    world.webex.faults.add(
        Fault(effect="answer", method="POST", path="messages", status=400, content='{"message": "no"}')
    )
    ticket = world.connectwise.add_ticket(world.board, "Printer on fire", entered_at=minutes_ago(1))
    world.settle()
    shown = cli.tbot("explain", str(ticket)).out
    assert re.search(r"- Help Desk could not be notified .* `tbot retry 1`\s+resends\s+it", shown, re.S), shown


def test_an_event_that_waits_says_for_what(cli: CliRunner) -> None:
    world = cli.world
    world.connectwise.faults.add(Fault(effect="answer", path="tickets/", status=500))
    ticket = world.connectwise.add_ticket(world.board, "Printer on fire", entered_at=minutes_ago(1))
    assert world.connectwise.wait_for_webhooks(10)
    from tests.environment import wait_for

    assert wait_for(lambda: "Waiting until" in cli.tbot("explain", str(ticket)).out)
    shown = " ".join(cli.tbot("explain", str(ticket)).out.split())
    assert f"Ticket {ticket} is not known yet" in shown
    assert "ConnectWise" in shown
    assert "500" in shown


def test_messages_whose_event_is_no_longer_kept_are_still_told(cli: CliRunner) -> None:
    cli.furnish()
    with db.transaction("test"):
        events.Event.delete().execute()
    shown = cli.tbot("explain", "#1234").out
    assert "From events already removed (retention):" in shown
    dead = "- Help Desk could not be notified (rule 1): Webex: no room Help Desk. Given up on "
    assert re.search(
        rf"{re.escape(dead)}{datetime.now(UTC):%Y-%m}-[-\d: ]+Z after 3 tries; `tbot retry 1` resends it",
        " ".join(shown.split()),
    ), shown


def test_a_second_look_that_found_nothing_new_says_just_that(cli: CliRunner) -> None:
    world = cli.world
    ticket = world.connectwise.add_ticket(world.board, "Printer on fire", entered_at=minutes_ago(1))
    world.settle()
    world.connectwise.update_ticket(ticket)
    world.settle()
    newest, oldest = cli.tbot("explain", str(ticket)).out.split("\n\n")[1:]
    assert re.search(r"\[event \d+\]\n  - nothing new$", newest.strip())
    said = "new ticket: - no one was notified: no rule names it, and it concerns no one who is assigned"
    assert " ".join(oldest.split()).endswith(said)


def test_who_waits_for_another_try_is_not_said_to_have_been_told(cli: CliRunner) -> None:
    cli.furnish()
    next_try_at = datetime.now(UTC) + timedelta(hours=1)
    with db.transaction("test"):
        notifications.Notification.update(state=notifications.PENDING).execute()
        messages.Message.update(
            state=notifications.PENDING, attempts=5, error="Webex is away", due_at=next_try_at
        ).execute()
    shown = " ".join(cli.tbot("explain", "1234").out.split())
    when = f"{next_try_at:%Y-%m-%d %H:%M:%S}Z"
    assert f"- Help Desk is not notified yet, will retry on {when} after 5 tries (rule 1): Webex is away" in shown


def test_the_full_stop_of_others_is_not_doubled(cli: CliRunner) -> None:
    cli.furnish()
    with db.transaction("test"):
        messages.Message.update(error="Could not find a room with provided ID.").execute()
    shown = " ".join(cli.tbot("explain", "1234").out.split())
    assert "Could not find a room with provided ID. Given up on " in shown
