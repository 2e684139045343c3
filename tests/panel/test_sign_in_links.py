"""One-time links into the panel, from the form to the message and back (P2, L8)."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.panel.browser import Browser
from tests.server.api_server import URL, Api
from ticketbot.database import db
from ticketbot.models import api_keys, messages, panel_sessions, recipients, servers, sign_in_links, users
from ticketbot.pipeline import clock, deliver, render, sign_in_message
from ticketbot.simulators import faults
from ticketbot.webex import markdown, webex_client

EMAIL = "ana@msp.example"
SAME_ANSWER = "If this address is that of a user with a living key"


@pytest.fixture
def ana(api: Api) -> Iterator[Browser]:
    """Yield the browser of Ana, who has a key and a Webex account, and has not signed in."""
    api.administrator(EMAIL, scope="operate")
    api.recipient("Ana")
    yield Browser(api)


def deliver_all(api: Api) -> None:
    """Send what waits, as the server does."""
    with db.transaction("test"):
        server = servers.Current(servers.add("test", "2.0.0", api.clock.now()))
    services = deliver.Services(
        webex_client.Webex(url=api.webex.url, token=api.webex.token),
        render.Links(lambda number: f"https://cw.example/{number}", URL),
        server,
        clock.Clocks(api.clock.now),
        lambda _: True,
    )
    while deliver.send_next(services):
        pass


def ask(browser: Browser, email: str = EMAIL) -> None:
    browser.open("/panel/sign-in")
    browser.post("/panel/sign-in/send", email=email)


def link(api: Api) -> str:
    """Return the token in the last message that Webex got."""
    deliver_all(api)
    found = re.search(rf"{URL}/panel/sign-in/link\?token=([\w-]+)", api.webex.messages()[-1].markdown)
    assert found, api.webex.messages()[-1].markdown
    return found[1]


def enter(browser: Browser, token: str) -> int:
    browser.open(f"/panel/sign-in/link?token={token}")
    return browser.post("/panel/sign-in/link", token=token).status_code


def test_link_opens_the_panel_once(api: Api, ana: Browser) -> None:
    """The session has the widest scope of the user's living keys."""
    api.administrator("ben@msp.example")
    with db.transaction("test"):
        user = users.User.get(users.User.email == EMAIL)
        api_keys.add_key(user, api_keys.new_key(), api.clock.now(), scope="read")
        api_keys.add_key(user, api_keys.new_key(), api.clock.now(), scope="admin", expires_at=api.clock.now())
    ask(ana)
    assert SAME_ANSWER in ana.said()
    token = link(api)
    assert enter(ana, token) == 200
    assert ana.url == "/panel/"
    assert "(operate)" in ana.page
    assert enter(Browser(api), token) == 401


@pytest.mark.parametrize("way", ["key", "link"])
def test_whoever_signs_in_gets_to_the_page_that_a_message_links_to(api: Api, ana: Browser, way: str) -> None:
    """B7: the link to an explanation is often the first page of the day."""
    ticket = api.ticket()
    story = f"/panel/tickets/{ticket}?for=Ana+%26+Ben"
    ana.open(story)
    assert ana.url == "/panel/sign-in"
    if way == "key":
        ana.post("/panel/sign-in", key=api.administrator("ben@msp.example"))
    else:
        ana.post("/panel/sign-in/send", email=EMAIL)
        ana.post("/panel/sign-in/link", token=link(api))
    assert ana.url == story
    assert not ana.cookies["tbot_wanted"]


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example", "/panel/%0d%0aX-Evil:1", "/users", "%ff"])
def test_nobody_is_sent_anywhere_else(api: Api, ana: Browser, page: str) -> None:
    ana.cookies["tbot_wanted"] = page
    ana.post("/panel/sign-in", key=api.administrator("ben@msp.example"))
    assert ana.url == "/panel/"


