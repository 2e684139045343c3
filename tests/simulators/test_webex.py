"""The simulated Webex: what it accepts, what it refuses with which message, and its log of both."""

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


def items(response: requests.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return list(response.json()["items"])


class TestMessages:
    def test_a_message_to_a_room_is_accepted_with_its_full_object(self, organization: Webex, webex: Caller) -> None:
        room = organization.add_room("Help Desk")
        response = post(webex, roomId=room, markdown="**New** ticket")
        assert response.status_code == 200
        row = response.json()
        assert (row["roomId"], row["roomType"], row["markdown"]) == (room, "group", "**New** ticket")
        assert (row["text"], row["personEmail"]) == ("New ticket", "ticketbot@webex.bot")
        (logged,) = organization.messages()
        assert (logged.id, logged.destination, logged.room_title) == (row["id"], room, "Help Desk")
        assert (logged.markdown, logged.person_id) == ("**New** ticket", "")

    @pytest.mark.parametrize("key", ["toPersonId", "toPersonEmail"])
    def test_first_message_to_a_person_creates_the_direct_room(
        self, organization: Webex, webex: Caller, key: str
    ) -> None:
        ana = organization.add_person("ana@msp.example", "Ana Alvarez")
        named = {"toPersonId": ana, "toPersonEmail": "ANA@msp.example"}[key]
        first, second = (post(webex, **{key: named, "markdown": "hello"}).json() for _ in range(2))
        assert first["roomId"] == second["roomId"]
        assert (first["roomType"], first[key]) == ("direct", named)
        assert {(m.person_id, m.person_email) for m in organization.messages()} == {(ana, "ana@msp.example")}
        (room,) = items(webex.get("/rooms", type="direct"))
        assert room["title"] == "Ana Alvarez"
        assert post(webex, roomId=first["roomId"], text="by room").status_code == 200
        assert organization.messages()[-1].person_id == ana

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
    def test_malformed_message_is_refused(
        self, organization: Webex, webex: Caller, body: dict[str, str], message: str
    ) -> None:
        """B2"""
        response = post(webex, **body)
        assert response.status_code == 400
        assert response.json()["message"].startswith(message)
        assert response.json()["errors"] == [{"description": response.json()["message"]}]
        assert organization.messages() == []
        assert [call.status for call in organization.refused()] == [400]

    def test_7439_bytes_are_accepted_whatever_the_characters(self, organization: Webex, webex: Caller) -> None:
        room = organization.add_room("Help Desk")
        for text in ("x" * 7439, "漢" * 2479):
            assert post(webex, roomId=room, markdown=text).status_code == 200

    def test_body_that_is_not_an_object_is_refused(self, webex: Caller) -> None:
        assert [webex("/messages", "POST", data=body).status_code for body in (b"{", b"[]")] == [400, 400]

    def test_destinations_that_cannot_be_reached_are_404(self, organization: Webex, webex: Caller) -> None:
        left = organization.add_room("Left")
        organization.leave(left)
        other = Webex().add_room("Elsewhere")
        nobody = "Failed to get one on one conversation"
        for body, message in (
            ({"roomId": left}, simulated.NO_ROOM),
            ({"roomId": other}, simulated.NO_ROOM),
            ({"roomId": "not-an-id"}, simulated.NOT_FOUND),
            ({"toPersonEmail": "nobody@msp.example"}, nobody),
            ({"toPersonId": "nobody"}, nobody),
        ):
            response = post(webex, markdown="x", **body)
            assert (response.status_code, response.json()["message"]) == (404, message)

    def test_a_wrong_token_is_401_with_a_tracking_id(self, organization: Webex, webex: Caller) -> None:
        organization.token = "regenerated"
        response = post(webex, roomId=organization.add_room("Help Desk"), markdown="x")
        assert response.status_code == 401
        assert response.json()["trackingId"] == response.headers["trackingId"]
        assert response.json()["trackingId"].startswith("ROUTER_")

    def test_messages_above_the_rate_are_429_until_time_has_passed(
        self, organization: Webex, webex: Caller, clock: Clock
    ) -> None:
        room = organization.add_room("Help Desk")
        organization.messages_per_s = 3

        def statuses() -> list[int]:
            return [post(webex, roomId=room, markdown="x").status_code for _ in range(4)]

        assert statuses() == [200, 200, 200, 429]
        refused = post(webex, roomId=room, markdown="x")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        clock.advance(seconds=1)
        assert statuses() == [200, 200, 200, 429]
        clock.advance(hours=1)
        assert statuses() == [200, 200, 200, 429]
        organization.messages_per_s = None
        assert statuses() == [200] * 4

    def test_message_accepted_without_posting_looks_sent_but_is_not(self, organization: Webex, webex: Caller) -> None:
        room = organization.add_room("Help Desk")
        organization.accept_without_posting()
        responses = [post(webex, roomId=room, markdown=text) for text in ("lost", "kept")]
        assert [response.status_code for response in responses] == [200, 200]
        assert all(response.json()["id"] for response in responses)
        assert [message.markdown for message in organization.messages()] == ["kept"]

    def test_replies_belong_to_the_root_of_their_thread(self, organization: Webex, webex: Caller) -> None:
        room, other = organization.add_room("Help Desk"), organization.add_room("Other")
        root = post(webex, roomId=room, markdown="root").json()["id"]
        reply = post(webex, roomId=room, markdown="reply", parentId=root).json()
        assert reply["parentId"] == root
        assert post(webex, roomId=room, markdown="again", parentId=reply["id"]).status_code == 200
        assert [message.parent_id for message in organization.messages()] == ["", root, root]
        organization.refuses_replies_to_replies = True
        assert post(webex, roomId=room, markdown="again", parentId=reply["id"]).status_code == 400
        assert post(webex, roomId=other, markdown="elsewhere", parentId=root).status_code == 400

    def test_messages_are_edited_ten_times_at_most_and_deleted_once(self, organization: Webex, webex: Caller) -> None:
        room = organization.add_room("Help Desk")
        path = f"/messages/{post(webex, roomId=room, markdown='old').json()['id']}"
        refused = [{"roomId": room}, {"roomId": room, "text": "x", "html": "x"}, {"text": "x"}]
        assert [webex(path, "PUT", json=body).status_code for body in refused] == [400, 400, 404]
        body = {"roomId": room, "markdown": "**new**"}
        assert [webex(path, "PUT", json=body).status_code for _ in range(11)] == [*[200] * 10, 400]
        assert [message.text for message in organization.messages()] == ["new"]
        assert [webex(path, "DELETE").status_code for _ in range(2)] == [204, 404]
        assert post(webex, roomId=room, markdown="reply", parentId=path.removeprefix("/messages/")).status_code == 400
        assert webex(path, "PUT", json=body).status_code == 404

    def test_messages_can_be_waited_for(self, organization: Webex) -> None:
        room = organization.add_room("Help Desk")
        sender = threading.Timer(0.01, organization.post, [{"roomId": room, "text": "x"}])
        sender.start()
        assert len(organization.wait_for_messages(1, 10)) == 1
        assert len(organization.wait_for_messages(2, 0)) == 1
        sender.join()
        organization.clear_messages()
        assert organization.messages() == []


class TestPeople:
    def test_people_are_found_by_any_of_their_email_addresses(self, organization: Webex, webex: Caller) -> None:
        ana = organization.add_person("ana@msp.example", "Ana Alvarez", emails=["a.alvarez@msp.example"])
        twin = organization.add_person("ANA@msp.example", "Ana (old)")
        assert [row["id"] for row in items(webex.get("/people", email="Ana@msp.example"))] == [ana, twin]
        (row,) = items(webex.get("/people", email="a.alvarez@msp.example"))
        assert (row["status"], row["type"], row["firstName"]) == ("active", "person", "Ana")
        assert webex.get("/people", email="nobody@msp.example").json() == {"items": [], "notFoundIds": []}
        assert [row["id"] for row in items(webex.get("/people", displayName="ana a"))] == [ana]

    def test_people_by_id_have_no_status_and_last_activity(self, organization: Webex, webex: Caller) -> None:
        """S2"""
        ana = organization.add_person("ana@msp.example", "Ana Alvarez")
        response = webex.get("/people", id=f"{ana},{organization.bot_id},unknown").json()
        assert [row["id"] for row in response["items"]] == [ana, organization.bot_id]
        assert response["notFoundIds"] == ["unknown"]
        assert all({"status", "lastActivity"}.isdisjoint(row) for row in response["items"])

    def test_more_than_85_ids_are_refused(self, organization: Webex, webex: Caller) -> None:
        assert webex.get("/people", id=",".join([organization.bot_id] * 85)).status_code == 200
        assert webex.get("/people", id=",".join([organization.bot_id] * 86)).status_code == 400

    def test_listing_people_without_a_filter_is_refused(self, webex: Caller) -> None:
        response = webex.get("/people")
        message = "Email, displayName, or id list should be specified."
        assert (response.status_code, response.json()["message"]) == (400, message)

    def test_bot_can_fetch_itself(self, organization: Webex, webex: Caller) -> None:
        me = webex.get("/people/me").json()
        assert (me["id"], me["type"], me["emails"]) == (organization.bot_id, "bot", ["ticketbot@webex.bot"])
        assert webex.get(f"/people/{organization.bot_id}").json() == me
        assert webex.get("/people/unknown").status_code == 404

    def test_people_change_and_leave(self, organization: Webex, webex: Caller) -> None:
        ana = organization.add_person("ana@msp.example", "Ana Alvarez")
        room = organization.add_room("Help Desk", [ana])
        organization.change_person(ana, {"displayName": "Ana Bauer", "nickName": None})
        row = webex.get(f"/people/{ana}").json()
        assert (row["displayName"], "nickName" in row) == ("Ana Bauer", False)
        organization.remove_person(ana)
        assert items(webex.get("/people", email="ana@msp.example")) == []
        assert [row["personId"] for row in items(webex.get("/memberships", roomId=room))] == [organization.bot_id]


class TestRooms:
    def test_rooms_are_listed_in_pages_that_end_without_a_link(self, organization: Webex, webex: Caller) -> None:
        rooms = [organization.add_room(f"Room {number}") for number in range(4)]
        response, pages = webex.get("/rooms", type="group", max=2), []
        while True:
            pages.append([row["id"] for row in items(response)])
            if "next" not in response.links:
                break
            assert "type=group&max=2&after=" in response.links["next"]["url"]
            response = webex.session.get(response.links["next"]["url"], timeout=10)
        assert pages == [rooms[:2], rooms[2:], []]

    def test_next_links_can_lose_the_filters(self, organization: Webex, webex: Caller) -> None:
        organization.add_room("Help Desk")
        organization.forgetful_links = True
        link = webex.get("/rooms", type="group", max=1).links["next"]["url"]
        assert link.startswith(f"{organization.url}/rooms?max=null&after=")
        assert webex.session.get(link, timeout=10).status_code == 200

    def test_only_rooms_with_the_bot_are_listed(self, organization: Webex, webex: Caller) -> None:
        seen, hidden = organization.add_room("Seen"), organization.add_room("Hidden", with_bot=False)
        assert [row["id"] for row in items(webex.get("/rooms"))] == [seen]
        assert webex.get(f"/rooms/{seen}").json()["title"] == "Seen"
        for path in (f"/rooms/{hidden}", f"/memberships?roomId={hidden}"):
            assert webex.get(path).json()["message"] == simulated.NO_ROOM

    def test_members_of_a_room_are_listed_with_their_names(self, organization: Webex, webex: Caller) -> None:
        ana = organization.add_person("ana@msp.example", "Ana Alvarez")
        room = organization.add_room("Help Desk", [ana])
        first, bot = items(webex.get("/memberships", roomId=room))
        assert (first["personId"], first["personEmail"]) == (ana, "ana@msp.example")
        assert first["personDisplayName"] == "Ana Alvarez"
        assert bot["personId"] == organization.bot_id
        assert items(webex.get("/memberships")) == [bot]

    @pytest.mark.parametrize("ciphertext", [False, True])
    def test_title_can_be_undecryptable(self, organization: Webex, webex: Caller, *, ciphertext: bool) -> None:
        """S2"""
        organization.break_title(organization.add_room("Help Desk"), ciphertext=ciphertext)
        (row,) = items(webex.get("/rooms"))
        assert row["errors"]["title"]["code"] == "kms_failure"
        assert row.get("title", "").startswith("eyJ") is ciphertext

    def test_a_removed_room_is_unknown(self, organization: Webex, webex: Caller) -> None:
        room = organization.add_room("Help Desk")
        organization.remove_room(room)
        assert post(webex, roomId=room, markdown="x").json()["message"] == simulated.NO_ROOM

    def test_unknown_resource_is_404_and_wrong_method_405(self, webex: Caller) -> None:
        assert webex.get("/teams").json()["message"] == simulated.NOT_FOUND
        assert webex("/rooms", "PATCH").status_code == 405


def test_the_same_calls_give_the_same_ids(clock: Clock) -> None:
    assert Webex(now=clock).add_room("x") == Webex(now=clock).add_room("x") != Webex(now=clock).bot_id
