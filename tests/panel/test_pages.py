"""The web panel over a real database, in this process (section P)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.panel.browser import OURS, Browser, signed_in
from tests.server.api_server import Api
from ticketbot.database import db
from ticketbot.models import api_keys, audit, notifications, panel_sessions, rules, users
from ticketbot.panel import lists, names, templates

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> {{ticket}} % include('x') \" ' &"


@pytest.fixture
def stranger(api: Api) -> Browser:
    return Browser(api)


@pytest.fixture
def lead(api: Api, key: str) -> Browser:
    """Return the browser of Ana, who has signed in."""
    return signed_in(api, key)


def stored_sessions() -> list[panel_sessions.PanelSession]:
    with db.session():
        return list(panel_sessions.PanelSession.select())


def test_whoever_has_not_signed_in_is_asked_to(stranger: Browser) -> None:
    """P2."""
    for path in ("/", "/panel", "/panel/", "/panel/tickets", "/panel/tickets/1", "/panel/rules"):
        stranger.open(path)
        assert stranger.url == "/panel/sign-in", path


def test_cookie_is_out_of_reach_and_its_session_is_stored_hashed(stranger: Browser, key: str) -> None:
    """P2."""
    response = stranger.send("POST", "/panel/sign-in", data={"key": key}, headers=OURS)
    cookie = response.headers["Set-Cookie"]
    token = stranger.cookies["tbot_session"]
    assert {"HttpOnly", "Path=/panel/"} <= set(cookie.split("; "))
    assert "samesite=lax" in cookie.lower()
    (row,) = stored_sessions()
    assert token not in row.token_hash


def test_wrong_keys_are_refused_and_throttled(stranger: Browser, key: str) -> None:
    """A2."""
    answers = [stranger.post("/panel/sign-in", key="tbot_wrong").status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    assert not stored_sessions()
    assert stranger.post("/panel/sign-in", key="ünknown").status_code == 429
    assert stranger.post("/panel/sign-in", key=key).status_code == 200


def test_session_ends_after_twelve_hours(api: Api, lead: Browser) -> None:
    """P2."""
    api.clock.advance(12 * 3600 - 1)
    lead.open("/panel/rules")
    assert lead.url == "/panel/rules"
    api.clock.advance(1)
    lead.open("/panel/rules")
    assert lead.url == "/panel/sign-in"


@pytest.mark.parametrize("model", [api_keys.ApiKey, users.User])
def test_session_ends_with_its_key_or_user(lead: Browser, model: type[api_keys.ApiKey]) -> None:
    """P2."""
    with db.transaction("test"):
        model.delete().execute()
    lead.open("/panel/rules")
    assert lead.url == "/panel/sign-in"
    assert not stored_sessions()


def test_signing_out_ends_the_session(lead: Browser) -> None:
    lead.post("/panel/sign-out")
    assert lead.url == "/panel/sign-in"
    assert not stored_sessions()


def test_session_does_not_open_the_api(lead: Browser) -> None:
    """A2."""
    assert lead.open("/notifiers/rules").status_code == 401


@pytest.mark.parametrize("headers", [{}, {"Origin": "null"}, {"Origin": "https://elsewhere.example"}])
def test_form_of_another_site_changes_nothing(api: Api, lead: Browser, headers: dict[str, str]) -> None:
    """P3."""
    rule = _rule(api)
    assert lead.post(f"/panel/rules/{rule}/disable", headers=headers).status_code == 403
    assert lead.post("/panel/sign-in", headers=headers).status_code == 403
    assert _is_enabled(rule)


@pytest.mark.parametrize("csrf", ["", "0" * 64, "ü"])
def test_form_of_another_session_changes_nothing(api: Api, lead: Browser, csrf: str) -> None:
    """P3."""
    rule = _rule(api)
    assert lead.post(f"/panel/rules/{rule}/disable", csrf=csrf).status_code == 403
    assert _is_enabled(rule)


def test_rule_is_disabled_and_enabled_with_audit(api: Api, lead: Browser) -> None:
    """P1, A5."""
    rule = _rule(api)
    lead.open("/panel/rules")
    assert ">Disable</button>" in lead.page
    lead.post(f"/panel/rules/{rule}/disable")
    assert not _is_enabled(rule)
    assert ">Enable</button>" in lead.page
    lead.post(f"/panel/rules/{rule}/enable")
    assert _is_enabled(rule)
    with db.session():
        assert [(row.action, row.user_email, row.client_address) for row in audit.Audit.select()] == [
            ("update", "ana@example.com", "192.0.2.1")
        ] * 2


def test_ticket_is_found_by_its_summary_and_tells_its_story(api: Api, lead: Browser) -> None:
    """P1."""
    ticket = api.ticket(summary="Printer on fire")
    api.ticket(summary="Mail is late")
    decision = {"subject": f"new:{ticket}", "who": "Ben", "outcome": "not told", "reasons": [{"code": "author"}]}
    api.event(ticket, decisions=[decision])
    lead.open("/panel/tickets?q=printer&open=")
    assert "Printer on fire" in lead.page
    assert "Mail is late" not in lead.page
    assert f"/panel/tickets/{ticket}" in lead.page
    lead.open(f"/panel/tickets/{ticket}")
    assert "Ben was not notified" in lead.page
    assert lead.open("/panel/tickets/999999").status_code == 404
    assert lead.open(f"/panel/tickets/{'9' * 30}").status_code == 404


def test_dead_notification_is_sent_again(api: Api, lead: Browser) -> None:
    """L5."""
    dead = api.notification(api.recipient("Ben"), notifications.DEAD, ticket_id=7, recipient_name="Ben")
    lead.open("/panel/notifications?state=dead")
    lead.post(f"/panel/notifications/{dead}/retry")
    assert _state(dead) == notifications.PENDING
    lead.open("/panel/notifications")
    assert lead.post(f"/panel/notifications/{dead}/retry").status_code == 409


def test_all_that_match_are_sent_again_after_their_number_was_shown(api: Api, lead: Browser) -> None:
    """L5."""
    ben = api.recipient("Ben")
    dead = [api.notification(ben, notifications.DEAD, ticket_id=number) for number in (7, 7, 8)]
    lead.open("/panel/notifications/retry?ticket_id=7")
    assert "This sends again: 2 notifications" in lead.page
    lead.post("/panel/notifications/retry", ticket_id="7")
    assert [_state(each) for each in dead] == [notifications.PENDING, notifications.PENDING, notifications.DEAD]
    lead.open("/panel/notifications/retry?ticket_id=7")
    assert "Nothing that matches is dead." in lead.page


def test_what_is_sent_again_is_what_the_list_shows_however_long_ago_it_died(api: Api, lead: Browser) -> None:
    """P1: or the page says what else it is, since the API goes by when something died."""
    now = api.clock.now()
    old = {"created_at": now - timedelta(days=3), "died_at": now - timedelta(days=2)}
    dead = api.notification(api.recipient("Ben"), notifications.DEAD, ticket_id=7, **old)
    since = (now - timedelta(days=2, hours=12)).date()
    lead.open(f"/panel/notifications/retry?since={since}")
    assert "This sends again: 1 notification." in lead.page
    assert f"died since {since}, even what was decided earlier" in lead.page
    lead.open(f"/panel/notifications/retry?since={now.date()}")
    assert f"Nothing that matches is dead, or it died before {now.date()}." in lead.page
    lead.open("/panel/notifications?state=dead")
    (way,) = re.findall(r'href="([^"]*/retry[^"]*)"[^>]*>Send again what is dead', lead.page)
    lead.open(way)
    assert "This sends again: 1 notification." in lead.page
    lead.post("/panel/notifications/retry")
    assert _state(dead) == notifications.PENDING


def test_every_time_shows_the_exact_one_on_hover(api: Api, lead: Browser) -> None:
    """P3, P4: also within sentences, whatever else stands there."""
    hostile = "\x02<script>\x03x\x04 \x022026\x03<b>\x04"
    dead = api.notification(
        api.recipient("Ben"), notifications.DEAD, ticket_id=7, recipient_name=hostile, died_at=api.clock.now()
    )
    api.ticket(id=7)
    for path in ("", f"notifications/{dead}", "tickets/7", "notifications?state=dead"):
        lead.open(f"/panel/{path}")
        times = re.findall(r'<time datetime="([^"]+)" title="\1">[^<>]+</time>', lead.page)
        assert api.clock.now().isoformat() in times or not path
        assert not re.search(r"20\d\d-\d\d-\d\d \d\d:", re.sub(r"<time.*?</time>", "", lead.page))
        assert "<script>" not in lead.page
        assert "<b>" not in lead.page


def test_long_list_has_a_next_page_with_the_same_filter(api: Api, lead: Browser) -> None:
    tickets = [api.ticket(summary=f"Fire {number}") for number in range(lists.ROWS + 1)]
    lead.open("/panel/tickets?q=fire")
    (more,) = re.findall(r'href="(\?[^"]*)" rel="next"', lead.page)
    assert f"/panel/tickets/{tickets[0]}" not in lead.page
    lead.open(f"/panel/tickets{more.replace('&amp;', '&')}")
    assert f"/panel/tickets/{tickets[0]}" in lead.page


@pytest.mark.parametrize("query", ["since=x", "state=x", "after=x", "nothing=1", "ticket_id=0"])
def test_wrong_filter_is_named(lead: Browser, query: str) -> None:
    assert lead.open(f"/panel/notifications?{query}").status_code == 422
    assert query.partition("=")[0] in lead.page
    assert 'role="alert"' in lead.page


def test_every_list_opens_and_shows_no_markup_of_others(api: Api, lead: Browser) -> None:
    """P3: nothing that comes from a ticket is markup or a template."""
    room = api.recipient(HOSTILE, room=True)
    ticket = api.ticket(summary=HOSTILE, company=HOSTILE, status=HOSTILE)
    api.notification(room, notifications.DEAD, ticket_id=ticket, recipient_name=HOSTILE, error=HOSTILE)
    for path in (*names.TITLES, f"tickets/{ticket}", "notifications?q=%3Cscript%3E"):
        response = lead.open(f"/panel/{path}")
        assert response.status_code == 200, path
        assert response.headers["Content-Security-Policy"] == templates.HEADERS["Content-Security-Policy"]
        assert "<script>" not in lead.page
        assert "<img" not in lead.page
    lead.open(f"/panel/tickets/{ticket}")
    assert "&lt;script&gt;" in lead.page
    assert "{{ticket}}" in lead.page


@pytest.mark.parametrize(("zone", "shown"), [("", "10:00"), ("Asia%2FTokyo", "18:00"), ("..%2Fetc", "10:00")])
def test_times_are_in_the_zone_of_the_reader(api: Api, lead: Browser, zone: str, shown: str) -> None:
    """P4: the script has told it; without one, the zone of the server counts."""
    api.notification(api.recipient("Ben"))
    lead.cookies["tbot_timezone"] = zone
    lead.open("/panel/notifications")
    at = re.search(r'<time datetime="([^"]+)" title="([^"]+)">[0-9-]+ ([0-9]+:[0-9]+)', lead.page)
    assert at
    assert at[1] == at[2] == api.clock.now().isoformat()
    assert at[3] == shown


def test_static_files_are_open_and_small(stranger: Browser) -> None:
    """P3."""
    assert 0 < len(stranger.open("/panel/static/panel.css").content) <= 15_000
    assert 0 < len(stranger.open("/panel/static/panel.js").content) <= 6_000
    assert stranger.open("/panel/static/..%2fpages.py").status_code == 404


def _rule(api: Api) -> int:
    room, board = api.recipient("Help Desk", room=True), api.board()
    with db.transaction("test"):
        return int(rules.Rule.create(board=board, recipient=room, events=["new"], created_at=api.clock.now()).id)


def _is_enabled(rule: int) -> bool:
    with db.session():
        return bool(rules.Rule.get_by_id(rule).enabled)


def _state(notification: int) -> str:
    with db.session():
        return str(notifications.Notification.get_by_id(notification).state)
