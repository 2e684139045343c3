"""Reading records out of JSON where anything may be missing, null, of another type, or worse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.remote.cassettes import CREDENTIALS, TOKEN
from tests.remote.rude_server import RudeServer, response, rude_server
from ticketbot import errors
from ticketbot.connectwise import records
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.remote import json_values
from ticketbot.webex import webex_client
from ticketbot.webex.webex_client import Webex

KEYS = re.findall(
    r"\w+",
    "id name identifier summary recordType board status company contact contactName owner resources priority "
    "closedFlag _info dateEntered lastUpdated updatedBy enteredBy sortByDate noteType ticket ticketId text "
    "internalAnalysisFlag member originalAuthor createdBy dateCreated timeStart firstName lastName primaryEmail "
    "defaultEmail officeEmail inactiveFlag url objectId type level version items title errors emails displayName "
    "lastActivity personId roomId personEmail code message trackingId",
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(
    ["2024-03-01T09:00:00Z", "0001-01-01T00:00:00+14:00", "User1, ,user1", "Office", "eyJhbGciOiJkaXIifQ", "\ud800"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8)
)
ROWS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=12).map(lambda row: {**row, "id": 1})
BODIES = JSON | ROWS | st.lists(ROWS, max_size=3) | st.fixed_dictionaries({"items": st.lists(ROWS, max_size=3)})

OPERATIONS: dict[str, Callable[[ConnectWise, Webex], Any]] = {
    "ticket": lambda cw, _: cw.ticket(1),
    "project ticket": lambda cw, _: cw.ticket(1, project=True),
    "notes": lambda cw, _: cw.notes(1),
    "tickets": lambda cw, _: list(cw.tickets(board_ids=[1])),
    "boards": lambda cw, _: cw.boards(),
    "statuses": lambda cw, _: cw.statuses(1),
    "members": lambda cw, _: cw.members(),
    "members by identifier": lambda cw, _: cw.members_by_identifier(["User1", "'"]),
    "callbacks": lambda cw, _: cw.callbacks(),
    "create callback": lambda cw, _: cw.create_callback("https://example.com"),
    "update callback": lambda cw, _: cw.update_callback(1, inactive=False),
    "delete callback": lambda cw, _: cw.delete_callback(1),
    "info": lambda cw, _: cw.info(),
    "send": lambda _, wx: wx.send("room", "x", "text"),
    "me": lambda _, wx: wx.me(),
    "people by e-mail": lambda _, wx: wx.people_by_email("a@example.com"),
    "people by ids": lambda _, wx: wx.people_by_ids(["a"]),
    "rooms": lambda _, wx: wx.rooms(),
    "memberships": lambda _, wx: wx.memberships("x"),
}
STATUSES = ("200 OK", "200 OK", "200 OK", "400 Bad", "404 Not Found", "429 Too Many", "503 Down")
LINKS = st.just("") | st.text(st.characters(min_codepoint=32, max_codepoint=126)) | st.just("<x>; rel=next, <")


@pytest.fixture(scope="module")
def server() -> Iterator[RudeServer]:
    """Answer every example of the module."""
    with rude_server() as server:
        yield server


@pytest.fixture(scope="module")
def clients(server: RudeServer) -> Iterator[tuple[ConnectWise, Webex]]:
    """Ask the server for every example."""
    with (
        closing(ConnectWise(url=server.url, **CREDENTIALS)) as connectwise,
        closing(Webex(url=server.url, token=TOKEN)) as webex,
    ):
        yield connectwise, webex


class TestAnyJson:
    """Whatever comes as an answer, nothing but a TicketbotError comes out."""

    @pytest.mark.parametrize("operation", OPERATIONS)
    @settings(max_examples=20, deadline=None)
    @given(body=BODIES | st.binary(max_size=40), status=st.sampled_from(STATUSES), link=LINKS)
    def test_any_response_is_handled(self, server, clients, operation: str, body, status: str, link: str) -> None:
        server.always(response(body, status, **({"Link": link} if link else {})))
        with suppress(errors.TicketbotError):
            found = OPERATIONS[operation](*clients)
            msgspec.json.encode(found)  # half a surrogate pair could not be stored

    def test_deep_nesting_is_invalid_json(self, server: RudeServer, clients: tuple[ConnectWise, Webex]) -> None:
        server.always(response(b"[" * 200_000))
        with pytest.raises(errors.RemoteUnavailable, match="not with JSON"):
            clients[0].boards()


class TestTickets:
    """What a ticket is made of when ConnectWise leaves things out."""

    def test_an_id_is_enough(self) -> None:
        ticket = records.ticket({"id": 5})
        assert (ticket.id, ticket.kind, ticket.summary, ticket.closed) == (5, "service", "", False)
        assert ticket.board is ticket.owner is ticket.updated_at is None
        assert ticket.resources == ()

    def test_nulls_are_like_missing_keys(self) -> None:
        assert records.ticket({"id": 5, **dict.fromkeys(KEYS[1:])}) == records.ticket({"id": 5})

    def test_the_name_of_a_contact_serves_when_no_other_is_given(self) -> None:
        assert records.ticket({"id": 5, "contact": {"id": 1, "name": "Ana"}}).contact_name == "Ana"
        assert records.ticket({"id": 5, "contactName": "Ben"}).contact_name == "Ben"

    def test_an_owner_may_have_an_identifier_alone(self) -> None:
        owner = records.ticket({"id": 5, "owner": {"identifier": "User1"}}).owner
        assert owner == records.MemberRef(None, "User1", "User1")

    @pytest.mark.parametrize(
        ("given_", "read"),
        [
            ("User1, User10", ("User1", "User10")),
            (" User1 ,,user1 ,  USER1,b ", ("User1", "b")),
            ("", ()),
            (" , ", ()),
            (["User1"], ()),
            ("O'Neil", ("O'Neil",)),
        ],
    )
    def test_resources_are_trimmed_and_named_once(self, given_: object, read: tuple[str, ...]) -> None:
        assert records.ticket({"id": 5, "resources": given_}).resources == read

    @pytest.mark.parametrize(
        ("record_type", "project", "kind"),
        [
            ("ServiceTicket", False, "service"),
            ("ProjectTicket", False, "project"),
            ("ProjectIssue", False, "project"),
            (None, True, "project"),
            ("ServiceTicket", True, "service"),
        ],
    )
    def test_the_record_says_what_kind_it_is_before_the_list_does(self, record_type, project, kind) -> None:
        assert records.ticket({"id": 5, "recordType": record_type}, project=project).kind == kind


class TestNotes:
    """T6 and D6: when a note was entered, and by whom."""

    def test_an_id_is_enough(self) -> None:
        note = records.note({"id": 5}, 69)
        assert (note.kind, note.id, note.ticket_id, note.text, note.author) == ("TicketNote", 5, 69, "", None)
        assert note.entered_at is None

    def test_a_note_of_a_child_says_so(self) -> None:
        assert records.note({"id": 5, "ticket": {"id": 70}}, 69).ticket_id == 70
        assert records.note({"id": 5, "ticketId": 71}, 69).ticket_id == 71

    @pytest.mark.parametrize(
        ("row", "year"),
        [
            ({"_info": {"dateEntered": "2020-01-01T00:00:00Z", "lastUpdated": "2021-01-01T00:00:00Z"}}, 2020),
            ({"_info": {"lastUpdated": "2021-01-01T00:00:00Z", "sortByDate": "2022-01-01T00:00:00Z"}}, 2021),
            ({"_info": {"dateEntered": "nonsense", "sortByDate": "2022-01-01T00:00:00Z"}}, 2022),
            ({"_info": None, "dateCreated": "2023-01-01T00:00:00Z", "timeStart": "2024-01-01T00:00:00Z"}, 2023),
            ({"timeStart": "2024-01-01T00:00:00Z"}, 2024),
        ],
    )
    def test_age_goes_by_the_best_available_date(self, row: dict[str, Any], year: int) -> None:
        assert records.note({"id": 1, **row}, 69).entered_at == datetime(year, 1, 1, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("row", "author", "identifier"),
        [
            ({"member": {"id": 1, "identifier": "u1", "name": "Ann"}, "contact": {"id": 1, "name": "Bo"}}, "Ann", "u1"),
            ({"member": {"id": 1, "identifier": "u1"}}, "u1", "u1"),
            ({"member": None, "contact": {"id": 1, "name": "Bo"}, "originalAuthor": "Cy"}, "Bo", None),
            ({"originalAuthor": "Cy", "_info": {"enteredBy": "Connector"}}, "Cy", None),
            ({"originalAuthor": "", "_info": {"enteredBy": "Connector"}}, "Connector", None),
        ],
    )
    def test_the_author_of_a_note_is_a_member_a_contact_or_the_name_given(self, row, author, identifier) -> None:
        note = records.note({"id": 1, **row}, 69)
        assert (note.author, note.author_identifier) == (author, identifier)

    @pytest.mark.parametrize(
        ("value", "internal"),
        [(True, True), (False, False), (None, False), ("true", True), ("False", False), (1, True), (0, False)],
    )
    def test_an_internal_note_is_never_taken_for_a_public_one(self, value: object, internal: bool) -> None:
        """B1"""
        assert records.note({"id": 1, "internalAnalysisFlag": value}, 69).internal is internal


@pytest.mark.parametrize(
    ("row", "email"),
    [
        ({"primaryEmail": "p@x", "defaultEmail": "Home", "homeEmail": "h@x", "officeEmail": "o@x"}, "p@x"),
        ({"primaryEmail": " ", "defaultEmail": "Home", "homeEmail": "h@x", "officeEmail": "o@x"}, "h@x"),
        ({"defaultEmail": "Mobile", "mobileEmail": "m@x", "officeEmail": "o@x"}, "m@x"),
        ({"defaultEmail": "Home", "homeEmail": None, "officeEmail": "o@x"}, "o@x"),
        ({"defaultEmail": 5, "homeEmail": "h@x"}, None),
        ({}, None),
    ],
)
def test_the_address_of_a_member_is_found_in_order(row: dict[str, Any], email: str | None) -> None:
    """D7"""
    assert records.member({"id": 1, **row}).email == email


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2024-03-01T09:00:00Z", datetime(2024, 3, 1, 9, tzinfo=UTC)),
        ("2024-03-01T09:00:00.5z", datetime(2024, 3, 1, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2024-03-01T09:00:00.1234567Z", datetime(2024, 3, 1, 9, 0, 0, 123_456, tzinfo=UTC)),
        (" 2024-03-01T09:00:00+02:00", datetime(2024, 3, 1, 7, tzinfo=UTC)),
        ("2024-03-01 09:00:00", datetime(2024, 3, 1, 9, tzinfo=UTC)),
        ("2024-03-01", datetime(2024, 3, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00+10:00", None),
        ("2024-02-30T00:00:00Z", None),
        ("", None),
        (1709283600, None),
        (None, None),
    ],
)
def test_times_are_read_in_every_spelling(value: object, moment: datetime | None) -> None:
    assert json_values.timestamp(value) == moment


class TestRooms:
    """S2: a title that Webex could not decrypt is no title."""

    @pytest.fixture
    def listed(self, rude: RudeServer, rude_webex: Webex) -> Callable[[object], list[webex_client.Room]]:
        def listed(item: object) -> list[webex_client.Room]:
            rude.always(response({"items": [item]}))
            return rude_webex.rooms()

        return listed

    @pytest.mark.parametrize(
        ("item", "title"),
        [
            ({"title": "Ops"}, "Ops"),
            ({"title": "eyJ is how a JWE starts"}, "eyJ is how a JWE starts"),
            ({"title": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..iv.text.tag"}, None),
            ({"title": "eyJhbGciOiJkaXIifQ", "errors": {"title": {"code": "kms_failure", "reason": "Key..."}}}, None),
            ({"errors": {"title": {"code": "kms_failure"}}}, None),
            ({"title": "Ops", "errors": {"description": {"code": "kms_failure"}}}, "Ops"),
            ({"title": "Ops", "errors": ["odd"]}, None),
            ({"title": None}, None),
            ({}, None),
        ],
    )
    def test_undecryptable_title_is_none(self, listed, item: dict[str, Any], title: str | None) -> None:
        assert [room.title for room in listed({"id": "r", **item})] == [title]

    def test_an_item_without_an_id_is_left_out(self, listed) -> None:
        assert listed({"title": "Ops"}) == listed("odd") == []


def test_addresses_are_compared_in_lower_case(rude: RudeServer, rude_webex: Webex) -> None:
    """D7"""
    rude.always(response({"items": [{"id": "p", "emails": ["Ana@Example.com", None, ""], "firstName": "Ana"}]}))
    assert rude_webex.people_by_email("ana@example.com") == [
        webex_client.Person("p", "Ana", ("ana@example.com",), "person", None)
    ]
