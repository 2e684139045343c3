"""Callbacks: registered, sent and retried by ConnectWise's rules, with network faults."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ticketbot.simulators import webhook_sender
from ticketbot.simulators.connectwise import ConnectWise

if TYPE_CHECKING:
    from tests.clock import Clock
    from tests.simulators.conftest import Caller, Receiver

ENTRIES = "/system/callbacks"


def entry(url: str, **fields: Any) -> dict[str, Any]:
    return {"url": url, "objectId": 1, "type": "ticket", "level": "owner"} | fields


@pytest.fixture
def listening(system: ConnectWise, receiver: Receiver) -> Receiver:
    """Return a receiver that is registered for every ticket."""
    system.callbacks.sender.time_scale = 0
    system.callbacks.add(1, entry(receiver.url), system.api_member_id)
    return receiver


def bodies(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(body) for _, _, body in receiver.received]


def statuses(system: ConnectWise) -> list[int]:
    return [sent.status for sent in system.callbacks.sender.log()]


class TestRegistration:
    def test_a_callback_is_created_listed_changed_and_deleted(self, cw: Caller) -> None:
        created = cw(ENTRIES, "POST", json=entry("https://bot.example/hooks?recordId=", objectId=0))
        assert created.status_code == 201
        row = created.json()
        assert (row["objectId"], row["inactiveFlag"], row["payloadVersion"]) == (1, False, "3.0.0")
        one = f"{ENTRIES}/{row['id']}"
        assert cw.get(ENTRIES, conditions='url contains "https://bot.example"').json() == [row]
        step = {"op": "replace", "path": "inactiveFlag", "value": True}
        assert cw(one, "PATCH", json=[step]).json()["inactiveFlag"] is True
        assert cw(one, "PUT", json=row).json() == row
        assert (cw(one, "DELETE").status_code, cw.get(one).status_code) == (204, 404)
        assert [cw(one, method, json=[]).status_code for method in ("PATCH", "DELETE")] == [404, 404]

    def test_the_same_callback_twice_is_refused(self, cw: Caller) -> None:
        wanted = entry("https://bot.example/hooks")
        assert cw(ENTRIES, "POST", json=wanted).status_code == 201
        again = cw(ENTRIES, "POST", json=wanted)
        assert (again.status_code, again.json()["errors"][0]["code"]) == (400, "ObjectExists")
        assert cw(ENTRIES, "POST", json=wanted | {"level": "board"}).status_code == 201

    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"url": ""}, "MissingRequiredField"),
            ({"url": "ftp://bot.example"}, "InvalidField"),
            ({"level": "galaxy"}, "InvalidObject"),
            ({"type": "note"}, "InvalidObject"),
        ],
    )
    def test_invalid_callback_is_refused(self, cw: Caller, fields: dict[str, str], code: str) -> None:
        response = cw(ENTRIES, "POST", json=entry("https://bot.example") | fields)
        assert (response.status_code, response.json()["code"]) == (400, "InvalidObject")
        assert response.json()["errors"][0]["code"] == code

    def test_a_body_that_is_not_json_is_refused(self, cw: Caller) -> None:
        assert cw(ENTRIES, "POST", data=b"{").status_code == 400


class TestWebhooks:
    def test_change_is_posted_signed_with_id_and_action_in_the_url(
        self, system: ConnectWise, listening: Receiver
    ) -> None:
        ticket = system.add_ticket(1, "Printer", by="ana")
        assert system.wait_for_webhooks(10)
        ((address, signature, body),) = listening.received
        assert address == f"/hooks/cw/tickets?recordId={ticket}&action=added"
        assert signature == system.sign(body)
        sends = json.loads(body)
        assert (sends["ID"], sends["Action"], sends["Type"], sends["MemberId"]) == (ticket, "added", "ticket", "ana")
        assert json.loads(sends["Entity"]) == system.ticket(ticket)
        key = requests.get(sends["Metadata"]["key_url"], timeout=10).json()["signing_key"]
        assert signature == webhook_sender.sign(key, body)

    def test_every_kind_of_change_is_posted_once(self, system: ConnectWise, listening: Receiver) -> None:
        ticket, other = system.add_ticket(2, "Move"), system.add_ticket(1, "Quiet", notify=False)
        for change in (
            lambda: system.update_ticket(ticket, owner="ana"),
            lambda: system.add_note(ticket, "Hello"),
            lambda: system.delete_ticket(ticket),
            lambda: system.restore_ticket(ticket),
            lambda: system.merge(other, ticket),
            lambda: system.update_ticket(other, notify=False),
        ):
            change()
        assert system.wait_for_webhooks(10)
        sends = sorted((body["ID"], body["Action"]) for body in bodies(listening))
        assert sends == sorted([(ticket, "added"), (ticket, "deleted"), *[(ticket, "updated")] * 4, (other, "updated")])
        assert len({body["MessageId"] for body in bodies(listening)}) == 7
        entities = {body["Action"]: body["Entity"] for body in bodies(listening) if body["ID"] == ticket}
        assert entities["deleted"] is None
        assert json.loads(entities["added"])["recordType"] == "ProjectTicket"

    def test_one_change_can_send_several_webhooks(self, system: ConnectWise, listening: Receiver) -> None:
        """W5"""
        system.callbacks.per_change = 3
        system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        assert sorted(body["Action"] for body in bodies(listening)) == ["added", "updated", "updated"]

    @pytest.mark.parametrize(
        ("fields", "sends"),
        [
            ({"level": "owner"}, True),
            ({"level": "board", "objectId": 1}, True),
            ({"level": "board", "objectId": 2}, False),
            ({"level": "status", "objectId": 101}, True),
            ({"level": "ticket", "objectId": 1001}, True),
            ({"level": "ticket", "objectId": 1002}, False),
            ({"type": "company"}, False),
            ({"inactiveFlag": True}, False),
        ],
    )
    def test_webhook_goes_only_to_callbacks_that_cover_the_ticket(
        self, system: ConnectWise, receiver: Receiver, fields: dict[str, Any], *, sends: bool
    ) -> None:
        system.callbacks.add(1, entry(receiver.url, **fields), system.api_member_id)
        system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        assert len(receiver.received) == sends

    def test_webhook_body_for_tests(self, system: ConnectWise) -> None:
        ticket = system.add_ticket(1, "Printer")
        updated, deleted = json.loads(system.webhook_body(ticket)), json.loads(system.webhook_body(ticket, "deleted"))
        assert json.loads(updated["Entity"])["id"] == ticket
        assert (deleted["ID"], deleted["Entity"]) == (ticket, None)
        assert json.loads(system.webhook_body(999))["Entity"] is None

    def test_signing_keys_of_other_tenants_are_served(self, system: ConnectWise) -> None:
        """W2"""
        system.callbacks.other_tenants["evil"] = "their-key"
        ours = system.callbacks.key_url
        recorded = ours.replace("companyName=examplemsp", "companyName=evil")
        assert requests.get(recorded, timeout=10).json() == {"signing_key": "their-key"}
        for wrong in (ours.replace("=examplemsp", "=nobody"), ours + "0"):
            assert requests.get(wrong, timeout=10).status_code == 404

    def test_after_a_rotation_both_keys_are_served(self, system: ConnectWise) -> None:
        """W2"""
        before = system.callbacks.key_url
        system.callbacks.rotate_key("another-id", "another-key")
        served = [requests.get(url, timeout=10).json()["signing_key"] for url in (before, system.callbacks.key_url)]

        assert served == ["test-signing-key", "another-key"]
        assert system.sign(b"body") == webhook_sender.sign("another-key", b"body")


class TestRetries:
    @pytest.mark.parametrize("status", [404, 409, 419, 429])
    def test_four_statuses_are_retried_twice(self, system: ConnectWise, listening: Receiver, status: int) -> None:
        listening.statuses = [status, status]
        system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        assert statuses(system) == [status, status, 200]
        assert len({body for _, _, body in listening.received}) == 1

    def test_third_attempt_is_the_last(self, system: ConnectWise, listening: Receiver) -> None:
        listening.statuses = [429] * 9
        system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        assert [(sent.attempt, sent.status) for sent in system.callbacks.sender.log()] == [
            (1, 429), (2, 429), (3, 429)
        ]  # fmt: skip

    @pytest.mark.parametrize("status", [301, 400, 401, 500, 503])
    def test_other_statuses_are_not_retried(self, system: ConnectWise, listening: Receiver, status: int) -> None:
        listening.statuses = [status]
        system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        assert statuses(system) == [status]

    def test_refused_connection_is_not_retried(self, system: ConnectWise) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        system.callbacks.add(1, entry(f"http://127.0.0.1:{port}/?recordId="), 1)
        system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        (sent,) = system.callbacks.sender.log()
        assert (sent.status, sent.error, sent.ok) == (0, "ConnectionError", False)

    def test_three_days_of_failures_disable_the_callback(
        self, system: ConnectWise, cw: Caller, listening: Receiver, clock: Clock
    ) -> None:
        """C2"""
        for days, statuses in ((0, [500]), (2, []), (1, [500]), (2, [500])):
            clock.advance(days=days)
            listening.statuses = statuses
            system.add_ticket(1, "Printer")
            assert system.wait_for_webhooks(10)
        assert not system.callbacks.entries[1]["inactiveFlag"]
        clock.advance(days=1)
        listening.statuses = [500]
        system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        assert system.callbacks.entries[1]["inactiveFlag"]
        system.add_ticket(1, "Unheard")
        assert system.wait_for_webhooks(10)
        assert len(listening.received) == 5
        cw(f"{ENTRIES}/1", "PATCH", json=[{"op": "replace", "path": "inactiveFlag", "value": False}])
        system.add_ticket(1, "Heard")
        assert system.wait_for_webhooks(10)
        assert len(listening.received) == 6


class TestNetworkFaults:
    def sent(
        self, system: ConnectWise, receiver: Receiver, network_faults: webhook_sender.NetworkFaults, count: int = 20
    ) -> list[int]:
        """Return the tickets of the received webhooks, in order."""
        system.callbacks.sender.inject_faults(network_faults)
        for _ in range(count):
            system.add_ticket(1, "Printer")
        assert system.wait_for_webhooks(10)
        return [body["ID"] for body in bodies(receiver)]

    def test_dropped_webhooks_are_logged(self, system: ConnectWise, listening: Receiver) -> None:
        assert self.sent(system, listening, webhook_sender.NetworkFaults(drop=1)) == []
        assert {sent.error for sent in system.callbacks.sender.log()} == {"dropped on purpose"}

    def test_same_seed_drops_the_same_webhooks(self, system: ConnectWise, listening: Receiver) -> None:
        network_faults = webhook_sender.NetworkFaults(drop=0.5, seed=7)
        first = set(self.sent(system, listening, network_faults))
        listening.received.clear()
        second = set(self.sent(system, listening, network_faults))
        assert {ticket + 20 for ticket in first} == second
        assert 3 < len(first) < 17

    def test_duplicates_have_the_same_message_id(self, system: ConnectWise, listening: Receiver) -> None:
        """W4"""
        assert len(self.sent(system, listening, webhook_sender.NetworkFaults(duplicate=1))) == 40
        assert len({body["MessageId"] for body in bodies(listening)}) == 20

    def test_reordered_webhook_is_sent_after_the_next_or_while_waiting(
        self, system: ConnectWise, listening: Receiver
    ) -> None:
        sender = system.callbacks.sender
        sender.inject_faults(webhook_sender.NetworkFaults(reorder=1))
        first = system.add_ticket(1, "Held")
        sender.inject_faults(webhook_sender.NetworkFaults())
        assert listening.received == []
        system.add_ticket(1, "Overtakes")
        assert system.wait_for_webhooks(10)
        assert {body["ID"] for body in bodies(listening)} == {first, first + 1}
        assert self.sent(system, listening, webhook_sender.NetworkFaults(reorder=1), count=1)[-1] == first + 2

    def test_delayed_webhooks_arrive(self, system: ConnectWise, listening: Receiver) -> None:
        system.callbacks.sender.time_scale = 0.01
        late = webhook_sender.NetworkFaults(delay=1, max_delay_s=1)
        assert len(self.sent(system, listening, late)) == 20

    def test_stopped_sender_sends_nothing(self, system: ConnectWise, listening: Receiver) -> None:
        system.callbacks.sender.stop()
        system.add_ticket(1, "Printer")
        assert listening.received == []
