"""Faults: which calls they apply to, what the client sees, and what the service does."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from ticketbot.simulators import faults
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

if TYPE_CHECKING:
    from tests.simulators.conftest import Caller

TICKETS = "/service/tickets"


def post(webex: Caller, room: str, markdown: str = "hello") -> requests.Response:
    return webex("/messages", "POST", json={"roomId": room, "markdown": markdown})


def request(**fields: str) -> faults.Request:
    return faults.Request(**{"method": "GET", "path": "/x", "query": "", "body": "", "destination": ""} | fields)


@pytest.mark.parametrize(
    ("fault", "other"),
    [
        ({"method": "post"}, {"method": "GET"}),
        ({"path": r"/tickets/\d+$"}, {"path": "/tickets"}),
        ({"query": r"\bpage=2"}, {"query": "page=3"}),
        ({"body": "poison"}, {"body": "honey"}),
        ({"destination": "^ana@"}, {"destination": "ben@msp.example"}),
    ],
)
def test_fault_applies_only_if_all_patterns_match(fault: dict[str, str], other: dict[str, str]) -> None:
    book = faults.Faults()
    book.add(faults.down(**fault))
    fitting = {"method": "POST", "path": "/tickets/7", "query": "size=1&page=2", "body": "POISON",
               "destination": "Ana@msp.example"}  # fmt: skip
    assert book.apply(request(**fitting))
    assert book.apply(request(**fitting | other)) is None


def test_fault_skips_applies_its_times_and_ends() -> None:
    book = faults.Faults()
    book.add(faults.status(500, skip=2, times=2))
    assert [bool(book.apply(request())) for _ in range(6)] == [False, False, True, True, False, False]
    assert book.active() == []


def test_faults_with_a_probability_repeat_with_the_seed() -> None:
    def struck(seed: int) -> list[bool]:
        book = faults.Faults(seed)
        book.add(faults.down(probability=0.5))
        return [bool(book.apply(request())) for _ in range(64)]

    assert struck(1) == struck(1) != struck(2)
    assert 16 < sum(struck(1)) < 48


def test_first_matching_fault_applies_until_it_is_removed() -> None:
    book = faults.Faults()
    first, second = book.add(faults.status(500)), book.add(faults.status(503))
    struck = book.apply(request())
    assert struck is not None
    assert (struck.id, struck.status) == (first, 500)
    book.remove(first)
    book.remove(first)
    assert [fault.id for fault in book.active()] == [second]
    book.clear()
    assert book.apply(request()) is None


def test_same_fault_added_twice_counts_separately() -> None:
    book, fault = faults.Faults(), faults.down(times=1)
    book.add(fault)
    book.add(fault)
    assert [bool(book.apply(request())) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("sent", [None, "7", "rand(30),add(30)"])
def test_429_has_the_given_retry_after(system: ConnectWise, cw: Caller, sent: str | None) -> None:
    system.faults.add(faults.throttled(sent))
    response = cw.get(TICKETS)
    assert (response.status_code, response.headers.get("Retry-After")) == (429, sent)


def test_html_can_look_like_success(system: ConnectWise, cw: Caller) -> None:
    system.faults.add(faults.html(200))
    response = cw.get(TICKETS)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/html")
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_half_a_body_is_truncated(system: ConnectWise, cw: Caller) -> None:
    system.faults.add(faults.half_a_body())
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        cw.get(f"{TICKETS}/{system.add_ticket(1, 'Printer')}")


def test_dripping_response_arrives(system: ConnectWise, cw: Caller) -> None:
    system.faults.add(faults.drip(0.02))
    assert cw.get(TICKETS).json() == []


def test_slow_response_is_correct_and_its_duration_logged(system: ConnectWise, cw: Caller) -> None:
    system.faults.add(faults.slow(0.03))
    system.latency_s = 0.02
    assert cw.get(TICKETS).status_code == 200
    assert system.calls.log()[-1].duration_s >= 0.05


def test_idle_connection_can_be_closed(organization: Webex) -> None:
    organization.faults.add(faults.hang_up(times=1))
    connection = http.client.HTTPConnection(urlsplit(organization.url).netloc, timeout=10)
    connection.request("GET", "/v1/people/me")
    response = connection.getresponse()
    assert (response.status, response.getheader("Connection")) == (401, None)
    response.read()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        connection.request("GET", "/v1/people/me")
        connection.getresponse()
    connection.close()


def test_keys_can_be_missing_or_null_in_every_row(system: ConnectWise, cw: Caller) -> None:
    ticket = system.add_ticket(1, "Printer")
    system.faults.add(faults.without("_info", "board/name", times=2))
    for row in (cw.get(TICKETS).json()[0], cw.get(f"{TICKETS}/{ticket}").json()):
        assert "_info" not in row
        assert set(row["board"]) == {"id", "_info"}
    system.faults.add(faults.nulls("company", "board/name"))
    row = cw.get(f"{TICKETS}/{ticket}").json()
    assert row["company"] is row["board"]["name"] is None


def test_keys_of_webex_items_can_be_missing(organization: Webex, webex: Caller) -> None:
    organization.add_room("Help Desk")
    organization.faults.add(faults.without("title"))
    assert "title" not in webex.get("/rooms").json()["items"][0]


def test_redirect_has_its_location(system: ConnectWise, cw: Caller) -> None:
    system.faults.add(faults.redirect("http://169.254.169.254/"))
    response = cw(TICKETS, allow_redirects=False)
    assert (response.status_code, response.headers["Location"]) == (302, "http://169.254.169.254/")


def test_endpoint_can_be_hidden_as_for_a_restricted_role(system: ConnectWise, cw: Caller) -> None:
    system.faults.add(faults.no_endpoint("/system/members"))
    response = cw.get("/system/members")
    assert (response.status_code, response.json()["code"]) == (404, "ConnectWiseApi")
    assert cw.get(TICKETS).status_code == 200


def test_dropped_message_is_not_posted(organization: Webex, webex: Caller) -> None:
    room = organization.add_room("Help Desk")
    organization.faults.add(faults.down(times=1))
    with pytest.raises(requests.ConnectionError):
        post(webex, room)
    assert organization.messages() == []
    (refused,) = organization.refused()
    assert (refused.status, refused.handled, refused.destination) == (0, False, room)


@pytest.mark.parametrize("fault", [faults.accept_then_drop(), faults.half_a_body()])
def test_message_is_posted_although_the_response_is_lost(
    organization: Webex, webex: Caller, fault: faults.Fault
) -> None:
    """at-least-once-flagged"""
    room = organization.add_room("Help Desk")
    organization.faults.add(fault)
    with pytest.raises(requests.RequestException):
        post(webex, room)
    assert [message.markdown for message in organization.messages()] == ["hello"]
    assert organization.refused() == []


def test_message_is_posted_although_the_response_is_wrong_json(organization: Webex, webex: Caller) -> None:
    room = organization.add_room("Help Desk")
    organization.faults.add(faults.wrong_json())
    assert post(webex, room).json() == {"unexpected": True}
    assert len(organization.messages()) == 1


def test_dead_destination_affects_one_room_only(organization: Webex, webex: Caller) -> None:
    dead, alive = organization.add_room("Dead"), organization.add_room("Alive")
    organization.faults.add(faults.dead_destination(dead))
    assert [post(webex, room).status_code for room in (dead, alive, dead)] == [404, 200, 404]
    assert {message.room_id for message in organization.messages()} == {alive}


def test_poison_is_always_refused_and_logged_with_its_body(organization: Webex, webex: Caller) -> None:
    room = organization.add_room("Help Desk")
    organization.faults.add(faults.poison(text="(bad)"))
    texts = ("a (bad) one", "a good one", "a (bad) one")
    assert [post(webex, room, text).status_code for text in texts] == [502, 200, 502]
    assert ["(bad)" in call.body for call in organization.refused()] == [True, True]


def test_calls_are_counted_by_operation_and_in_parallel(system: ConnectWise, cw: Caller) -> None:
    ticket = system.add_ticket(1, "Printer")
    for path in (TICKETS, f"{TICKETS}/{ticket}", f"{TICKETS}/{ticket}/allNotes", f"{TICKETS}/999"):
        cw.get(path)
    counted = {"GET service/tickets": 1, "GET service/tickets/{id}": 2, "GET service/tickets/{id}/allNotes": 1}
    assert system.calls.counts() == counted
    assert system.calls.count() == system.calls.count("GET service/tickets") == 4
    assert [call.status for call in system.calls.log()] == [200, 200, 200, 404]
    assert system.calls.peak == 1
    system.calls.clear()
    assert (system.calls.count(), system.calls.log(), system.calls.peak) == (0, [], 0)
