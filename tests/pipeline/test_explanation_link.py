"""B7: the small line of a message links to its explanation, where people can reach the panel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.simulated_time import Stepper
from ticketbot.database import db
from ticketbot.models import quiet_hours
from ticketbot.pipeline import render


@pytest.fixture
def stepper(database: str) -> Iterator[Stepper]:
    """Return a server whose panel people can reach."""
    with Stepper(database) as stepper:
        links = stepper.messages.links._replace(panel="https://tbot.example.com")
        stepper.messages = replace(stepper.messages, links=links)
        yield stepper


def last_line(stepper: Stepper) -> str:
    ticket_id = stepper.add_ticket("ana", note="zero")
    stepper.accept_webhook(ticket_id)
    stepper.run(minutes=1)
    line = stepper.world.webex.messages()[-1].markdown.splitlines()[-1]
    return line.replace(str(ticket_id), "<id>")


def test_message_links_to_the_story_of_its_ticket(stepper: Stepper) -> None:
    assert last_line(stepper).endswith("_ [Explain](https://tbot.example.com/panel/tickets/<id>)")


def test_no_link_while_the_panel_is_off(stepper: Stepper) -> None:
    stepper.world.configure(panel=False)
    assert "[Explain]" not in last_line(stepper)


def test_no_link_where_people_cannot_reach_the_panel(stepper: Stepper) -> None:
    stepper.messages = replace(stepper.messages, links=render.Links(stepper.messages.links.ticket))
    assert "[Explain]" not in last_line(stepper)


def test_line_of_a_digest_about_a_closed_ticket_has_the_link_too(stepper: Stepper) -> None:
    """N4: it says nothing of what happened, so whoever wants to know needs the way there."""
    hours = {"days": ["mon"], "start": "08:00", "end": "12:00", "timezone": "UTC"}
    ana = stepper.world.recipient("ana")
    with db.transaction("test"):
        quiet_hours.QuietHours.create(recipient=ana, created_at=stepper.clock(), **hours)
    closed, _ = (stepper.announce("ana", note="zero") for _ in range(2))
    stepper.world.connectwise.update_ticket(closed, status=">Closed", notify=False)
    stepper.accept_webhook(closed)
    stepper.run(hours=4)
    lines = stepper.world.webex.messages()[-1].markdown.splitlines()
    link = f"[Explain](https://tbot.example.com/panel/tickets/{closed})"
    assert [line.endswith(f"closed in the meantime, 1 note not shown {link}") for line in lines if link in line] == [
        True
    ]
