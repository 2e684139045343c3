"""What ConnectWise and its client promise each other, over cassettes and over the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tests.remote.cassettes import CREDENTIALS, answered
from tests.remote.replay_server import Reply
from ticketbot import errors
from ticketbot.connectwise import records
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.simulators import connectwise as simulated
from ticketbot.simulators import connectwise_api

HOOKS = "https://ticketbot.example.com/hooks/cw/tickets?recordId="
REQUEST_ID = {"x-cw-request-id": "11111111-aaaa-4bbb-8ccc-222222222222"}
NOT_FOUND = Reply(
    "GET /service/tickets/1255787", "connectwise/synthetic-error-404-ticket.json", 404, headers=REQUEST_ID
)
CREATED = (
    '{"id":26552,"url":"%s","objectId":1,"type":"ticket","level":"owner","memberId":243,"payloadVersion":"3.0.0",'
    '"inactiveFlag":%s,"isSoapCallbackFlag":false,"isSelfSuppressedFlag":false}'
)


@dataclass(frozen=True)
class Known:
    """What the system asked surely holds."""

    ticket: int
    project_ticket: int
    board: int
    company: int
    contact: int
    member: str


class Contract:
    """Hold for both; `stranger` is a client whose credentials are wrong."""

    @answered(Reply("GET /service/tickets/69", "connectwise/ticket.json"))
    def test_a_service_ticket_is_read(self, connectwise: ConnectWise, known: Known) -> None:
        ticket = connectwise.ticket(known.ticket)
        assert (ticket.id, ticket.kind, ticket.closed) == (known.ticket, "service", False)
        assert ticket.board is not None
        assert ticket.board.id == known.board
        assert ticket.company is not None
        assert ticket.company.id == known.company
        assert ticket.owner is not None
        assert ticket.owner.identifier == known.member
        assert ticket.entered_at is not None
        assert ticket.updated_at is not None
        assert ticket.entered_at <= ticket.updated_at <= datetime.now(UTC)

    @answered(Reply("GET /project/tickets/69", "connectwise/project-ticket.json"))
    def test_a_project_ticket_is_read(self, connectwise: ConnectWise, known: Known) -> None:
        """T1"""
        ticket = connectwise.ticket(known.project_ticket, project=True)
        assert (ticket.id, ticket.kind) == (known.project_ticket, "project")

    @answered(NOT_FOUND)
    def test_a_ticket_that_does_not_exist_is_gone(self, connectwise: ConnectWise) -> None:
        """W7"""
        with pytest.raises(errors.RemoteGone) as caught:
            connectwise.ticket(1255787)
        assert caught.value.status == 404
        assert "1255787 not found" in str(caught.value)
        assert caught.value.tracking_id

    @answered(Reply("GET /service/tickets/69/allNotes", "connectwise/synthetic-allNotes-list.json"))
    def test_notes_of_all_kinds_are_read(self, connectwise: ConnectWise, known: Known) -> None:
        """T1, T6"""
        page = connectwise.notes(known.ticket)
        assert not page.has_next
        assert {note.kind for note in page.items} == {"TicketNote", "TimeEntryNote"}
        assert {note.ticket_id for note in page.items} == {known.ticket}
        assert {(n.text, n.internal) for n in page.items} >= {
            ("Internal: toner order placed.", True),
            ("Works now, thanks!", False),
        }
        by_members = {n.author_identifier for n in page.items} - {None}
        assert by_members == {known.member}
        assert all(note.entered_at for note in page.items)

    @answered(Reply("GET /service/tickets", "connectwise/ticket-list.json"))
    def test_open_tickets_of_a_board_changed_since_are_listed(self, connectwise: ConnectWise, known: Known) -> None:
        """S3, C1"""
        since = datetime(2005, 1, 1, tzinfo=UTC)
        pages = list(connectwise.tickets(board_ids=[known.board], open_only=True, updated_after=since))
        assert [(page.number, page.has_next) for page in pages] == [(1, False)]
        assert [ticket.id for ticket in pages[0].items] == [known.ticket]

    @answered(Reply("GET /project/tickets", "connectwise/project-ticket-list.json"))
    def test_project_tickets_are_listed(self, connectwise: ConnectWise, known: Known) -> None:
        """S3"""
        tickets = [ticket for page in connectwise.tickets(project=True) for ticket in page.items]
        assert [(ticket.id, ticket.kind) for ticket in tickets] == [(known.project_ticket, "project")]

    @answered(Reply("GET /service/boards", "connectwise/board-list.json"))
    def test_boards_are_listed(self, connectwise: ConnectWise, known: Known) -> None:
        """S1"""
        boards = {board.id: board for board in connectwise.boards()}
        assert boards[known.board] == records.Board(known.board, "Service A", inactive=False, project=False)

    @answered(Reply("GET /service/boards/1/statuses", "connectwise/board-status-list.json"))
    def test_statuses_know_their_board_and_whether_they_close(self, connectwise: ConnectWise, known: Known) -> None:
        """S1"""
        statuses = connectwise.statuses(known.board)
        assert {status.board_id for status in statuses} == {known.board}
        assert {status.closed for status in statuses} == {True, False}
        assert not any(status.inactive for status in statuses)

    @answered(Reply("GET /system/members", "connectwise/member-list.json"))
    def test_members_are_listed_with_their_address(self, connectwise: ConnectWise, known: Known) -> None:
        """D7"""
        member = next(member for member in connectwise.members() if member.identifier == known.member)
        assert (member.name, member.email, member.inactive) == ("Training User1", "user1@example.com", False)
        assert member.license_class == "F"

    @answered(Reply("GET /system/members", "connectwise/member-list.json"))
    def test_members_are_found_by_identifier(self, connectwise: ConnectWise, known: Known) -> None:
        found = connectwise.members_by_identifier([known.member, "Nobody"])
        assert [member.identifier for member in found] == [known.member]

    @answered(
        Reply("POST /system/callbacks", text=CREATED % (HOOKS, "false"), status=201),
        Reply("GET /system/callbacks", text=f"[{CREATED % (HOOKS, 'false')}]"),
        Reply("PATCH /system/callbacks/26552", text=CREATED % (HOOKS, "true")),
        Reply("DELETE /system/callbacks/26552", status=204),
    )
    def test_a_callback_is_registered_switched_off_and_removed(self, connectwise: ConnectWise) -> None:
        """C2"""
        made = connectwise.create_callback(HOOKS)
        assert made == records.Callback(made.id, HOOKS, 1, "ticket", "owner", inactive=False)
        assert connectwise.callbacks() == [made]
        assert connectwise.update_callback(made.id, inactive=True).inactive
        connectwise.delete_callback(made.id)

    @answered(Reply("GET /system/info", "connectwise/system-info.json"))
    def test_version_and_clock_are_read(self, connectwise: ConnectWise) -> None:
        """O6"""
        info = connectwise.info()
        assert (info.version or "").startswith("v2")
        assert info.served_at is not None
        assert info.served_at.tzinfo is UTC

    @answered(
        Reply("GET /service/tickets/69", "connectwise/synthetic-error-401.json", 401),
    )
    def test_wrong_credentials_are_denied(self, stranger: ConnectWise, known: Known) -> None:
        with pytest.raises(errors.RemoteDenied, match="make sure that your credentials are correct") as caught:
            stranger.ticket(known.ticket)
        assert caught.value.status == 401

    @answered(
        Reply(
            "POST /system/callbacks",
            text='{"code":"InvalidObject","message":"callbackEntry object is invalid","errors":[{"code":"InvalidField",'
            '"message":"The url is invalid.","resource":"callbackEntry","field":"url"}]}',
            status=400,
        )
    )
    def test_refusal_has_its_details(self, connectwise: ConnectWise) -> None:
        with pytest.raises(errors.RemoteRefused, match=r"callbackEntry object is invalid; The url is invalid\."):
            connectwise.create_callback("nowhere")


class TestOverCassettes(Contract):
    """The contract over cassettes, and what only a recorded system holds or does."""

    @pytest.fixture
    def known(self) -> Known:
        return Known(ticket=69, project_ticket=69, board=1, company=2, contact=2, member="User1")

    @pytest.fixture
    def stranger(self, connectwise: ConnectWise) -> ConnectWise:
        return connectwise

    @answered(Reply("GET /service/tickets/69", "connectwise/ticket.json"))
    def test_every_part_of_a_ticket(self, connectwise: ConnectWise) -> None:
        ticket = connectwise.ticket(69)
        assert ticket.served_at is not None
        assert ticket == records.Ticket(
            id=69,
            kind="service",
            summary="Schedule and Execute Conversion",
            board=records.Ref(1, "Service A"),
            status=records.Ref(1, "New"),
            company=records.Ref(2, "TestCompany"),
            contact=records.Ref(2, "Alex Sample"),
            contact_name="Greg Test",
            owner=records.MemberRef(176, "User1", "Training User1"),
            resources=("User1",),
            priority=records.Ref(4, "Priority 3 - Normal Response"),
            priority_sort=6,
            severity="Medium",
            impact="Medium",
            type=records.Ref(8, "Admin"),
            subtype=records.Ref(1, "Repair"),
            item=records.Ref(2, "Fix it"),
            source=records.Ref(2, "Phone"),
            closed=False,
            entered_at=datetime(2005, 5, 27, 17, 30, 19, tzinfo=UTC),
            updated_at=datetime(2016, 3, 8, 21, 59, 20, tzinfo=UTC),
            updated_by="User1",
            served_at=ticket.served_at,
        )

    @answered(Reply("GET /project/tickets/69", "connectwise/project-ticket.json"))
    def test_resources_are_split_at_commas(self, connectwise: ConnectWise) -> None:
        assert connectwise.ticket(69, project=True).resources == ("User1", "User10")

    @answered(Reply("GET /service/tickets/69/allNotes", "connectwise/synthetic-allNotes-list.json"))
    def test_every_part_of_a_time_entry(self, connectwise: ConnectWise) -> None:
        """T6: its age goes by when it was entered, not by when the work began."""
        time_entry = connectwise.notes(69).items[1]
        assert time_entry == records.Note(
            kind="TimeEntryNote",
            id=412,
            ticket_id=69,
            text="Rebooted print server; spooler restarted.",
            discussion=True,
            internal=False,
            resolution=False,
            is_markdown=False,
            author="Training User1",
            author_id=176,
            author_identifier="User1",
            contact_name=None,
            entered_at=datetime(2024, 3, 1, 9, 46, 10, tzinfo=UTC),
            updated_at=datetime(2024, 3, 1, 9, 46, 10, tzinfo=UTC),
        )

    @answered(
        Reply("GET /service/tickets/69/allNotes", text='{"message":"Method not allowed"}', status=405),
        Reply("GET /service/tickets/69/notes", "connectwise/notes-list.json"),
    )
    def test_old_version_without_all_notes_falls_back_to_notes(self, connectwise: ConnectWise) -> None:
        (note,) = connectwise.notes(69).items
        assert (note.kind, note.id, note.author_identifier) == ("TicketNote", 3, "User1")
        assert note.entered_at == datetime(2010, 9, 18, 17, 10, 37, tzinfo=UTC)

    @answered(
        Reply("GET /service/tickets/69/allNotes", text='{"code":"InvalidArgument","message":"orderBy"}', status=400,
              query={"orderBy": "_info/dateEntered desc"}),
        Reply("GET /service/tickets/69/allNotes", "connectwise/synthetic-allNotes-list.json",
              query={"orderBy": "_info/sortByDate desc"}),
    )  # fmt: skip
    def test_notes_that_cannot_be_sorted_by_their_entry_come_by_date_of_work(self, connectwise: ConnectWise) -> None:
        assert connectwise.notes(69).items

    @answered(Reply("GET /service/tickets/1255787/allNotes", "connectwise/synthetic-error-404-ticket.json", 404))
    def test_notes_of_a_ticket_that_does_not_exist_are_gone(self, connectwise: ConnectWise) -> None:
        with pytest.raises(errors.RemoteGone):
            connectwise.notes(1255787)

    @answered(
        Reply("GET /service/boards", text="[" + ",".join(f'{{"id":{n},"name":"B{n}"}}' for n in range(1, 1001)) + "]",
              query={"page": "1"}),
        Reply("GET /service/boards", "connectwise/board-list.json", query={"page": "2"}),
    )  # fmt: skip
    def test_a_full_page_without_a_link_is_followed_by_another(self, connectwise: ConnectWise) -> None:
        assert len(connectwise.boards()) == 1001

    @answered(
        Reply("GET /service/tickets", text='[{"id":70}]', query={"conditions": "id>69"}, headers={
            "Link": '<https://aus.example.net/v2025_1//apis/3.0/service/tickets?pageSize=1&page=1>; rel="first"'}),
        Reply("GET /service/tickets", "connectwise/ticket-list.json", headers={
            "Link": '<https://aus.example.net/v2025_1//apis/3.0/service/tickets?pageSize=1&page=2>; rel="next", '
                    '<https://aus.example.net/v2025_1//apis/3.0/service/tickets?pageSize=1&page=2>; rel="last"'}),
    )  # fmt: skip
    def test_pages_are_followed_on_our_own_host_whatever_the_link_names(self, connectwise: ConnectWise) -> None:
        """no-stray-requests"""
        pages = list(connectwise.tickets(page_size=1))
        assert [[ticket.id for ticket in page.items] for page in pages] == [[69], [70]]

    @answered(
        Reply(
            "GET /service/tickets", "connectwise/ticket-list.json", query={"conditions": "id>68"}, headers={"Link": ""}
        ),
    )
    def test_reading_goes_on_where_it_stopped(self, connectwise: ConnectWise) -> None:
        assert [page.last_id for page in connectwise.tickets(page_size=1, after_id=68)] == [69]

    @answered(
        Reply("GET /service/tickets/69", "connectwise/error-429.json", 429, headers={"Retry-After": "30"}),
    )
    def test_a_429_says_how_long_to_wait(self, connectwise: ConnectWise) -> None:
        """T7"""
        with pytest.raises(errors.RemoteThrottled, match=r"Too many requests\. Please try again") as caught:
            connectwise.ticket(69)
        assert caught.value.retry_after_s == 30
        assert not caught.value.outcome_unknown

    @answered(Reply("GET /service/tickets/69", "connectwise/synthetic-error-500.json", 500, headers=REQUEST_ID))
    def test_500_is_transient(self, connectwise: ConnectWise) -> None:
        """T7"""
        with pytest.raises(errors.RemoteUnavailable, match="timeout expired") as caught:
            connectwise.ticket(69)
        assert not caught.value.outcome_unknown
        assert caught.value.tracking_id == REQUEST_ID["x-cw-request-id"]

    @answered(
        Reply(
            "GET /system/members",
            text='{"code":"ConnectWiseApi","message":"The endpoint does not exist.","errors":null}',
            status=404,
        )
    )
    def test_an_endpoint_that_does_not_exist_is_a_missing_permission(self, connectwise: ConnectWise) -> None:
        """W7"""
        with pytest.raises(errors.RemoteDenied, match="The endpoint does not exist"):
            connectwise.members()

    @answered(Reply("GET /company/companies/2", "connectwise/error-ssl-required-api-prefix.json", 403))
    def test_the_wrong_host_is_denied(self, connectwise: ConnectWise) -> None:
        with pytest.raises(errors.RemoteDenied, match="SSL is required"):
            connectwise.boards()

    @answered(Reply("GET /system/callbacks", "connectwise/callback-list.json"))
    def test_others_callbacks_are_listed_too(self, connectwise: ConnectWise) -> None:
        """C2"""
        assert connectwise.callbacks() == [
            records.Callback(0, "http://localhost", 1, "ticket", "owner", inactive=False)
        ]


class TestOverSimulator(Contract):
    """The contract over the simulator, and what takes a system that changes."""

    @pytest.fixture
    def system(self) -> simulated.ConnectWise:
        return simulated.ConnectWise(**CREDENTIALS)

    @pytest.fixture
    def url(self, system: simulated.ConnectWise) -> Iterator[str]:
        with connectwise_api.serve(system) as running:
            yield running.url

    @pytest.fixture
    def connectwise(self, url: str) -> Iterator[ConnectWise]:
        with closing(ConnectWise(url=url, **CREDENTIALS)) as client:
            yield client

    @pytest.fixture
    def stranger(self, url: str) -> Iterator[ConnectWise]:
        with closing(ConnectWise(url=url, **{**CREDENTIALS, "private_key": "wrong-private-key"})) as client:
            yield client

    @pytest.fixture
    def known(self, system: simulated.ConnectWise) -> Known:
        board, projects = system.add_board("Service A"), system.add_board("Projects", project=True)
        company = system.add_company("TestCompany", "YourCompany")
        contact = system.add_contact("Alex", "Sample", company=company)
        system.add_member("User1", "Training", "User1", email="user1@example.com")
        ticket = system.add_ticket(
            board, "Printer", owner="User1", company=company, contact=contact, note="Printer in lobby is offline."
        )
        system.add_note(ticket, "Rebooted print server.", member="User1", kind="TimeEntryNote")
        system.add_note(ticket, "Internal: toner order placed.", member="User1", internal=True)
        system.add_note(ticket, "Works now, thanks!", contact=contact)
        project_ticket = system.add_ticket(projects, "Planning")
        return Known(ticket, project_ticket, board, company, contact, member="User1")

    def test_a_project_ticket_is_no_service_ticket(self, connectwise: ConnectWise, known: Known) -> None:
        with pytest.raises(errors.RemoteGone):
            connectwise.ticket(known.project_ticket)

    def test_a_ticket_that_closes_while_pages_are_read_hides_no_other(self, connectwise, system, known: Known) -> None:
        """S3"""
        made = system.add_many(4, known.board)
        pages = connectwise.tickets(board_ids=[known.board], open_only=True, page_size=2)
        listed = [ticket.id for ticket in next(pages).items]
        system.update_ticket(listed[0], status=">Closed")
        listed += [ticket.id for page in pages for ticket in page.items]
        assert listed == [known.ticket, *made]

    def test_tickets_are_found_by_id_open_or_closed(self, connectwise, system, known: Known) -> None:
        """S3"""
        closed = system.add_ticket(known.board, "Done", status=">Closed")
        found = connectwise.tickets_by_id([known.ticket, closed, known.project_ticket, 999])
        assert [(ticket.id, ticket.closed) for ticket in found] == [(known.ticket, False), (closed, True)]

    def test_ticket_has_the_time_of_its_response(self, connectwise, known: Known) -> None:
        served_at = connectwise.ticket(known.ticket).served_at
        assert served_at is not None
        assert served_at.microsecond == 0

    def test_every_ticket_is_listed_once(self, connectwise, system, known: Known) -> None:
        """S3"""
        made = {known.ticket, *system.add_many(24, known.board)}
        pages = list(connectwise.tickets(board_ids=[known.board], page_size=10))
        assert [len(page.items) for page in pages] == [10, 10, 5]
        listed = [ticket.id for page in pages for ticket in page.items]
        assert listed == sorted(made)

    def test_notes_come_newest_first(self, connectwise, system, known: Known) -> None:
        """T6"""
        for day in (2, 1, 3):
            system.add_note(known.ticket, f"day {day}", member="User1", entered_at=datetime(2020, 1, day, tzinfo=UTC))
        newest, oldest = (connectwise.notes(known.ticket, page=number, page_size=4) for number in (1, 2))
        assert (newest.has_next, oldest.has_next) == (True, False)
        assert [note.text for note in oldest.items] == ["day 3", "day 2", "day 1"]

    def test_many_identifiers_are_looked_up_in_several_calls(self, connectwise, system, known: Known) -> None:
        names = [f"Member{number:03}" for number in range(200)]
        for name in names:
            system.add_member(name, "Any", name)
        assert [member.identifier for member in connectwise.members_by_identifier(names)] == names

    @pytest.mark.parametrize("name", ["O'Neil", 'Quo"te', "a' or id > 0 or identifier='", "50%", "[x]", "back\\slash"])
    def test_a_name_cannot_break_out_of_its_condition(self, connectwise, system, known: Known, name: str) -> None:
        """harmless-text"""
        system.add_member(name, "Odd", "Name")
        assert [member.identifier for member in connectwise.members_by_identifier([name])] == [name]
