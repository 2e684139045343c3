"""Compare the keys and types of the simulators with payloads of the real services."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ticketbot.simulators import webhook_sender
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

if TYPE_CHECKING:
    from tests.simulators.conftest import Caller

PAYLOADS = Path(__file__).parents[1] / "payloads"
EXAMPLE = "Y2lzY29zcGFyazovL3VzL1BFT1BMRS8yNDlmNzRkOS1kYjhhLTQzY2EtODk2Yi04NzllZDI0MGFjNTM"  # an id from their docs


def payload(name: str) -> Any:
    return json.loads((PAYLOADS / f"{name}.json").read_text())


def references() -> dict[str, Any]:
    """Return the short references the live API sends where the payload files hold full objects (SOURCES.md)."""
    time_entry, company = payload("connectwise/synthetic-allNotes-list")[1], payload("connectwise/company")
    return {"owner": time_entry["member"], "member": time_entry["member"], "company": company["billToCompany"]}


def unknown(ours: Any, recorded: Any, path: str = "") -> Iterator[str]:
    """Yield the keys and value types of ours that the real payload lacks; null matches everything."""
    if ours is None or recorded is None:
        return
    if isinstance(ours, dict) and isinstance(recorded, dict):
        for key, value in ours.items():
            if key not in recorded:
                yield f"{path}/{key}".lstrip("/")
            else:
                yield from unknown(value, recorded[key], f"{path}/{key}")
    elif isinstance(ours, list) and isinstance(recorded, list):
        for value in ours if recorded else []:
            yield from unknown(value, _merged(recorded), f"{path}/*")
    elif _kind(ours) != _kind(recorded):
        yield f"{path}: {_kind(ours)} instead of {_kind(recorded)}"


def _merged(rows: list[Any]) -> Any:
    """Return one value that represents a list; of objects, one with the keys of all."""
    objects = [row for row in rows if isinstance(row, dict)]
    return {key: value for row in objects for key, value in row.items()} if objects else rows[0]


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def missing(ours: dict[str, Any], recorded: dict[str, Any]) -> set[str]:
    return {key for key, value in recorded.items() if value is not None and key not in ours}


@pytest.fixture
def ticket(system: ConnectWise) -> int:
    """Add a service ticket with every field set."""
    return system.add_ticket(
        1, "Printer", owner="ana", resources=["ana", "ben"], contact=301, company=201, status=">Closed",
        note="It is dead",
    )  # fmt: skip


# Keys of ours that the old payload files lack; each is in the current model (reference/connectwise.md, 4.1 and 5).
NEWER = {
    "ticket": {"hasMergedChildTicketFlag", "_info/enteredBy", "mergedParentTicket", "priority/sort"},
    "project-ticket": {"_info/notes_href", "priority/sort"},
    "note": {"issueFlag"},
    "board": {"_info", "location", "department"},
    "board-status": {"_info"},
    "member": {"primaryEmail"},
    "contact": set(),
    "company": {"territory"},
    "callback": {"payloadVersion", "isSoapCallbackFlag", "isSelfSuppressedFlag", "connectWiseID", "_info"},
}
# Keys of the payload files that ours leaves unset; Ticketbot reads none of them.
UNSET = {
    "ticket": {
        "site", "addressLine1", "addressLine2", "city", "stateIdentifier", "zip", "contactPhoneNumber", "type",
        "subType", "item", "team", "locationId", "serviceLocation", "source", "requiredDate", "enteredBy",
        "resolveMinutes", "resPlanMinutes", "respondMinutes", "predecessorClosedFlag", "lagDays",
        "lagNonworkingDaysFlag", "estimatedStartDate", "businessUnitId", "sla", "customFields",
    },
    "note": set(),
    "board": {"workRole", "workType", "locationId", "businessUnitId"},
    "board-status": set(),
    "callback": {"_info "},
}  # fmt: skip


class TestConnectWise:
    def held(self, name: str, ours: dict[str, Any], recorded: dict[str, Any]) -> None:
        recorded = recorded | {key: value for key, value in references().items() if key in recorded}
        assert set(unknown(ours, recorded)) <= NEWER[name]
        if name in UNSET:
            assert missing(ours, recorded) == UNSET[name]

    def test_a_service_ticket(self, cw: Caller, ticket: int) -> None:
        row = cw.get(f"/service/tickets/{ticket}").json()
        self.held("ticket", row, payload("connectwise/ticket"))
        assert cw.get("/service/tickets").json() == [row]

    def test_a_project_ticket(self, system: ConnectWise, cw: Caller) -> None:
        ticket_id = system.add_ticket(2, "Move", owner="ana", resources=["ana", "ben"], contact=301, company=201)
        row = cw.get(f"/project/tickets/{ticket_id}").json()
        self.held("project-ticket", row, payload("connectwise/project-ticket"))
        assert row["resources"] == "ana, ben"
        assert payload("connectwise/project-ticket")["resources"] == "User1, User10"

    def test_a_ticket_with_nulls_has_the_old_keys(self) -> None:
        system = ConnectWise(explicit_nulls=True)
        row = system.ticket(system.add_ticket(system.add_board("Help Desk"), "Printer"))
        recorded = payload("connectwise/ticket")
        assert set(row) <= set(recorded)
        nulls = {key for key, value in row.items() if value is None}
        assert {"owner", "contact", "closedDate", "parentTicketId", "budgetHours"} <= nulls

    def test_notes(self, cw: Caller, ticket: int) -> None:
        (row,) = cw.get(f"/service/tickets/{ticket}/notes").json()
        recorded = payload("connectwise/notes-list")[0]
        del recorded["member"]  # ours was written by a contact
        self.held("note", row, recorded | {"contact": payload("connectwise/ticket")["contact"]})

    def test_all_notes_key_for_key(self, system: ConnectWise, cw: Caller, ticket: int) -> None:
        system.add_note(ticket, "Replaced fuser", member="ana", kind="TimeEntryNote")
        by_contact, entry = cw.get(f"/service/tickets/{ticket}/allNotes").json()
        recorded = payload("connectwise/synthetic-allNotes-list")
        for ours, real in ((by_contact, recorded[0]), (entry, recorded[1])):
            assert set(ours) == set(real)
            assert list(unknown(ours, real)) == []

    def test_boards_and_statuses(self, cw: Caller) -> None:
        for row in cw.get("/service/boards").json():
            self.held("board", row, payload("connectwise/board"))
        for row in cw.get("/service/boards/1/statuses").json():
            self.held("board-status", row, payload("connectwise/board-status-list")[0])

    def test_members_companies_and_contacts(self, cw: Caller) -> None:
        for name, path in (
            ("member", "/system/members/402"),
            ("member", "/system/members/403"),
            ("company", "/company/companies/201"),
            ("contact", "/company/contacts/301"),
        ):
            self.held(name, cw.get(path).json(), payload(f"connectwise/{name}"))
        assert set(cw.get("/system/members/count").json()) == set(payload("connectwise/member-count"))

    def test_callbacks(self, cw: Caller) -> None:
        fields = {"url": "https://bot.example", "objectId": 1, "type": "ticket", "level": "owner"}
        row = cw("/system/callbacks", "POST", json=fields).json()
        self.held("callback", row, payload("connectwise/callback"))

    def test_company_info_and_system_info(self, system: ConnectWise, cw: Caller) -> None:
        site = system.callbacks.url
        info = cw.session.get(f"{site}/login/companyinfo/examplemsp", timeout=10).json()
        recorded = payload("connectwise/companyinfo")
        assert (set(info), list(unknown(info, recorded))) == (set(recorded), [])
        assert set(cw.get("/system/info").json()) == set(payload("connectwise/system-info"))

    @pytest.mark.parametrize("action", ["added", "updated", "deleted"])
    def test_webhook_body(self, system: ConnectWise, ticket: int, action: str) -> None:
        ours = json.loads(system.webhook_body(ticket, action))
        recorded = payload(f"connectwise/synthetic-webhook-ticket-{action}")
        assert set(ours) == set(recorded)
        assert list(unknown(ours, recorded)) == []
        assert (ours["Entity"] is None) == (recorded["Entity"] is None) == (action == "deleted")
        assert ours["Metadata"]["key_url"].split("?")[0].endswith("//system/callbackkey/index.rails")
        if recorded["Entity"]:
            self.held("ticket", json.loads(ours["Entity"]), json.loads(recorded["Entity"]))

    def test_signatures(self) -> None:
        vectors = payload("connectwise/synthetic-signature-vectors")
        assert len(vectors) == 4
        for vector in vectors:
            body = (PAYLOADS / "connectwise" / vector["file"]).read_bytes()
            assert webhook_sender.sign(vector["signing_key"], body) == vector["x-content-signature"]

    def test_the_signing_key_and_errors(self, system: ConnectWise, cw: Caller) -> None:
        key = cw.session.get(system.callbacks.key_url, timeout=10).json()
        assert key == payload("connectwise/synthetic-key-url-response")
        gone = payload("connectwise/synthetic-error-404-ticket")
        assert cw.get("/service/tickets/1255787").json() == gone
        cw.session.auth = ("examplemsp+public", "wrong")
        assert cw.get("/service/tickets").json() == payload("connectwise/synthetic-error-401")


class TestWebex:
    @pytest.fixture
    def room(self, organization: Webex) -> str:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        ana = organization.add_person("ana@msp.example", "Ana Alvarez", last_activity=at)
        return organization.add_room("Help Desk", [ana])

    def held(self, ours: Any, recorded: Any) -> None:
        assert list(unknown(ours, recorded)) == []

    def test_rooms_and_memberships(self, webex: Caller, room: str) -> None:
        self.held(webex.get("/rooms").json(), payload("webex/rooms_list"))
        self.held(webex.get(f"/rooms/{room}").json(), payload("webex/room_details"))
        self.held(webex.get("/memberships", roomId=room).json(), payload("webex/memberships_list"))

    def test_people(self, organization: Webex, webex: Caller, room: str) -> None:
        self.held(webex.get("/people", email="ana@msp.example").json(), payload("webex/people_list_by_email"))
        self.held(webex.get("/people/me").json(), payload("webex/people_me"))
        by_id = webex.get("/people", id=f"{organization.bot_id},{EXAMPLE}").json()
        recorded = payload("webex/people_by_ids_notfound_derived")
        assert by_id["notFoundIds"] == recorded["notFoundIds"] == [EXAMPLE]
        self.held(by_id, recorded)
        assert webex.get("/people", email="nobody@msp.example").json() == payload("webex/people_list_empty_derived")

    def test_a_created_message(self, webex: Caller, room: str) -> None:
        recorded = payload("webex/message_create_response")
        for to in ({"roomId": room}, {"toPersonEmail": "ana@msp.example"}):
            ours = webex("/messages", "POST", json={**to, "markdown": "**hello**"}).json()
            self.held(ours, recorded)
            assert {"id", "roomId", "roomType", "text", "markdown", "html", "personId", "created"} <= set(ours)

    def test_errors(self, organization: Webex, webex: Caller, room: str) -> None:
        def check(name: str, **body: str) -> None:
            ours, recorded = webex("/messages", "POST", json=body).json(), payload(f"webex/{name}")
            assert set(ours) == set(recorded)
            assert ours["message"] == recorded["message"]
            self.held(ours, recorded)

        check("error_400_message_length_reconstructed", roomId=room, markdown="x" * 7440)
        check("error_404_resource_not_found", roomId="nonsense", markdown="x")
        check("error_direct_failed_one_on_one", toPersonEmail="nobody@msp.example", markdown="x")
        organization.messages_per_s = 0.1
        webex("/messages", "POST", json={"roomId": room, "markdown": "x"})
        check("error_429_rate_limited", roomId=room, markdown="x")
        organization.token = "other"
        check("error_401_unauthorized", roomId=room, markdown="x")
