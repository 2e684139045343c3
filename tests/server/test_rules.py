"""Synced data, recipients and rules over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.server.api_server import Api, problem, wrong_fields
from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import holds, rules, tickets
from ticketbot.pipeline import deliver
from ticketbot.server.routes import recipients
from ticketbot.simulators import faults


def test_removed_boards_are_not_listed_but_still_shown(api: Api, ana: client.Client) -> None:
    """S1."""
    kept, gone = api.board("Service Desk"), api.board("Old Desk")
    with db.transaction("test"):
        tickets.Board.update(deleted_at=api.clock.now()).where(tickets.Board.id == gone).execute()
    assert [(each.id, each.name, each.deleted) for each in ana.boards()] == [(kept, "Service Desk", False)]
    assert ana.board(gone).deleted


def test_members_are_listed_with_the_address_looked_up_in_webex(api: Api, ana: client.Client) -> None:
    """D7."""
    with db.transaction("test"):
        tickets.Member.create(id=3, identifier="CChen", lookup="cchen", name="Cora Chen", email="cora@msp.example")
    (cora,) = ana.members()
    assert (cora.id, cora.identifier, cora.name, cora.email) == (3, "CChen", "Cora Chen", "cora@msp.example")


def test_tickets_are_filtered_by_board_and_by_being_open(api: Api, ana: client.Client) -> None:
    board = api.board()
    open_ = api.ticket(board_id=board, board_name="Service Desk", resources=["ana", "ben"], owner="cora")
    closed = api.ticket(board_id=board, open=False)
    deleted = api.ticket(deleted_at=api.clock.now())
    assert [each.id for each in ana.tickets(board_id=board)] == [open_, closed]
    assert [each.id for each in ana.tickets(is_open=True)] == [open_]
    assert [each.id for each in ana.tickets(is_open=False)] == [closed, deleted]
    shown = ana.ticket(open_)
    assert (shown.summary, shown.owner, shown.resources, shown.open, shown.deleted) == (
        "Printer on fire",
        "cora",
        ["ana", "ben"],
        True,
        False,
    )
    assert ana.ticket(deleted).deleted
    assert not ana.ticket(deleted).open


def test_tickets_are_found_by_words_in_number_summary_and_company(api: Api, ana: client.Client) -> None:
    printer = api.ticket(id=4711, summary="Printer on fire", company="Ärztehaus Süd")
    disk = api.ticket(id=4712, summary=r"Disk 100% full: C:\temp_old", open=False)

    def found(search: str, **more: bool) -> list[int]:
        return [each.id for each in ana.tickets(search=search, **more)]  # type: ignore[arg-type]

    assert found("471") == found(" ") == [printer, disk]
    assert found("#4711") == found("FIRE printer") == found("ÄRZTEHAUS  süd 4711") == [printer]
    assert found("100%") == found("%") == found("_old") == found(r"c:\TEMP") == [disk]
    assert found("printer disk") == found("p%r") == found("_rinter") == found("'") == []
    assert found("471", is_open=True) == [printer]


def test_recipients_are_found_by_type_and_by_part_of_name_or_address(api: Api, ana: client.Client) -> None:
    room, person = api.recipient("Ärzte 100%", room=True), api.recipient("Ben Bauer")
    assert [each.id for each in ana.recipients(recipient_type="room")] == [room]
    assert [each.id for each in ana.recipients(recipient_type="person")] == [person]
    assert [each.id for each in ana.recipients(search="ärZTE")] == [room]
    assert [each.id for each in ana.recipients(search="100%")] == [room]
    assert [each.id for each in ana.recipients(search="BAUER@msp")] == [person]
    assert [each.id for each in ana.recipients(search="bauer ben")] == [person]
    assert ana.recipients(search="%") == [ana.recipient(room)]
    assert ana.recipients(search="_") == []
    shown = ana.recipient(person)
    assert (shown.type, shown.name, shown.email, shown.active) == ("person", "Ben Bauer", "ben.bauer@msp.example", True)


def test_a_search_is_paged_like_any_list(api: Api, key: str) -> None:
    found = [api.recipient(f"Room {number}", room=True) for number in range(5)]
    api.recipient("Somebody")
    first = api.request("GET", "/webex/rooms?q=room&limit=3", key=key)
    assert [each["id"] for each in first.json()] == found[:3]
    second = api.request("GET", first.links["next"]["url"].removeprefix("http://tbot.test"), key=key)
    assert [each["id"] for each in second.json()] == found[3:]
    assert "next" not in second.links


def test_a_test_message_is_sent_once_and_says_what_it_is(api: Api, ana: client.Client) -> None:
    ben = api.recipient("Ben Bauer")
    sent = ana.test_recipient(ben)
    (message,) = api.webex.messages()
    assert message.id == sent.webex_message_id
    assert message.markdown == recipients.TEST_MESSAGE
    assert (ana.audit()[-1].action, ana.audit()[-1].object_id) == ("test", str(ben))


def test_refusal_by_webex_is_shown_with_its_message(api: Api, key: str) -> None:
    ben = api.recipient("Ben Bauer")
    for status, words, response in ((403, "The bot is not in the room.", 409), (401, "The token expired.", 502)):
        api.webex.faults.clear()
        api.webex.faults.add(faults.status(status, words, path="messages"))
        refused = problem(api.request("POST", f"/webex/rooms/{ben}/test", key=key))
        assert refused["status"] == response
        assert words in refused["detail"]
    assert api.webex.messages() == []


@pytest.mark.parametrize("status", [429, 401])
def test_a_test_message_that_webex_throttles_or_denies_holds_all_sending(
    status: int, api: Api, ana: client.Client
) -> None:
    """L2, L8: the limit is per bot; a second test is not posted, and says until when."""
    ben = api.recipient("Ben Bauer")
    headers = {"Retry-After": "600"}
    api.webex.faults.add(faults.Fault(effect="answer", path="messages", method="POST", status=status, headers=headers))
    with pytest.raises(errors.TicketbotError, match=str(status)):
        ana.test_recipient(ben)
    api.webex.faults.clear()
    with db.session():
        until = holds.active(api.clock.now())["webex"]
        assert (status == 429) == (until == api.clock.now() + timedelta(minutes=10))
    with pytest.raises(errors.TicketbotError, match=f"until {until:%Y-%m-%d %H:%M:%S}Z"):
        ana.test_recipient(ben)
    assert api.webex.messages() == []
    api.clock.advance(minutes=10)
    ana.test_recipient(ben)
    with db.session():
        assert holds.latest("webex") is None


def test_a_test_message_is_posted_outside_a_database_session(
    api: Api, ana: client.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T3: the same goes for a test alert."""
    ben, closed, post = api.recipient("Ben Bauer"), list[bool](), deliver.post

    def watched(*given: Any) -> str:
        closed.append(db.database.is_closed())
        return post(*given)

    monkeypatch.setattr(deliver, "post", watched)
    ana.update_config({"alert_recipient_id": ben})
    ana.test_recipient(ben)
    ana.test_alert()
    assert closed == [True, True]


