"""`explain?for=` takes any name of a person or room (D8)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.server.api_server import Api
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import recipients, tickets

TICKET = 4711


def _decision(who: str, subject: str = "new:4711") -> dict[str, Any]:
    reasons = [{"code": "assigned", "names": ["owner"]}]
    return {"subject": subject, "who": who, "outcome": "told", "reasons": reasons}


@pytest.fixture
def ben(api: Api) -> int:
    """Return the account of Ben, who is also a member, and is notified of a ticket."""
    account = api.recipient("Ben Bauer")
    api.ticket(id=TICKET)
    event = api.event(TICKET, decisions=[_decision("Ben Bauer"), _decision("Dan")])
    api.notification(account, ticket_id=TICKET, recipient_name="Ben B. (renamed since)", event=event)
    api.notification(None, "skipped", ticket_id=TICKET, recipient_name="Dan", event=event)
    with db.transaction("test"):
        emails = {"bbauer": "Ben.Bauer@msp.example", "ghost": None}
        for number, (identifier, email) in enumerate(emails.items()):
            name = "Benjamin Bauer" if email else "Gil Ghost"
            tickets.Member.create(id=number, identifier=identifier, lookup=identifier, name=name, email=email)
        recipients.PersonEmail.create(recipient=account, email="ben.bauer@msp.example")
        room = {"type": recipients.ROOM, "webex_id": "room", "name": "Bauhaus"}
        recipients.Recipient.create(**room, fetched_at=datetime(2026, 3, 1, tzinfo=UTC))
    return account


@pytest.mark.parametrize(
    "name", ["Ben Bauer", "ben bauer ", "BEN.BAUER@msp.example", "bBauer", "Benjamin Bauer", "the id"]
)
def test_a_person_is_known_by_all_names(name: str, ben: int, ana: client.Client) -> None:
    found = ana.explain(TICKET, about=str(ben) if name == "the id" else name)
    assert found.about in ("Ben Bauer", "Benjamin Bauer")
    assert [each.who for each in found.events[0].decisions] == ["Ben Bauer"]
    assert [each.recipient_id for each in found.notifications] == [ben]


@pytest.mark.parametrize(("name", "about"), [("ghost", "Gil Ghost"), ("bauhaus", "Bauhaus")])
@pytest.mark.usefixtures("ben")
def test_who_was_never_considered_gets_an_answer(name: str, about: str, ana: client.Client) -> None:
    found = ana.explain(TICKET, about=name)
    assert (found.about, found.notifications) == (about, [])
    said = [(each.who, each.outcome, each.reason) for each in found.events[0].decisions]
    assert said == [(about, "not told", "no assignment, rule or forward led to them")]


@pytest.mark.usefixtures("ben")
def test_who_only_the_ticket_names_is_found(ana: client.Client) -> None:
    """D7: somebody whom neither ConnectWise nor Webex knows."""
    found = ana.explain(TICKET, about="dan")
    assert [each.who for each in found.events[0].decisions] == ["Dan"]
    assert [each.recipient_name for each in found.notifications] == ["Dan"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Ben Baur", " Did you mean 'Ben Bauer'?"),
        ("bau", " Did you mean Bauhaus or 'Ben Bauer' or 'Benjamin Bauer'?"),
        ("x", ""),
    ],
)
@pytest.mark.usefixtures("ben")
def test_an_unknown_name_is_refused_with_the_nearest(name: str, nearest: str, ana: client.Client) -> None:
    with pytest.raises(errors.NotFound) as failure:
        ana.explain(TICKET, about=name)
    assert str(failure.value) == f"No recipient or member is named {name!a}.{nearest}"


def test_a_name_that_is_empty_or_given_twice_is_not_valid(api: Api, key: str) -> None:
    for query in ("for=", "for=a&for=b", "about=ana", "for=null"):
        status = api.request("GET", f"/cw/tickets/{TICKET}/explain?{query}", key=key).status_code
        assert status == (404 if query == "for=null" else 422)
