"""The simulated Webex: what it accepts, what it refuses in which words, and its log of both."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ticketbot.simulators import webex as simulated
from ticketbot.simulators.webex import Webex

if TYPE_CHECKING:
    from tests.clock import Clock
    from tests.simulators.conftest import Caller


def post(webex: Caller, **body: Any) -> requests.Response:
    return webex("/messages", "POST", json=body)


def items(answer: requests.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


class TestMessages:
    def test_a_message_to_a_room_is_accepted_with_its_full_object(self, organisation: Webex, webex: Caller) -> None:
        room = organisation.add_room("Help Desk")
        answer = post(webex, roomId=room, markdown="**New** ticket")
        assert answer.status_code == 200
        row = answer.json()
        assert (row["roomId"], row["roomType"], row["markdown"]) == (room, "group", "**New** ticket")
        assert (row["text"], row["personEmail"]) == ("New ticket", "ticketbot@webex.bot")
        (logged,) = organisation.messages()
        assert (logged.id, logged.destination, logged.room_title) == (row["id"], room, "Help Desk")
        assert (logged.markdown, logged.person_id) == ("**New** ticket", "")

    @pytest.mark.parametrize("key", ["toPersonId", "toPersonEmail"])
    def test_the_first_message_to_a_person_makes_the_direct_room(
        self, organisation: Webex, webex: Caller, key: str
    ) -> None:
        ana = organisation.add_person("ana@msp.example", "Ana Alvarez")
        named = {"toPersonId": ana, "toPersonEmail": "ANA@msp.example"}[key]
        first, second = (post(webex, **{key: named, "markdown": "hello"}).json() for _ in range(2))
        assert first["roomId"] == second["roomId"]
        assert (first["roomType"], first[key]) == ("direct", named)
        assert {(m.person_id, m.person_email) for m in organisation.messages()} == {(ana, "ana@msp.example")}
        (room,) = items(webex.get("/rooms", type="direct"))
        assert room["title"] == "Ana Alvarez"
        assert post(webex, roomId=first["roomId"], text="by room").status_code == 200
        assert organisation.messages()[-1].person_id == ana

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"markdown": "x"}, "Exactly one of the destination fields must be specified."),
            ({"roomId": "a", "toPersonId": "b", "text": "x"}, "Exactly one of the destination"),
            ({"roomId": "a"}, "Both text and file cannot be empty."),
            ({"roomId": "a", "markdown": "é" * 3720}, simulated.TOO_LONG),
            ({"roomId": "a", "text": "x" * 7440}, simulated.TOO_LONG),
        ],
    )
    def test_what_is_malformed_is_refused(
        self, organisation: Webex, webex: Caller, body: dict[str, str], message: str
    ) -> None:
        """B2"""
        answer = post(webex, **body)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(message)
        assert answer.json()["errors"] == [{"description": answer.json()["message"]}]
        assert organisation.messages() == []
        assert [call.status for call in organisation.refused()] == [400]

    def test_7439_bytes_are_accepted_whatever_the_characters(self, organisation: Webex, webex: Caller) -> None:
        room = organisation.add_room("Help Desk")
        for text in ("x" * 7439, "漢" * 2479):
            assert post(webex, roomId=room, markdown=text).status_code == 200

    def test_a_body_that_is_no_object_is_refused(self, webex: Caller) -> None:
        assert [webex("/messages", "POST", data=body).status_code for body in (b"{", b"[]")] == [400, 400]

    def test_destinations_that_cannot_be_reached_are_404(self, organisation: Webex, webex: Caller) -> None:
        left = organisation.add_room("Left")
        organisation.leave(left)
        other = Webex().add_room("Elsewhere")
        nobody = "Failed to get one on one conversation"
        for body, message in (
            ({"roomId": left}, simulated.NO_ROOM),
            ({"roomId": other}, simulated.NO_ROOM),
            ({"roomId": "not-an-id"}, simulated.NOT_FOUND),
            ({"toPersonEmail": "nobody@msp.example"}, nobody),
            ({"toPersonId": "nobody"}, nobody),
        ):
            answer = post(webex, markdown="x", **body)
            assert (answer.status_code, answer.json()["message"]) == (404, message)

    def test_a_wrong_token_is_401_with_a_tracking_id(self, organisation: Webex, webex: Caller) -> None:
        organisation.token = "regenerated"
        answer = post(webex, roomId=organisation.add_room("Help Desk"), markdown="x")
        assert answer.status_code == 401
        assert answer.json()["trackingId"] == answer.headers["trackingId"]
        assert answer.json()["trackingId"].startswith("ROUTER_")

    def test_beyond_the_rate_messages_are_429_until_time_has_passed(
        self, organisation: Webex, webex: Caller, clock: Clock
    ) -> None:
        room = organisation.add_room("Help Desk")
        organisation.messages_per_s = 3

        def statuses() -> list[int]:
            return [post(webex, roomId=room, markdown="x").status_code for _ in range(4)]

        assert statuses() == [200, 200, 200, 429]
        refused = post(webex, roomId=room, markdown="x")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        clock.advance(seconds=1)
        assert statuses() == [200, 200, 200, 429]
        clock.advance(hours=1)
        assert statuses() == [200, 200, 200, 429]
        organisation.messages_per_s = None
        assert statuses() == [200] * 4

    def test_a_swallowed_message_looks_sent_and_is_not(self, organisation: Webex, webex: Caller) -> None:
        room = organisation.add_room("Help Desk")
        organisation.accept_without_posting()
        answers = [post(webex, roomId=room, markdown=text) for text in ("lost", "kept")]
        assert [answer.status_code for answer in answers] == [200, 200]
        assert all(answer.json()["id"] for answer in answers)
        assert [message.markdown for message in organisation.messages()] == ["kept"]

    def test_messages_can_be_waited_for(self, organisation: Webex) -> None:
        room = organisation.add_room("Help Desk")
        sender = threading.Timer(0.01, organisation.post, [{"roomId": room, "text": "x"}])
        sender.start()
        assert len(organisation.wait_for_messages(1, 10)) == 1
        assert len(organisation.wait_for_messages(2, 0)) == 1
        sender.join()
        organisation.clear_messages()
        assert organisation.messages() == []


class TestPeople:
    def test_people_are_found_by_any_of_their_addresses(self, organisation: Webex, webex: Caller) -> None:
        ana = organisation.add_person("ana@msp.example", "Ana Alvarez", emails=["a.alvarez@msp.example"])
        twin = organisation.add_person("ANA@msp.example", "Ana (old)")
        assert [row["id"] for row in items(webex.get("/people", email="Ana@msp.example"))] == [ana, twin]
        (row,) = items(webex.get("/people", email="a.alvarez@msp.example"))
        assert (row["status"], row["type"], row["firstName"]) == ("active", "person", "Ana")
        assert webex.get("/people", email="nobody@msp.example").json() == {"items": [], "notFoundIds": []}
        assert [row["id"] for row in items(webex.get("/people", displayName="ana a"))] == [ana]

    def test_people_by_id_come_without_status_and_last_activity(self, organisation: Webex, webex: Caller) -> None:
        """S2"""
        ana = organisation.add_person("ana@msp.example", "Ana Alvarez")
        answer = webex.get("/people", id=f"{ana},{organisation.bot_id},unknown").json()
        assert [row["id"] for row in answer["items"]] == [ana, organisation.bot_id]
        assert answer["notFoundIds"] == ["unknown"]
        assert all({"status", "lastActivity"}.isdisjoint(row) for row in answer["items"])

    def test_85_ids_are_the_most(self, organisation: Webex, webex: Caller) -> None:
        assert webex.get("/people", id=",".join([organisation.bot_id] * 85)).status_code == 200
        assert webex.get("/people", id=",".join([organisation.bot_id] * 86)).status_code == 400

    def test_asking_for_everybody_is_refused(self, webex: Caller) -> None:
        answer = webex.get("/people")
        message = "Email, displayName, or id list should be specified."
        assert (answer.status_code, answer.json()["message"]) == (400, message)

    def test_the_bot_knows_itself(self, organisation: Webex, webex: Caller) -> None:
        me = webex.get("/people/me").json()
        assert (me["id"], me["type"], me["emails"]) == (organisation.bot_id, "bot", ["ticketbot@webex.bot"])
        assert webex.get(f"/people/{organisation.bot_id}").json() == me
        assert webex.get("/people/unknown").status_code == 404

    def test_people_change_and_leave(self, organisation: Webex, webex: Caller) -> None:
        ana = organisation.add_person("ana@msp.example", "Ana Alvarez")
        room = organisation.add_room("Help Desk", [ana])
        organisation.change_person(ana, {"displayName": "Ana Bauer", "nickName": None})
        row = webex.get(f"/people/{ana}").json()
        assert (row["displayName"], "nickName" in row) == ("Ana Bauer", False)
        organisation.remove_person(ana)
        assert items(webex.get("/people", email="ana@msp.example")) == []
        assert [row["personId"] for row in items(webex.get("/memberships", roomId=room))] == [organisation.bot_id]


class TestRooms:
    def test_rooms_are_listed_in_pages_that_end_without_a_link(self, organisation: Webex, webex: Caller) -> None:
        rooms = [organisation.add_room(f"Room {number}") for number in range(4)]
        answer, pages = webex.get("/rooms", type="group", max=2), []
        while True:
            pages.append([row["id"] for row in items(answer)])
            if "next" not in answer.links:
                break
            assert "type=group&max=2&after=" in answer.links["next"]["url"]
            answer = webex.session.get(answer.links["next"]["url"], timeout=10)
        assert pages == [rooms[:2], rooms[2:], []]

    def test_links_can_forget_what_was_asked(self, organisation: Webex, webex: Caller) -> None:
        organisation.add_room("Help Desk")
        organisation.forgetful_links = True
        link = webex.get("/rooms", type="group", max=1).links["next"]["url"]
        assert link.startswith(f"{organisation.url}/rooms?max=null&after=")
        assert webex.session.get(link, timeout=10).status_code == 200

    def test_only_rooms_with_the_bot_are_seen(self, organisation: Webex, webex: Caller) -> None:
        seen, hidden = organisation.add_room("Seen"), organisation.add_room("Hidden", with_bot=False)
        assert [row["id"] for row in items(webex.get("/rooms"))] == [seen]
        assert webex.get(f"/rooms/{seen}").json()["title"] == "Seen"
        for path in (f"/rooms/{hidden}", f"/memberships?roomId={hidden}"):
            assert webex.get(path).json()["message"] == simulated.NO_ROOM

    def test_members_of_a_room_are_listed_with_their_names(self, organisation: Webex, webex: Caller) -> None:
        ana = organisation.add_person("ana@msp.example", "Ana Alvarez")
        room = organisation.add_room("Help Desk", [ana])
        first, bot = items(webex.get("/memberships", roomId=room))
        assert (first["personId"], first["personEmail"]) == (ana, "ana@msp.example")
        assert first["personDisplayName"] == "Ana Alvarez"
        assert bot["personId"] == organisation.bot_id
        assert items(webex.get("/memberships")) == [bot]

    @pytest.mark.parametrize("ciphertext", [False, True])
    def test_a_title_can_be_broken(self, organisation: Webex, webex: Caller, *, ciphertext: bool) -> None:
        """S2"""
        organisation.break_title(organisation.add_room("Help Desk"), ciphertext=ciphertext)
        (row,) = items(webex.get("/rooms"))
        assert row["errors"]["title"]["code"] == "kms_failure"
        assert row.get("title", "").startswith("eyJ") is ciphertext

    def test_a_removed_room_is_unknown(self, organisation: Webex, webex: Caller) -> None:
        room = organisation.add_room("Help Desk")
        organisation.remove_room(room)
        assert post(webex, roomId=room, markdown="x").json()["message"] == simulated.NO_ROOM

    def test_an_unknown_resource_is_404_and_a_wrong_method_405(self, webex: Caller) -> None:
        assert webex.get("/teams").json()["message"] == simulated.NOT_FOUND
        assert webex("/rooms", "PATCH").status_code == 405


def test_the_same_calls_give_the_same_ids(clock: Clock) -> None:
    assert Webex(now=clock).add_room("x") == Webex(now=clock).add_room("x") != Webex(now=clock).bot_id