def test_room_deleted_in_webex_is_not_found_with_webexs_message(api: Api, key: str) -> None:
    room = api.recipient("Old War Room", room=True)
    api.webex.remove_room(api.webex_id(room))
    refused = problem(api.request("POST", f"/webex/rooms/{room}/test", key=key))
    assert refused["status"] == 404
    assert refused["detail"].startswith(f"Webex cannot find recipient {room}, Old War Room: ")
    assert "Could not find a room" in refused["detail"]


def test_outage_of_webex_is_502(api: Api, ana: client.Client) -> None:
    ben = api.recipient("Ben Bauer")
    api.webex.faults.add(faults.status(503, "Out to lunch.", path="messages", times=1))
    with pytest.raises(errors.RemoteUnavailable, match="Out to lunch"):
        ana.test_recipient(ben)
    ana.test_recipient(ben)


def test_a_rule_is_added_changed_and_deleted(api: Api, ana: client.Client) -> None:
    board, room = api.board("Service Desk"), api.recipient("Help Desk", room=True)
    rule = ana.create_rule(board, room)
    assert (rule.board_id, rule.board_name) == (board, "Service Desk")
    assert (rule.recipient_id, rule.recipient_name, rule.recipient_type) == (room, "Help Desk", "room")
    assert rule.enabled
    assert ana.rules() == [rule]
    assert not ana.update_rule(rule.id, enabled=False).enabled
    assert not ana.rule(rule.id).enabled
    ana.delete_rule(rule.id)
    for again in (ana.rule, ana.delete_rule):
        with pytest.raises(errors.NotFound, match=f"There is no rule {rule.id}"):
            again(rule.id)


def test_the_same_pair_twice_is_a_conflict(api: Api, ana: client.Client) -> None:
    board, room = api.board("Service Desk"), api.recipient("Help Desk", room=True)
    ana.create_rule(board, room, enabled=False)
    with pytest.raises(errors.Conflict, match="from Service Desk to Help Desk"):
        ana.create_rule(board, room)


def test_unknown_board_and_recipient_are_named(api: Api, key: str) -> None:
    board, room = api.board(), api.recipient("Help Desk", room=True)
    gone = api.board("Gone")
    with db.transaction("test"):
        tickets.Board.update(deleted_at=api.clock.now()).where(tickets.Board.id == gone).execute()
    for body, field in (
        ({"board_id": 4711, "recipient_id": room}, "board_id"),
        ({"board_id": gone, "recipient_id": room}, "board_id"),
        ({"board_id": board, "recipient_id": 4711}, "recipient_id"),
        ({"board_id": board, "recipient_id": 2**63}, "recipient_id"),
        ({"board_id": str(board), "recipient_id": room}, "board_id"),
        ({"board_id": board, "recipient_id": room, "enabled": 1}, "enabled"),
    ):
        assert wrong_fields(api.request("POST", "/notifiers/rules", key=key, json=body)) == {field}
    with db.session():
        assert rules.Rule.select().count() == 0


