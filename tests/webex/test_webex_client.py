"""What Webex and its client promise each other, over cassettes and over the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tests.remote.cassettes import TOKEN, answered
from tests.remote.replay_server import Reply
from ticketbot import errors
from ticketbot.simulators import webex as simulated
from ticketbot.simulators import webex_api
from ticketbot.webex import webex_client as remote
from ticketbot.webex.webex_client import Webex

ROOM = "Y2lzY29zcGFyazovL3VzL1JPT00vYmJjZWIxYWQtNDNmMS0zYjU4LTkxNDctZjE0YmIwYzRkMTU0"
PERSON = "Y2lzY29zcGFyazovL3VzL1BFT1BMRS9mNWIzNjE4Ny1jOGRkLTQ3MjctOGIyZi1mOWM0NDdmMjkwNDY"
JOHN = remote.Person(
    id=PERSON,
    name="John Andersen",
    emails=("john.andersen@example.com",),
    type="person",
    last_activity=datetime(2015, 10, 18, 14, 26, 16, 28000, tzinfo=UTC),
)
SENT = Reply("POST /messages", "webex/message_create_response.json")


@dataclass(frozen=True)
class Known:
    """What the organization asked surely holds."""

    room: str
    person: str
    bot: str


class Contract:
    """Hold for both; `stranger` is a client whose token is wrong."""

    @answered(SENT)
    def test_a_message_to_a_room_has_an_id(self, webex: Webex, known: Known) -> None:
        """L1"""
        assert webex.send("room", known.room, "**New ticket** Drucker läuft 🖨")

    @answered(SENT)
    def test_a_message_to_a_person_has_an_id(self, webex: Webex, known: Known) -> None:
        """L1"""
        assert webex.send("person", known.person, "**New ticket**")

    @answered(Reply("POST /messages", "webex/error_400_message_length_reconstructed.json", 400))
    def test_too_long_message_has_its_own_error(self, webex: Webex, known: Known) -> None:
        """B2"""
        with pytest.raises(errors.MessageTooLong, match="Message length limited to 7439") as caught:
            webex.send("room", known.room, "x" * 8000)
        assert (caught.value.tracking_id or "").startswith("ROUTER_")
        assert not caught.value.retry_helps

    @answered(Reply("POST /messages", "webex/error_401_unauthorized.json", 401))
    def test_a_bad_token_is_denied(self, stranger: Webex, known: Known) -> None:
        """L3"""
        with pytest.raises(errors.RemoteDenied, match="requires a valid access token") as caught:
            stranger.send("room", known.room, "hello")
        assert caught.value.status == 401

    @answered(Reply("POST /messages", "webex/error_404_resource_not_found.json", 404))
    def test_unknown_room_is_gone(self, webex: Webex) -> None:
        """L3"""
        with pytest.raises(errors.RemoteGone, match="could not be found") as caught:
            webex.send("room", "no-room-at-all", "hello")
        assert caught.value.tracking_id

    @answered(Reply("GET /people/me", "webex/people_me.json"))
    def test_bot_can_fetch_itself(self, webex: Webex, known: Known) -> None:
        """O6"""
        assert webex.me().id == known.bot

    @answered(
        Reply("GET /people", "webex/people_list_by_email.json", query={"email": "John.Andersen@example.com"}),
    )
    def test_a_person_is_found_by_address_with_last_activity(self, webex: Webex, known: Known) -> None:
        """D7"""
        assert webex.people_by_email("John.Andersen@example.com") == [replace(JOHN, id=known.person)]

    @answered(Reply("GET /people", "webex/people_list_empty_derived.json"))
    def test_nobody_is_found_by_an_unknown_address(self, webex: Webex) -> None:
        """D7"""
        assert webex.people_by_email("nobody@example.com") == []

    @answered(Reply("GET /people", "webex/people_by_ids_notfound_derived.json"))
    def test_people_are_found_by_id_without_their_last_activity(self, webex: Webex, known: Known) -> None:
        """S2: ids that do not exist are left out."""
        found = webex.people_by_ids([known.person, "unknown", known.person])
        assert found == [replace(JOHN, id=known.person, last_activity=None)]

    @answered(Reply("GET /rooms", "webex/rooms_list.json"))
    def test_group_rooms_are_listed(self, webex: Webex, known: Known) -> None:
        """S2"""
        (room,) = webex.rooms()
        assert (room.id, room.title, room.type) == (known.room, "Project Unicorn - Sprint 0", "group")
        assert room.last_activity is not None

    @answered(Reply("GET /memberships", "webex/memberships_list.json"))
    def test_members_of_a_room_are_listed(self, webex: Webex, known: Known) -> None:
        """S2"""
        member = remote.Membership(known.person, "john.andersen@example.com", "John Andersen", known.room)
        assert member in webex.memberships(known.room)


class TestOverCassettes(Contract):
    """The contract over cassettes."""

    @pytest.fixture
    def known(self) -> Known:
        return Known(ROOM, PERSON, bot=PERSON)

    @pytest.fixture
    def stranger(self, webex: Webex) -> Webex:
        return webex


class TestOverSimulator(Contract):
    """The contract over the simulator, and what takes more rooms and people than a payload holds."""

    @pytest.fixture
    def organization(self) -> simulated.Webex:
        return simulated.Webex(token=TOKEN)

    @pytest.fixture
    def url(self, organization: simulated.Webex) -> Iterator[str]:
        with webex_api.serve(organization):
            yield organization.url

    @pytest.fixture
    def webex(self, url: str) -> Iterator[Webex]:
        with closing(Webex(url=url, token=TOKEN)) as client:
            yield client

    @pytest.fixture
    def stranger(self, url: str) -> Iterator[Webex]:
        with closing(Webex(url=url, token="wrong-token")) as client:
            yield client

    @pytest.fixture
    def known(self, organization: simulated.Webex) -> Known:
        person = organization.add_person("john.andersen@example.com", JOHN.name, last_activity=JOHN.last_activity)
        room = organization.add_room("Project Unicorn - Sprint 0", [person])
        return Known(room, person, organization.bot_id)

    @pytest.mark.parametrize("forgetful", [False, True])
    def test_every_group_room_is_listed_once(self, webex, organization, known: Known, forgetful: bool) -> None:
        """S2: also when the links forget their filters."""
        organization.forgetful_links = forgetful
        rooms = {known.room, *(organization.add_room(f"Room {number}") for number in range(1000))}
        organization.add_room("Somebody", [known.person], kind="direct")
        listed = [room.id for room in webex.rooms()]
        assert len(listed) == len(rooms)
        assert set(listed) == rooms

    def test_people_are_asked_for_in_batches(self, webex, organization) -> None:
        """S2"""
        ids = [organization.add_person(f"p{number}@example.com", f"P {number}") for number in range(200)]
        assert [person.id for person in webex.people_by_ids(ids)] == ids
        assert len(organization.calls.log()) == 3

    def test_a_room_the_bot_was_taken_out_of_is_gone(self, webex, organization, known: Known) -> None:
        organization.leave(known.room)
        with pytest.raises(errors.RemoteGone):
            webex.memberships(known.room)
        with pytest.raises(errors.RemoteGone, match="Could not find a room"):
            webex.send("room", known.room, "hello")


class TestSending:
    """L1 to L3 and B2: what becomes of a message."""

    @answered(Reply("POST /messages", "webex/error_400_direct_list_destination_reconstructed.json", 400))
    def test_refusal_has_webexs_message_once(self, webex: Webex) -> None:
        """L3"""
        with pytest.raises(errors.RemoteRefused) as caught:
            webex.send("person", PERSON, "hello")
        assert str(caught.value) == (
            "Webex: POST /messages answered 400: Provide only one destination in the personId and personEmail "
            "fields (ROUTER_5FD10597-724E-01BB-58DA-AC12FAA058DA)"
        )
        assert not isinstance(caught.value, errors.MessageTooLong)

    @answered(Reply("POST /messages", "webex/error_direct_failed_one_on_one.json", 403))
    def test_a_403_is_about_this_message_only(self, webex: Webex) -> None:
        """L3"""
        with pytest.raises(errors.RemoteRefused, match="Failed to get one on one conversation"):
            webex.send("person", PERSON, "hello")

    @answered(
        Reply("POST /messages", "webex/error_429_rate_limited.json", 429, headers={"Retry-After": "60"}),
    )
    def test_a_429_says_how_long_to_wait(self, webex: Webex) -> None:
        """L2"""
        with pytest.raises(errors.RemoteThrottled, match="Too Many Requests") as caught:
            webex.send("room", ROOM, "hello")
        assert (caught.value.retry_after_s, caught.value.outcome_unknown) == (60, False)

    @answered(
        Reply(
            "POST /messages",
            "webex/error_429_rate_limited_reconstructed.json",
            429,
            headers={"Retry-After": "rand(30),add(30)"},
        )
    )
    def test_invalid_retry_after_is_ignored(self, webex: Webex) -> None:
        """L2"""
        with pytest.raises(errors.RemoteThrottled) as caught:
            webex.send("room", ROOM, "hello")
        assert caught.value.retry_after_s is None

    @answered(Reply("POST /messages", text='{"message":"Locked"}', status=423, headers={"Retry-After": "5"}))
    def test_423_is_treated_like_429(self, webex: Webex) -> None:
        """L2"""
        with pytest.raises(errors.RemoteThrottled) as caught:
            webex.send("room", ROOM, "hello")
        assert caught.value.retry_after_s == 5

    @answered(Reply("POST /messages", "webex/error_502_bad_gateway_reconstructed.json", 502))
    def test_502_is_transient(self, webex: Webex) -> None:
        """L2"""
        with pytest.raises(errors.RemoteUnavailable, match="invalid response from an upstream") as caught:
            webex.send("room", ROOM, "hello")
        assert not caught.value.outcome_unknown


class TestPeople:
    """D7 and S2: who is behind an address or an id."""

    @answered(
        Reply("GET /people", "webex/people_by_ids_notfound_jssdk.json"),
        Reply("GET /people", "webex/people_by_ids_notfound_jssdk.json"),
    )
    def test_many_ids_take_batches_of_85(self, webex: Webex) -> None:
        assert len(webex.people_by_ids(f"id-{number}" for number in range(86))) == 4


class TestRooms:
    """S2: the rooms and who is in them."""

    @answered(
        Reply("GET /rooms", text='{"items":[]}', query={"after": "two"}, headers={
            "Link": '<{here}/v1/rooms?type=group&after=three&max=null&before>; rel="next"'}),
        Reply("GET /rooms", text='{"items":[{"id":"last","title":"Last"}]}', query={
            "after": "three", "type": "group", "max": "500", "before": ""}),
        Reply("GET /rooms", "webex/rooms_list.json", headers={
            "Link": '<{here}/v1/rooms?after=two>; rel="next"'}),
    )  # fmt: skip
    def test_pages_are_followed_over_an_empty_one_and_with_all_filters(self, webex: Webex) -> None:
        """The link forgets its filters, then says `max=null`; a parameter without a value stays as it is."""
        assert [room.title for room in webex.rooms()] == ["Project Unicorn - Sprint 0", "Last"]

    @answered(Reply("GET /memberships", "webex/error_404_resource_not_found.json", 404))
    def test_a_room_the_bot_has_left_is_gone(self, webex: Webex) -> None:
        with pytest.raises(errors.RemoteGone):
            webex.memberships(ROOM)