def test_address_that_no_cookie_can_hold_is_forgotten(api: Api, ana: Browser) -> None:
    assert ana.open(f"/panel/tickets?q={'x' * 5000}").status_code == 200
    assert "tbot_wanted" not in ana.cookies


def test_session_lasts_as_long_as_the_longest_of_the_widest_keys(api: Api, ana: Browser) -> None:
    """It ends with its key, so the key is one that stays."""
    now = api.clock.now()
    with db.transaction("test"):
        user = users.User.get(users.User.email == EMAIL)
        api_keys.ApiKey.update(expires_at=now + timedelta(minutes=1)).execute()
        lasting = api_keys.add_key(user, api_keys.new_key(), now, scope="operate").row.id
        api_keys.add_key(user, api_keys.new_key(), now, scope="operate", expires_at=now + timedelta(hours=1))
        found = sign_in_links.widest_key(user.id, now)
    assert found is not None
    assert found.id == lasting


def test_looking_at_the_link_does_not_use_it_up(api: Api, ana: Browser) -> None:
    ask(ana)
    token = link(api)
    for _ in range(3):
        assert Browser(api).open(f"/panel/sign-in/link?token={token}").status_code == 200
    assert enter(ana, token) == 200


def test_link_lasts_ten_minutes(api: Api, ana: Browser) -> None:
    ask(ana)
    token = link(api)
    api.clock.advance(600)
    assert enter(ana, token) == 401
    assert "too old" in ana.alerts()


def test_used_link_leaves_a_trace(api: Api, ana: Browser, caplog: pytest.LogCaptureFixture) -> None:
    """A2: refused access is logged, without the token (A6)."""
    ask(ana)
    token = link(api)
    assert [enter(ana, token), enter(Browser(api), token)] == [200, 401]
    assert "refused POST /panel/sign-in/link from 192.0.2.1: wrong link" in caplog.text
    assert token not in caplog.text


