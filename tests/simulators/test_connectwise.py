"""The simulated ConnectWise: its tickets and notes, and an API with the quirks of the real one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from ticketbot.simulators import connectwise_api
from ticketbot.simulators.connectwise import ConnectWise

if TYPE_CHECKING:
    from tests.clock import Clock
    from tests.simulators.conftest import Caller

TICKETS = "/service/tickets"
FORWARD = {"pagination-type": "forward-only"}


def ids(response: requests.Response) -> list[int]:
    assert response.status_code == 200, response.text
    return [row["id"] for row in response.json()]


def walk(cw: Caller, response: requests.Response) -> list[list[int]]:
    """Return the ids of a page and of all pages after it."""
    pages = [ids(response)]
    while "next" in response.links:
        response = cw.session.get(response.links["next"]["url"], headers=response.request.headers, timeout=10)
        pages.append(ids(response))
    return pages


class TestAccess:
    def test_both_credentials_are_required(self, cw: Caller) -> None:
        credentials = {name: cw.get(TICKETS).request.headers[name] for name in ("Authorization", "clientId")}
        for name in credentials:
            given = {key: value for key, value in credentials.items() if key != name}
            response = requests.get(cw.root + TICKETS, headers=given, timeout=10)
            assert (response.status_code, response.json()["code"]) == (401, "Unauthorized")

    def test_a_wrong_private_key_is_refused(self, system: ConnectWise, cw: Caller) -> None:
        cw.session.auth = (f"{system.company}+{system.public_key}", "wrong")
        assert cw.get(TICKETS).status_code == 401

    def test_codebase_is_the_alias_or_the_tenants_own(self, system: ConnectWise, cw: Caller) -> None:
        def status(codebase: str) -> int:
            address = f"{system.callbacks.url}/{codebase}/apis/3.0{TICKETS}"
            return cw.session.get(address, timeout=10).status_code

        assert [status(name) for name in ("v4_6_release", "v2025_1/", "v2017_3")] == [200, 200, 404]

    def test_unknown_endpoint_looks_like_a_missing_permission(self, cw: Caller) -> None:
        response = cw.get("/service/knowledge")
        assert (response.status_code, response.json()["code"]) == (404, "ConnectWiseApi")
        assert cw(TICKETS, "PUT").status_code == 405

    def test_company_info_needs_no_credentials_and_is_null_for_unknown_companies(self, system: ConnectWise) -> None:
        site = f"{system.callbacks.url}/login/companyinfo"
        assert requests.get(f"{site}/EXAMPLEMSP", timeout=10).json()["Codebase"] == "v2025_1/"
        assert requests.get(f"{site}/nobody", timeout=10).json() is None

    def test_every_response_has_a_request_id(self, cw: Caller) -> None:
        first, second = cw.get(TICKETS), cw.get(f"{TICKETS}/1")
        assert first.headers["x-cw-request-id"] != second.headers["x-cw-request-id"]


class TestLists:
    def test_pages_have_25_rows_by_default_and_at_most_1000(self, system: ConnectWise, cw: Caller) -> None:
        system.add_many(1001, 1)
        assert len(ids(cw.get(TICKETS))) == 25
        assert len(ids(cw.get(TICKETS, pageSize=5000))) == 1000

    def test_navigable_pages_link_to_their_neighbours(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_many(7, 1)
        first = cw.get(TICKETS, pageSize=3, orderBy="id")
        assert set(first.links) == {"next", "last"}
        assert set(cw.get(TICKETS, pageSize=3, page=2).links) == {"first", "prev", "next", "last"}
        assert set(cw.get(TICKETS, pageSize=3, page=3).links) == {"first", "prev"}
        assert walk(cw, first) == [ticket_id[:3], ticket_id[3:6], ticket_id[6:]]

    def test_a_single_page_has_no_link_header(self, system: ConnectWise, cw: Caller) -> None:
        system.add_many(3, 1)
        assert "Link" not in cw.get(TICKETS, pageSize=3).headers

    def test_a_page_beyond_the_last_is_empty(self, system: ConnectWise, cw: Caller) -> None:
        system.add_many(3, 1)
        assert ids(cw.get(TICKETS, page=9)) == []

    def test_links_use_lower_case_escapes_and_can_name_another_host(self, system: ConnectWise, cw: Caller) -> None:
        system.add_many(2, 1)
        system.link_url = "https://na.myconnectwise.net"
        link = cw.get(TICKETS, pageSize=1, conditions="lastUpdated >= [2026-01-01T00:00:00Z]").headers["Link"]
        assert link.startswith("<https://na.myconnectwise.net/v4_6_release/apis/3.0/service/tickets?")
        assert "conditions=lastUpdated+%3e%3d+%5b2026-01-01T00%3a00%3a00Z%5d" in link

    def test_forward_only_pages_follow_the_ids(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_many(7, 1)
        assert walk(cw, cw.get(TICKETS, headers=FORWARD, pageSize=3)) == [ticket_id[:3], ticket_id[3:6], ticket_id[6:]]
        last = cw.get(TICKETS, headers=FORWARD, pageSize=3, pageId=ticket_id[3])
        assert (ids(last), last.headers["Link"]) == (ticket_id[4:], "")

    def test_forward_only_paging_rejects_order_by(self, cw: Caller) -> None:
        assert cw.get(TICKETS, headers=FORWARD, orderBy="id").status_code == 400

    def test_conditions_select_and_count(self, system: ConnectWise, cw: Caller) -> None:
        other = system.add_board("Network")
        system.add_many(3, 1)
        mine = system.add_ticket(other, "Switch", status=">Closed")
        wanted = f"closedFlag = true and board/id in ({other}, 99)"
        assert ids(cw.get(TICKETS, conditions=wanted)) == [mine]
        assert cw.get(f"{TICKETS}/count", conditions=wanted).json() == {"count": 1}
        assert cw.get(f"{TICKETS}/count").json() == {"count": 4}

    def test_unknown_field_is_refused_with_connectwises_message(self, cw: Caller) -> None:
        response = cw.get(TICKETS, conditions="ticket = 1")
        body = {"code": "ApiFindCondition", "message": "ticket is not a recognized name.", "errors": None}
        assert (response.status_code, response.json()) == (400, body)

    def test_non_numeric_page_is_refused(self, cw: Caller) -> None:
        assert cw.get(TICKETS, page="two").status_code == 400

    def test_rows_changed_since_a_date_are_found(self, system: ConnectWise, cw: Caller, clock: Clock) -> None:
        old, new = system.add_many(2, 1)
        since = clock.advance(minutes=5)
        system.update_ticket(new, summary="Changed")
        assert ids(cw.get(TICKETS, conditions=f"lastUpdated >= [{since:%Y-%m-%dT%H:%M:%SZ}]")) == [new]
        assert ids(cw.get(TICKETS, conditions=f"dateEntered < [{since:%Y-%m-%dT%H:%M:%SZ}]")) == [old, new]

    def test_order_by_several_keys(self, system: ConnectWise, cw: Caller) -> None:
        b, a, c = (system.add_ticket(1, text, owner=who) for text, who in
                   (("b", "ana"), ("a", "ana"), ("c", None)))  # fmt: skip
        assert ids(cw.get(TICKETS, orderBy="id desc")) == [c, a, b]
        assert ids(cw.get(TICKETS, orderBy="owner/identifier desc, summary")) == [a, b, c]

    def test_fields_select_keys_of_lists_and_single_rows(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        fields = "id, board/id,owner/identifier,_info/lastUpdated"
        expected = {"id": ticket_id, "board": {"id": 1}, "_info": {"lastUpdated": "2026-03-02T09:00:00Z"}}
        assert cw.get(TICKETS, fields=fields).json() == [expected]
        assert cw.get(f"{TICKETS}/{ticket_id}", fields=fields).json() == expected


class TestTickets:
    def test_ticket_has_its_people_and_its_board(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_ticket(1, "Printer", owner="ana", resources=["ana", "ben"], contact=301, company=201)
        row = cw.get(f"{TICKETS}/{ticket_id}").json()
        assert row["recordType"] == "ServiceTicket"
        assert (row["owner"]["identifier"], row["owner"]["name"]) == ("ana", "Ana Alvarez")
        assert row["resources"] == "ana, ben"
        assert (row["contactName"], row["contactEmailAddress"]) == ("Alex Sample", "alex@acme.example")
        assert (row["company"]["identifier"], row["board"]["name"]) == ("Acme", "Help Desk")
        assert (row["status"]["name"], row["closedFlag"]) == ("New", False)

    @pytest.mark.parametrize("explicit", [False, True])
    def test_unset_fields_are_missing_or_null(self, clock: Clock, *, explicit: bool) -> None:
        system = ConnectWise(now=clock, explicit_nulls=explicit)
        row = system.ticket(system.add_ticket(system.add_board("Help Desk"), "Printer"))
        assert all(("owner" in row, "resources" in row, "contact" in row)) is explicit
        assert row.get("owner") is None

    def test_project_tickets_exist_under_project_only(self, system: ConnectWise, cw: Caller) -> None:
        """T1"""
        service, project = system.add_ticket(1, "Printer"), system.add_ticket(2, "Move")
        gone = cw.get(f"{TICKETS}/{project}")
        assert (gone.status_code, gone.json()["code"]) == (404, "NotFound")
        assert gone.json()["message"] == f"Ticket {project} not found"
        assert cw.get(f"/project/tickets/{service}").json()["code"] == "NotFound"
        row = cw.get(f"/project/tickets/{project}").json()
        assert "recordType" not in row
        assert (row["wbsCode"], row["phase"]["name"]) == ("1.1", "Planning")
        assert (ids(cw.get(TICKETS)), ids(cw.get("/project/tickets"))) == ([service], [project])

    def test_a_change_sets_last_updated_and_updated_by(self, system: ConnectWise, cw: Caller, clock: Clock) -> None:
        ticket_id = system.add_ticket(1, "Printer", owner="ana", resources=["ana"])
        clock.advance(minutes=1)
        system.update_ticket(ticket_id, owner=None, resources=[], status=">Closed", by="ben")
        row = cw.get(f"{TICKETS}/{ticket_id}").json()
        assert {"owner", "resources"}.isdisjoint(row)
        assert (row["closedFlag"], row["closedBy"], row["closedDate"]) == (True, "ben", "2026-03-02T09:01:00Z")
        assert (row["_info"]["lastUpdated"], row["_info"]["updatedBy"]) == ("2026-03-02T09:01:00Z", "ben")
        assert row["_info"]["dateEntered"] == "2026-03-02T09:00:00Z"
        system.update_ticket(ticket_id, status="In Progress")
        assert "closedDate" not in system.ticket(ticket_id)

    def test_moving_to_another_board_sets_its_first_status(self, system: ConnectWise) -> None:
        other, ticket_id = system.add_board("Network", ["Queued", ">Done"]), system.add_ticket(1, "Printer")
        system.update_ticket(ticket_id, board=other)
        assert system.ticket(ticket_id)["status"]["name"] == "Queued"

    def test_returned_rows_are_snapshots(self, system: ConnectWise) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        before = system.ticket(ticket_id)
        system.update_ticket(ticket_id, summary="Changed")
        assert (before["summary"], system.ticket(ticket_id)["summary"]) == ("Printer", "Changed")

    def test_invalid_arguments_raise(self, system: ConnectWise) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        with pytest.raises(TypeError, match="no colour"):
            system.update_ticket(ticket_id, colour="red")
        with pytest.raises(KeyError, match="no status Lost"):
            system.update_ticket(ticket_id, status="Lost")
        with pytest.raises(KeyError, match="no ticket 1"):
            system.ticket(1)

    def test_deleted_ticket_is_404_and_can_be_restored(self, system: ConnectWise, cw: Caller) -> None:
        first, second = system.add_ticket(1, "Printer", note="Help"), system.add_ticket(1, "Mail")
        system.delete_ticket(first)
        assert cw.get(f"{TICKETS}/{first}").status_code == cw.get(f"{TICKETS}/{first}/allNotes").status_code == 404
        system.restore_ticket(first)
        assert ids(cw.get(TICKETS)) == [first, second]
        assert len(cw.get(f"{TICKETS}/{first}/allNotes").json()) == 1

    def test_add_many_numbers_tickets_and_adds_notes(self, system: ConnectWise, clock: Clock) -> None:
        entered = clock() - timedelta(days=30)
        ticket_id = system.add_many(3, 1, summary="Old", notes=2, entered_at=entered, owner="ana")
        rows = [system.ticket(number) for number in ticket_id]
        assert [row["summary"] for row in rows] == ["Old 1", "Old 2", "Old 3"]
        assert {row["_info"]["dateEntered"] for row in rows} == {"2026-01-31T09:00:00Z"}
        assert [len(system.notes(number)) for number in ticket_id] == [2, 2, 2]


class TestNotes:
    def notes(self, cw: Caller, ticket: int, kind: str = "allNotes", **query: Any) -> list[dict[str, Any]]:
        response = cw.get(f"{TICKETS}/{ticket}/{kind}", **query)
        assert response.status_code == 200
        return list(response.json())

    def test_the_description_is_the_first_note(self, system: ConnectWise, cw: Caller) -> None:
        by_contact = system.add_ticket(1, "Printer", note="It is dead", contact=301)
        by_member = system.add_ticket(1, "Printer", note="It is dead", by="ana")
        (note,) = self.notes(cw, by_contact)
        assert (note["text"], note["issueFlag"], note["detailDescriptionFlag"]) == ("It is dead", True, True)
        assert (note["contact"]["name"], "member" in note) == ("Alex Sample", False)
        (note,) = self.notes(cw, by_member)
        assert (note["member"]["identifier"], "contact" in note) == ("ana", False)

    def test_notes_and_time_entries_are_numbered_separately(self, system: ConnectWise, cw: Caller) -> None:
        """T6"""
        ticket_id = system.add_ticket(1, "Printer")
        note = system.add_note(ticket_id, "Called back", member="ana")
        entry = system.add_note(ticket_id, "Replaced fuser", member="ben", kind="TimeEntryNote")
        assert note == entry
        kinds = [(row["id"], row["noteType"]) for row in self.notes(cw, ticket_id)]
        assert kinds == [(note, "TicketNote"), (note, "TimeEntryNote")]

    def test_notes_endpoint_omits_time_entries_and_has_other_keys(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        system.add_note(ticket_id, "Toner is low", member="ana", internal=True)
        system.add_note(ticket_id, "Replaced fuser", member="ben", kind="TimeEntryNote")
        (note,) = self.notes(cw, ticket_id, "notes")
        assert (note["ticketId"], note["createdBy"], note["internalAnalysisFlag"]) == (ticket_id, "ana", True)
        assert {"noteType", "originalAuthor", "ticket"}.isdisjoint(note)
        assert cw.get(f"{TICKETS}/{ticket_id}/notes/count").json() == {"count": 1}

    def test_note_kinds_are_flags(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        for flags in ({}, {"internal": True}, {"resolution": True}, {"internal": True, "resolution": True}):
            system.add_note(ticket_id, "Text", **flags)
        names = ("detailDescriptionFlag", "internalAnalysisFlag", "resolutionFlag")
        found = [tuple(row[name] for name in names) for row in self.notes(cw, ticket_id)]
        assert found == [
            (True, False, False), (False, True, False), (False, False, True), (False, True, True)
        ]  # fmt: skip

    def test_time_entry_sorts_by_start_of_work(self, system: ConnectWise, cw: Caller, clock: Clock) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        note = system.add_note(ticket_id, "Called back")
        clock.advance(minutes=30)
        began = clock() - timedelta(hours=2)
        system.add_note(ticket_id, "Replaced fuser", kind="TimeEntryNote", work_at=began)
        newest, oldest = self.notes(cw, ticket_id, orderBy="_info/sortByDate desc")
        assert (newest["id"], newest["noteType"]) == (note, "TicketNote")
        assert oldest["timeStart"] == oldest["_info"]["sortByDate"] == "2026-03-02T07:30:00Z"
        assert oldest["timeEnd"] == oldest["_info"]["dateEntered"] == "2026-03-02T09:30:00Z"

    def test_notes_can_be_selected_by_kind(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        system.add_note(ticket_id, "Replaced fuser", kind="TimeEntryNote")
        assert self.notes(cw, ticket_id, conditions="noteType = 'TicketNote'") == []

    def test_note_without_author_or_text(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        system.add_note(ticket_id, None)
        (note,) = self.notes(cw, ticket_id)
        assert {"member", "contact", "text"}.isdisjoint(note)
        assert note["originalAuthor"] == note["_info"]["enteredBy"] == "EmailConnector"

    def test_note_updates_its_ticket_and_edit_updates_the_note(
        self, system: ConnectWise, cw: Caller, clock: Clock
    ) -> None:
        ticket_id = system.add_ticket(1, "Printer")
        clock.advance(minutes=1)
        note = system.add_note(ticket_id, "Helo", contact=301)
        assert system.ticket(ticket_id)["_info"]["lastUpdated"] == "2026-03-02T09:01:00Z"
        assert system.ticket(ticket_id)["customerUpdatedFlag"] is True
        clock.advance(minutes=1)
        system.edit_note(ticket_id, note, "Hello")
        (row,) = self.notes(cw, ticket_id)
        assert (row["text"], row["_info"]["dateEntered"]) == ("Hello", "2026-03-02T09:01:00Z")
        assert row["_info"]["lastUpdated"] == "2026-03-02T09:02:00Z"

    def test_merged_and_bundled_notes_are_listed_under_the_parent(self, system: ConnectWise, cw: Caller) -> None:
        """T6"""
        parent, merged, bundled = system.add_many(3, 1, notes=1)
        system.merge(merged, parent)
        system.bundle(bundled, parent)
        found = [(row["ticket"]["id"], row["mergedFlag"], row["bundledFlag"]) for row in self.notes(cw, parent)]
        assert found == [(parent, False, False), (merged, True, False), (bundled, False, True)]
        assert len({row["id"] for row in self.notes(cw, parent)}) == 3
        assert system.ticket(merged)["mergedParentTicket"]["id"] == parent
        assert system.ticket(bundled)["parentTicketId"] == parent
        assert len(self.notes(cw, merged)) == 1


class TestDirectory:
    def test_boards_and_their_statuses(self, system: ConnectWise, cw: Caller) -> None:
        assert [(row["name"], row["projectFlag"]) for row in cw.get("/service/boards").json()] == [
            ("Help Desk", False), ("Projects", True)
        ]  # fmt: skip
        statuses = cw.get("/service/boards/1/statuses").json()
        assert [(row["name"], row["closedStatus"]) for row in statuses] == [
            ("New", False), ("In Progress", False), (">Closed", True)
        ]  # fmt: skip
        system.remove_board(1)
        assert cw.get("/service/boards/1/statuses").status_code == cw.get("/service/boards/1").status_code == 404
        assert len(system.statuses) == 3

    def test_members_are_found_by_identifier_and_the_api_member_is_one(self, cw: Caller) -> None:
        (ana,) = cw.get("/system/members", conditions="identifier='ANA'").json()
        assert (ana["primaryEmail"], "officeEmail" in ana) == ("ana@msp.example", False)
        (robot,) = cw.get("/system/members", conditions="licenseClass='A'").json()
        assert robot["identifier"] == "apimember"
        assert cw.get("/system/members/count").json() == {"count": 3}

    def test_contact_has_its_email_among_its_communications(self, system: ConnectWise, cw: Caller) -> None:
        (item,) = cw.get("/company/contacts/301/communications").json()
        assert (item["value"], item["communicationType"], item["defaultFlag"]) == ("alex@acme.example", "Email", True)
        assert cw.get("/company/contacts/301").json()["communicationItems"] == [item]
        nameless = system.add_contact("Kim")
        assert "lastName" not in cw.get(f"/company/contacts/{nameless}").json()
        for path, noun in (("/company/contacts/999", "Contact"), ("/company/companies/999", "company")):
            assert cw.get(path).json()["message"] == f"{noun} 999 not found"

    def test_rows_can_be_changed_and_removed(self, system: ConnectWise, cw: Caller) -> None:
        system.change("companies", 201, {"deletedFlag": True, "phoneNumber": None})
        row = cw.get("/company/companies/201").json()
        assert (row["deletedFlag"], "phoneNumber" in row) == (True, False)
        system.remove("contacts", 301)
        assert cw.get("/company/contacts/301").status_code == 404


def test_same_calls_build_the_same_tenant(clock: Clock) -> None:
    def built() -> list[dict[str, Any]]:
        system = ConnectWise(now=clock)
        ticket_id = system.add_ticket(system.add_board("Help Desk"), "Printer", note="Help")
        return [system.ticket(ticket_id), *system.notes(ticket_id)]

    assert built() == built()


def test_tenant_has_the_address_it_is_served_at(clock: Clock) -> None:
    system = ConnectWise(now=clock)
    with connectwise_api.serve(system) as running:
        assert system.root == f"{running.url}/v2025_1//apis/3.0"
        assert system.callbacks.key_url.startswith(f"{running.url}/v2025_1//system/callbackkey/index.rails?")
