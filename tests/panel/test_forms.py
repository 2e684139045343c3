"""The forms of the panel: what they save, what they refuse, and who sees them (P1, P5, R6)."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from tests.panel.browser import Browser, signed_in
from tests.server.api_server import Api
from ticketbot.api import requests
from ticketbot.database import db
from ticketbot.models import api_keys
from ticketbot.panel import names
from ticketbot.panel.visit import OPERATIONS
from ticketbot.present import forms
from ticketbot.server import operations


@pytest.fixture
def lead(api: Api, key: str) -> Browser:
    """Return the browser of Ana, who has an admin key."""
    return signed_in(api, key)


@pytest.fixture
def reader(api: Api) -> Browser:
    """Return the browser of Ben, who may only read."""
    return signed_in(api, api.administrator("ben@example.com", scope="read"))


RULE = {"board_id": "Help Desk", "recipient_id": "Hardware (room)", "events": ["new", "closed"], "condition": ""}
SILENCE = {"board_id": "Help Desk", "recipient_id": "", "rule_id": "", "until": "2030-01-01", "comment": "Patches"}
NEW: dict[str, dict[str, Any]] = {
    "rules": RULE,
    "forwards": {"source_id": "Ben (ben@msp.example)", "destination_id": "Hardware (room)", "start": "2030-01-01"},
    "silences": SILENCE,
    "quiet-hours": {"recipient_id": "(all people)", "days": ["mon", "tue"], "from_": "18:00", "to": "08:00"},
    "users": {"name": "Cleo", "email": "cleo@example.com"},
    "keys": {"user_id": "Ana <ana@example.com>", "scope": "read", "expires_at": "2030-01-01"},
}


@pytest.fixture
def stored(api: Api) -> Api:
    """Return the API with a board, a room and a person to choose from."""
    api.board("Help Desk")
    api.recipient("Hardware", room=True)
    api.recipient("Ben")
    return api


def rows(lead: Browser, plural: str, key: str) -> list[dict[str, Any]]:
    path = OPERATIONS[names.operation("list", plural)].path
    found: list[dict[str, Any]] = lead.api.request("GET", path, key=key).json()
    return found


@pytest.mark.parametrize("plural", NEW)
def test_what_is_filled_in_is_stored(stored: Api, lead: Browser, key: str, plural: str) -> None:
    """P1: names are chosen, ids are stored."""
    before = len(rows(lead, plural, key))
    lead.open(f"/panel/{plural}")
    assert f'href="/panel/{plural}/new"' in lead.page
    lead.open(f"/panel/{plural}/new")
    assert lead.post(f"/panel/{plural}/new", do="save", **NEW[plural]).status_code == 200, lead.alerts()
    assert not lead.alerts()
    assert len(rows(lead, plural, key)) == before + 1


@pytest.mark.parametrize("plural", [each for each in NEW if each in names.CHANGES])
def test_a_form_that_is_saved_unchanged_changes_nothing(stored: Api, lead: Browser, key: str, plural: str) -> None:
    lead.open("/panel/rules")
    lead.post(f"/panel/{plural}/new", **NEW[plural])
    (row,) = rows(lead, plural, key)
    lead.open(f"/panel/{plural}/{row['id']}/change")
    lead.post(f"/panel/{plural}/{row['id']}/change", **standing(lead))
    assert lead.said().startswith("Changed: "), lead.alerts()
    assert rows(lead, plural, key) == [row]


def standing(browser: Browser) -> dict[str, list[str]]:
    """Return what stands in the form of the page, as a browser would send it."""
    form = browser.page.partition('class="fields"')[2]
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input id="(\w+)" name="\w+" value="([^"]*)"', form):
        found[name] = [value]
    for name, value in re.findall(r'<input type="checkbox" name="(\w+)" value="(\w+)" checked', form):
        found.setdefault(name, []).append(value)
    for name, options in re.findall(r'<select id="(\w+)".*?>(.*?)</select>', form, re.S):
        found[name] = re.findall(r'value="(\w+)" selected', options)
    return found


@pytest.mark.parametrize(
    ("plural", "wrong", "said"),
    [
        ("rules", {"board_id": "Help"}, "Did you mean 'Help Desk'?"),
        ("rules", {"board_id": "999"}, "There is no board 999"),
        ("rules", {"recipient_id": ""}, "Required"),
        ("rules", {"condition": "prioritty == 1"}, "priority"),
        ("rules", {"events": ["everything"]}, "everything"),
        ("rules", {"events": []}, "Give at least 1"),
        ("forwards", {"end": "2029-01-01"}, "The end is before the start"),
        ("forwards", {"start": "2030-02-30"}, "There is no 30 February"),
        ("forwards", {"start": "tomorrow"}, "Give a date such as"),
        ("silences", {"comment": " "}, "Give at least 1 character"),
        ("silences", {"until": ""}, "Required"),
        ("silences", {"board_id": ""}, "Name at least one of these five"),
        ("quiet-hours", {"timezone": "Mars"}, "Give an IANA time zone"),
        ("quiet-hours", {"from_": "25:00"}, "Give a time such as 18:00"),
        ("users", {"email": "cleo"}, "Give one e-mail address"),
        ("users", {"email": "ana@example.com"}, "There is a user with the e-mail address"),
        ("keys", {"expires_at": "2020-01-01"}, "This is in the past"),
        ("syncs", {}, "Check at least one of the three"),
    ],
)
def test_what_is_wrong_is_named_at_its_field(
    stored: Api, lead: Browser, key: str, plural: str, wrong: dict[str, Any], said: str
) -> None:
    """Nothing is stored, and what was typed is kept."""
    before = rows(lead, plural, key)
    lead.open(f"/panel/{plural}/new")
    assert lead.post(f"/panel/{plural}/new", **{**NEW.get(plural, {}), **wrong}).status_code == 422
    assert said in lead.alerts()
    assert rows(lead, plural, key) == before
    for value in wrong.values():
        assert not isinstance(value, str) or f'value="{value}"' in lead.page


def test_names_that_several_share_need_an_id(stored: Api, lead: Browser, key: str) -> None:
    twin = stored.recipient("Hardware", room=True)
    lead.open("/panel/rules/new")
    lead.post("/panel/rules/new", **RULE)
    assert re.search(rf"Several are called that. Give the id: \d+ or {twin}", lead.alerts())
    lead.post("/panel/rules/new", **{**RULE, "recipient_id": str(twin)})
    assert [rule["recipient_id"] for rule in rows(lead, "rules", key)] == [twin]


def test_new_key_is_shown_once(stored: Api, lead: Browser) -> None:
    """A1."""
    lead.open("/panel/keys/new")
    lead.post("/panel/keys/new", **NEW["keys"])
    found = re.search(r'<code class="key">(\S+)</code>', lead.page)
    assert found
    assert stored.request("GET", "/authtest", key=found[1]).status_code == 200
    lead.open("/panel/keys")
    assert found[1] not in lead.page
    assert "Ana" in lead.page


def test_rule_is_tried_before_it_is_saved(stored: Api, lead: Browser, key: str) -> None:
    """R6: the form stays as it was, nothing is stored."""
    ticket = stored.ticket(summary="Printer on fire", board_id=stored.board("Field Service"))
    lead.open("/panel/rules/new")
    sent = {**RULE, "board_id": "Field Service", "ticket_id": f"#{ticket}", "event": "new"}
    lead.post("/panel/rules/new", do="try", **sent)
    assert f"If new happened to ticket {ticket} now" in lead.text()
    assert "Hardware would be notified" in lead.text()
    assert standing(lead)["board_id"] == ["Field Service"]
    assert standing(lead)["ticket_id"] == [f"#{ticket}"]
    lead.post("/panel/rules/new", do="try", **{**sent, "ticket_id": "999999"})
    assert "999999" in lead.alerts()
    lead.post("/panel/rules/new", do="try", **{**sent, "ticket_id": "x"})
    assert lead.alerts()
    lead.post("/panel/rules/new", do="backtest", **sent)
    assert "Backtest of the last 7 days" in lead.text()
    assert rows(lead, "rules", key) == []


def test_stored_rule_is_tried_in_its_own_place(stored: Api, lead: Browser, key: str) -> None:
    """R6."""
    lead.open("/panel/rules/new")
    lead.post("/panel/rules/new", **RULE)
    (rule,) = rows(lead, "rules", key)
    lead.open(f"/panel/rules/{rule['id']}/change")
    lead.post(f"/panel/rules/{rule['id']}/change", do="backtest", **RULE)
    assert "With the rule: 0 notifications" in lead.text()


def test_silence_starts_for_an_hour_and_is_previewed(stored: Api, lead: Browser) -> None:
    """N3. The fields of the address are filled in: a story leads here."""
    lead.open("/panel/silences/new?ticket_id=4711")
    now = stored.clock.now()
    found = standing(lead)
    assert found["ticket_id"] == ["4711"]
    assert found["until"] == [f"{now.replace(hour=now.hour + 2):%Y-%m-%dT%H:%M}"]  # an hour, in Berlin
    lead.post("/panel/silences/new", do="backtest", **{**found, "comment": "Patches"})
    assert "it would have skipped 0 notifications" in lead.text()


def test_forward_shows_who_gets_it_when_it_starts(stored: Api, lead: Browser) -> None:
    """F7."""
    lead.open("/panel/forwards/new")
    lead.post("/panel/forwards/new", **NEW["forwards"])
    assert lead.url.startswith("/panel/forwards/preview?")
    assert "On 2030-01-01 00:00 CET, notifications for Ben go to: Ben > Hardware" in lead.text()
    lead.open("/panel/forwards/preview?recipient_id=Ben+(ben@msp.example)")
    assert "notifications for Ben go to: Ben" in lead.text()
    lead.open("/panel/forwards/preview?recipient_id=Nobody&at=x")
    assert "Choose one of the list" in lead.alerts()


def test_deletion_asks_without_scripts(stored: Api, lead: Browser, key: str) -> None:
    lead.open("/panel/rules/new")
    lead.post("/panel/rules/new", **RULE)
    (rule,) = rows(lead, "rules", key)
    lead.open("/panel/rules")
    lead.post(f"/panel/rules/{rule['id']}/delete")
    assert f"Delete rule {rule['id']} (Help Desk > Hardware)?" in lead.text()
    assert rows(lead, "rules", key) == [rule]
    lead.post(f"/panel/rules/{rule['id']}/delete", confirmed="yes")
    assert lead.said() == f"Deleted: rule {rule['id']} (Help Desk > Hardware)."
    assert rows(lead, "rules", key) == []
    lead.open("/panel/rules")
    assert not lead.said()


def test_configuration_saves_what_was_changed(stored: Api, lead: Browser) -> None:
    lead.open("/panel/configuration")
    found = standing(lead)
    lead.post("/panel/configuration", **found)
    assert lead.said() == "Nothing was changed."
    lead.post("/panel/configuration", **{**found, "retention_days": "30"})
    assert lead.said() == "Changed: retention_days: 90 > 30."
    lead.post("/panel/configuration", **{**found, "retention_days": "many", "catch_up_interval": "5"})
    assert "Give a whole number" in lead.alerts()
    lead.post("/panel/configuration", **{**found, "catch_up_interval": "5"})
    assert "Give 0, or 30 to 86400 seconds" in lead.alerts()


def test_configuration_has_every_setting() -> None:
    assert {each.name for each in forms.CONFIGURATION.fields} == set(requests.ConfigChanges.__struct_fields__)


def test_every_list_and_verb_has_its_operation() -> None:
    for plural in names.TITLES:
        assert names.operation("list", plural) in OPERATIONS
        assert not names.ADDS.get(plural) or names.operation("create", plural) in OPERATIONS
        assert not names.CHANGES.get(plural) or names.operation("update", plural) in OPERATIONS
        assert plural in ("events", "audit") or names.has_pages(plural)


def test_names_are_offered_to_the_script(stored: Api, lead: Browser) -> None:
    assert lead.open("/panel/choices/recipients?q=har").json() == ["Hardware (room)"]
    assert lead.open("/panel/choices/boards?q=").json() == ["Help Desk"]


def test_reader_sees_no_button_and_is_refused(stored: Api, lead: Browser, reader: Browser, key: str) -> None:
    """P5, panel-is-safe: every form of the panel that changes something, posted anyway."""
    lead.open("/panel/rules/new")
    for plural, filled_in in NEW.items():
        lead.post(f"/panel/{plural}/new", **filled_in)
    ids = {plural: rows(lead, plural, key)[0]["id"] for plural in NEW}
    ids["recipients"] = rows(lead, "recipients", key)[0]["id"]
    for plural in names.TITLES:
        for path in (plural, *([f"{plural}/{ids[plural]}"] if plural in ids else [])):
            assert reader.open(f"/panel/{path}").status_code == 200
            main = reader.page.partition("<main")[2]
            assert 'method="post"' not in main, path
            assert 'class="button" href="/panel/forwards/preview"' in main or 'class="button"' not in main, path
    reader.open("/panel/configuration")
    assert "disabled" in reader.page
    assert ">Save<" not in reader.page
    assert reader.open("/panel/users/new").status_code == 403
    reader.open("/panel/rules/new")
    assert ">Add rule<" not in reader.page
    reader.post("/panel/rules/new", do="backtest", **RULE)
    assert "Backtest of the last 7 days" in reader.text()
    for path in _all_changes(ids):
        assert reader.post(path, confirmed="yes", **_filling(path)).status_code in (403, 404), path


def _filling(path: str) -> dict[str, Any]:
    return NEW.get(path.split("/")[2], {"boards": "yes"} if "syncs" in path else {})


def _all_changes(ids: dict[str, int]) -> list[str]:
    """Return an address of each form that changes something."""
    found = [
        "/panel/configuration",
        "/panel/notifications/retry",
        "/panel/syncs/cancel",
        "/panel/notifications/1/retry",
    ]
    found += [f"/panel/{plural}/new" for plural in (*NEW, "syncs")]
    for plural, number in ids.items():
        verbs = ("change", "enable", "disable", "delete", "retry", "test")
        found += [f"/panel/{plural}/{number}/{verb}" for verb in verbs if _exists(plural, verb)]
    return found


def _exists(plural: str, verb: str) -> bool:
    if verb == "change":
        return names.CHANGES.get(plural) is not None
    operation = OPERATIONS.get(names.operation("update" if verb in ("enable", "disable") else verb, plural))
    return operation is not None and (verb not in ("enable", "disable") or _has_switch(operation))


def _has_switch(operation: operations.Operation) -> bool:
    return "enabled" in {each.name for each in msgspec.structs.fields(operation.types["body"])}


def test_key_that_expires_ends_its_session(api: Api, lead: Browser) -> None:
    """A7, P2."""
    with_end = api_keys.ApiKey.update(expires_at=api.clock.now()).where(api_keys.ApiKey.scope == "admin")
    with db.transaction("test"):
        with_end.execute()
    lead.open("/panel/rules")
    assert lead.url == "/panel/sign-in"