def test_two_at_once_get_one_session(api: Api, ana: Browser) -> None:
    ask(ana)
    token, answers = link(api), list[int]()
    both = [Browser(api), Browser(api)]
    threads = [threading.Thread(target=lambda each=each: answers.append(enter(each, token))) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [200, 401]
    with db.session():
        assert panel_sessions.PanelSession.select().count() == 1


@pytest.mark.parametrize("email", ["nobody@msp.example", "no address", "", "x" * 5000, "ana@msp.example\r\nx"])
def test_unknown_address_gets_the_same_answer(api: Api, ana: Browser, email: str) -> None:
    ask(ana, email)
    assert SAME_ANSWER in ana.said()
    with db.session():
        assert not messages.Message.select().exists()


def test_user_without_a_living_key_gets_no_link(api: Api, ana: Browser) -> None:
    with db.transaction("test"):
        api_keys.ApiKey.update(expires_at=api.clock.now()).execute()
    ask(ana)
    assert SAME_ANSWER in ana.said()
    with db.session():
        assert not messages.Message.select().exists()


def test_one_link_a_minute_for_an_address_and_for_a_user(api: Api, ana: Browser) -> None:
    ask(ana)
    ask(ana)
    assert "one sign-in link a minute" in ana.alerts()
    ana.open("/panel/sign-in")
    ana.api.clock.advance(1)
    assert _links() == 1
    api.clock.advance(60)
    ask(ana)
    assert _links() == 2


def test_requests_from_many_addresses_send_one_link_a_minute(api: Api, ana: Browser) -> None:
    ask(ana)
    with db.session():
        recipient = messages.Message.select().first().recipient
    sign_in_message.send(EMAIL, lambda _: recipient, api.clock.now, lambda: None)
    assert _links() == 1


def test_link_is_stored_nowhere_and_logged_nowhere(
    api: Api, ana: Browser, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A6, L8."""
    with caplog.at_level(logging.DEBUG):
        ask(ana)
        token = link(api)
    assert token not in caplog.text
    with db.session():
        (message,) = messages.Message.select()
        (row,) = sign_in_links.SignInLink.select()
    assert token not in message.markdown
    assert token not in row.token_hash
    for path in ("/notifications", "/audit", "/events"):
        assert token not in api.request("GET", path, key=key).text


def test_link_that_webex_finds_too_long_is_not_stored_either(api: Api, ana: Browser) -> None:
    """L8: whatever half of it was posted in the end."""
    ask(ana)
    with db.session():
        (waiting,) = messages.Message.select()
    posted = sign_in_message.with_link(waiting.markdown, waiting.id, URL, api.clock.now)
    assert "token=" in posted
    for text in (posted, markdown.halve(posted)):
        assert sign_in_message.without_link(text) == sign_in_message.TEXT


def test_text_that_looks_like_ours_is_shown_as_typed(api: Api) -> None:
    """B3: only a sign-in message gets a link, and only its text is not kept."""
    typed = f"**New ticket** {{sign-in link}} {URL}{sign_in_message.PATH}?token=x"
    assert sign_in_message.with_link(typed, 1, URL, api.clock.now) == typed
    assert sign_in_message.without_link(typed) == typed


def test_failure_to_look_somebody_up_is_said_in_the_log_only(
    api: Api, ana: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with db.transaction("test"):
        recipients.Recipient.delete().execute()
    api.webex.faults.add(faults.down(path="/people"))
    with caplog.at_level(logging.INFO):
        ask(ana)
    assert SAME_ANSWER in ana.said()
    assert "no sign-in link was sent: Webex" in caplog.text


def test_bug_is_in_the_log(api: Api, ana: Browser, caplog: pytest.LogCaptureFixture) -> None:
    sign_in_message.send(EMAIL, lambda _: 1 // 0, api.clock.now, lambda: None)
    assert "ZeroDivisionError" in caplog.text
    assert _links() == 0


def test_user_without_an_account_gets_no_link(api: Api, ana: Browser) -> None:
    sign_in_message.send(EMAIL, lambda _: None, api.clock.now, lambda: None)
    assert _links() == 0


def test_repeat_has_a_link_of_its_own(api: Api, ana: Browser) -> None:
    """L2, L8: Webex may have got the first, so the second says what it is."""
    ask(ana)
    api.webex.faults.add(faults.accept_then_drop(path="/messages", times=1))
    first = link(api)
    api.clock.advance(30)
    second = link(api)
    assert first != second
    assert api.webex.messages()[-1].markdown.endswith(render.REPEAT)
    with db.session():
        (message,) = messages.Message.select()
    assert message.markdown == sign_in_message.TEXT
    assert [enter(Browser(api), token) for token in (first, second)] == [401, 200]


def test_link_that_comes_too_late_is_none(api: Api, ana: Browser) -> None:
    """Webex was away for longer than the link lasts."""
    ask(ana)
    api.clock.advance(601)
    deliver_all(api)
    assert "comes too late" in api.webex.messages()[-1].markdown


def test_form_of_another_site_sends_nothing(api: Api, ana: Browser) -> None:
    """P3."""
    ana.open("/panel/sign-in")
    assert (
        ana.post("/panel/sign-in/send", email=EMAIL, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    )
    assert _links() == 0


def test_panel_that_is_off_is_not_there(api: Api, ana: Browser, key: str) -> None:
    """A session does nothing either; the API goes on."""
    ask(ana)
    enter(ana, link(api))
    assert api.request("PUT", "/config", key=key, json={"panel": False}).status_code == 200
    for path in ("/", "/panel/", "/panel/sign-in", "/panel/tickets", "/panel/rules/new", "/panel/static/panel.css"):
        assert ana.open(path).status_code == 404, path
    assert ana.post("/panel/sign-in/send", email=EMAIL).status_code == 404
    assert api.request("GET", "/status", key=key).status_code == 200


def _links() -> int:
    with db.session():
        return int(sign_in_links.SignInLink.select().count())