def test_a_patch_that_changes_nothing_leaves_no_trace(api: Api, ana: client.Client, key: str) -> None:
    rule = ana.create_rule(api.board(), api.recipient("Help Desk", room=True))
    before = len(ana.audit())
    assert api.request("PATCH", f"/notifiers/rules/{rule.id}", key=key, json={}).json()["enabled"]
    assert ana.update_rule(rule.id, enabled=True) == rule
    assert len(ana.audit()) == before


def test_a_rule_has_events_a_condition_a_name_and_can_be_a_dry_run(api: Api, ana: client.Client) -> None:
    """R1."""
    board, room = api.board("Service Desk"), api.recipient("Help Desk", room=True)
    rule = ana.create_rule(board, room)
    assert (rule.events, rule.condition, rule.target, rule.dry_run, rule.name) == (
        ["new"],
        None,
        "recipient",
        False,
        None,
    )
    changed = ana.update_rule(
        rule.id, events=["changed", "new", "changed"], condition="closed", name="All", dry_run=True, board_id=None
    )
    assert (changed.events, changed.condition, changed.name) == (["new", "changed"], "closed", "All")
    assert (changed.dry_run, changed.board_id, changed.board_name) == (True, None, None)
    assert ana.rule(rule.id) == changed
    assert ana.audit()[-1].after == msgspec.to_builtins(changed)
    cleared = ana.update_rule(rule.id, condition=None, name=None, board_id=board)
    assert (cleared.condition, cleared.name, cleared.board_name) == (None, None, "Service Desk")


def test_a_rule_for_the_assigned_people_has_no_recipient(api: Api, ana: client.Client, key: str) -> None:
    """R1, R3."""
    board, room = api.board(), api.recipient("Help Desk", room=True)
    rule = ana.create_rule(board, None, events=["closed"])
    assert (rule.target, rule.recipient_id, rule.recipient_name, rule.recipient_type) == ("assigned", None, None, None)
    assert ana.update_rule(rule.id, recipient_id=room).target == "recipient"
    assert ana.update_rule(rule.id, target="assigned").recipient_id is None
    path = f"/notifiers/rules/{rule.id}"
    for method, where, body in (
        ("POST", "/notifiers/rules", {"board_id": board}),
        ("POST", "/notifiers/rules", {"board_id": board, "recipient_id": room, "target": "assigned"}),
        ("PATCH", path, {"target": "recipient"}),
    ):
        assert wrong_fields(api.request(method, where, key=key, json=body)) == {"recipient_id"}
    ana.update_rule(rule.id, recipient_id=room)
    assert wrong_fields(api.request("PATCH", path, key=key, json={"recipient_id": None})) == {"recipient_id"}
    assert wrong_fields(api.request("POST", "/notifiers/rules", key=key, json={"recipient_id": room})) == {"board_id"}


def test_the_same_board_recipient_events_and_condition_twice_is_a_conflict(api: Api, ana: client.Client) -> None:
    """R5: in whatever order the events are given."""
    room = api.recipient("Help Desk", room=True)
    first = ana.create_rule(None, room, events=["new", "closed"], condition="closed")
    ana.create_rule(None, room, events=["new"], condition="closed")
    other = ana.create_rule(None, room, events=["new", "closed"])
    with pytest.raises(errors.Conflict, match=f"from all boards to Help Desk .* already: rule {first.id}"):
        ana.create_rule(None, room, events=["closed", "new"], condition="closed")
    with pytest.raises(errors.Conflict):
        ana.update_rule(other.id, condition="closed")
    ana.create_rule(None, None)
    with pytest.raises(errors.Conflict, match="from all boards to the assigned people"):
        ana.create_rule(None, None)


@pytest.mark.parametrize("condition", ["priority_srt <= 2", 'summary =~ "x"', "x" * 1001, "\n", "closed\x00", ""])
def test_a_condition_that_cannot_be_used_is_refused(condition: str, api: Api, ana: client.Client, key: str) -> None:
    """R4."""
    room = api.recipient("Help Desk", room=True)
    body = {"board_id": None, "recipient_id": room, "condition": condition}
    assert wrong_fields(api.request("POST", "/notifiers/rules", key=key, json=body)) == {"condition"}
    rule = ana.create_rule(None, room)
    path = f"/notifiers/rules/{rule.id}"
    assert wrong_fields(api.request("PATCH", path, key=key, json={"condition": condition})) == {"condition"}


def test_a_condition_is_checked(ana: client.Client) -> None:
    """R4."""
    assert msgspec.to_builtins(ana.check_condition('severity == "High"')) == {
        "ok": True,
        "message": None,
        "position": None,
        "suggestion": None,
    }
    assert msgspec.to_builtins(ana.check_condition("closed and severty == null")) == {
        "ok": False,
        "message": "There is no field severty. Did you mean severity?",
        "position": 11,
        "suggestion": "severity",
    }
