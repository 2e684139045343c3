"""P2, L8: from the form to the bot's message and into the panel, on a real server."""

from __future__ import annotations

import re

import pytest
import requests

from tests.environment import World, wait_for
from ticketbot.database import db
from ticketbot.models import api_keys, messages, recipients, users

PANEL = "https://tbot.example.com"
EMAIL = "ana@msp.example"


@pytest.fixture
def world(database: str) -> World:
    """Return services that Ana has an account at, and nobody has looked her up."""
    return World(database)


def _add_user(world: World, email: str) -> None:
    with db.transaction("test"):
        user = users.add_user("Ana", email, world.webex.now())
        api_keys.add_key(user, api_keys.new_key(), world.webex.now(), scope="read")


def _ask(url: str, email: str) -> requests.Response:
    headers = {"Origin": PANEL}
    return requests.post(f"{url}/panel/sign-in/send", data={"email": email}, headers=headers, timeout=10)


def test_somebody_who_was_never_looked_up_signs_in_by_a_link(world: World) -> None:
    with world, world.server(TBOT_PANEL_URL=PANEL) as server:
        _add_user(world, EMAIL)
        assert _ask(server.url, EMAIL.upper()).status_code == 200
        assert wait_for(lambda: bool(world.webex.messages()))
        (message,) = world.webex.messages()
        assert message.person_id == world.accounts["ana"]
        found = re.search(rf"{PANEL}(/panel/sign-in/link\?token=([\w-]+))", message.markdown)
        assert found
        assert "<button" in requests.get(server.url + found[1], timeout=10).text
        with requests.Session() as browser:
            entered = browser.post(
                f"{server.url}/panel/sign-in/link",
                data={"token": found[2]},
                headers={"Origin": PANEL},
                allow_redirects=False,
                timeout=10,
            )
            assert (entered.status_code, entered.headers["Location"]) == (303, "/panel/")
            assert {"HttpOnly", "Secure"} <= set(re.findall(r"\w+", entered.headers["Set-Cookie"]))


def test_strangers_make_us_look_nobody_up(world: World) -> None:
    """An address without a user of ours is neither asked for at Webex nor becomes a recipient."""
    with world, world.server(TBOT_PANEL_URL=PANEL) as server:
        _add_user(world, "ben@msp.example")
        assert _ask(server.url, EMAIL).status_code == 200
        server._later.submit(lambda: None).result()
        assert world.webex.calls.counts().get("GET people", 0) == 0
        with db.session():
            assert not recipients.Recipient.select().exists()
            assert not messages.Message.select().exists()
