"""A ConnectWise tenant in memory: its tickets and notes, and the webhooks that changes trigger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from ticketbot.simulators import clock, connectwise_payloads, faults, request_log, webhook_subscriptions
from ticketbot.simulators.connectwise_reference_data import PRIORITY, Directory

Row = dict[str, Any]
Module = Literal["service", "project"]
NoteKind = Literal["TicketNote", "TimeEntryNote", "MeetingNote"]

SYSTEM = "EmailConnector"  # author of what neither a member nor a contact wrote


class ConnectWise(Directory):
    """One tenant; ids are sequential, so the same calls build the same tenant.

    Every change of a ticket sends a signed webhook to each active callback that covers it, unless `notify` is False.
    Members are referred to by identifier, everything else by id.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = clock.utc_now,
        company: str = "examplemsp",
        public_key: str = "public",
        private_key: str = "private",
        client_id: str = "11111111-1111-4111-8111-111111111111",
        seed: int = 0,
        explicit_nulls: bool = False,
    ) -> None:
        super().__init__(now, explicit_nulls=explicit_nulls)
        self.company = company
        self.public_key = public_key
        self.private_key = private_key
        self.client_id = client_id
        self.link_url = ""  # base of `Link` headers, if not the site
        self.note_order = ""  # order of `allNotes`, overriding `orderBy`, if set
        self.latency_s = 0.0
        self.calls_per_minute: int | None = None  # above it: 429 with Retry-After; None: no limit
        self.calls = request_log.Calls(now)
        self.faults = faults.Faults(seed)
        self.callbacks = webhook_subscriptions.Callbacks(company, now)
        self._tickets: dict[Module, dict[int, Row]] = {"service": {}, "project": {}}
        self._deleted: dict[int, tuple[Module, Row]] = {}
        self._notes: dict[int, list[Row]] = {}
        self._children: dict[int, list[tuple[int, str]]] = {}  # parent -> child and its flag

    def serve_at(self, url: str) -> None:
        """Set the address at which the site is served."""
        self.callbacks.url = url
        self.root = f"{url}/{self.callbacks.codebase}//apis/3.0"

    # Tickets

    def add_ticket(
        self,
        board: int,
        summary: str,
        *,
        owner: str | None = None,
        resources: Sequence[str] = (),
        contact: int | None = None,
        company: int | None = None,
        status: str | None = None,
        priority: str = PRIORITY,
        note: str | None = None,
        entered_at: datetime | None = None,
        by: str = "zadmin",
        notify: bool = True,
    ) -> int:
        """Open a ticket; on a project board, a project ticket.

        `note` is its description, written by the contact if there is one, otherwise by the member `by`.
        """
        fields = {"board": board, "status": status or self.first_status(board), "priority": priority,
                 "owner": owner, "resources": resources, "contact": contact, "company": company}  # fmt: skip
        with self.lock:
            ticket_id, at = self.next_id("ticket"), clock.in_seconds(entered_at or self.now())
            is_project = self.module_of(board) == "project"
            new = connectwise_payloads.ticket(ticket_id, summary, project=is_project, at=at, by=by, root=self.root)
            new |= self.ticket_fields(fields, board, by)
            self._store(self.module_of(board), new)
            self._notes[ticket_id] = []
            if note is not None:
                author = {"contact": contact} if contact else {"member": by}
                self._append_note(new, note, entered_at=entered_at, first=True, **author)
            self._send_webhooks(ticket_id, "added", by, notify=notify)
            return ticket_id

    def add_many(
        self, count: int, board: int, *, notes: int = 0, entered_at: datetime | None = None, **ticket: Any
    ) -> list[int]:
        """Open `count` tickets with numbered summaries, each with `notes` notes.

        `ticket` is as for `add_ticket`, except that `notify` defaults to False.
        """
        fields: dict[str, Any] = {"summary": "Ticket", "notify": False, "entered_at": entered_at} | ticket
        summary = fields.pop("summary")
        ticket_ids = [self.add_ticket(board, f"{summary} {number + 1}", **fields) for number in range(count)]
        for ticket_id in ticket_ids:
            for number in range(notes):
                self._append_note(self.ticket(ticket_id), f"Note {number + 1}", entered_at=entered_at)
        return ticket_ids

    def update_ticket(self, ticket_id: int, *, by: str = "zadmin", notify: bool = True, **changes: Any) -> None:
        """Change summary, board, status, priority, owner, resources, contact or company; None clears a field.

        Values are as for `add_ticket`. Without changes, only `lastUpdated` changes.
        """
        with self.lock:
            module, ticket = self._locate(ticket_id)
            board = changes.get("board", ticket["board"]["id"])
            if "board" in changes:
                changes.setdefault("status", self.first_status(board))
            self._touch(module, ticket | self.ticket_fields(changes, board, by), by)
            self._send_webhooks(ticket_id, "updated", by, notify=notify)

    def delete_ticket(self, ticket_id: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Delete a ticket; `restore_ticket` can undo it."""
        with self.lock:
            module, ticket = self._locate(ticket_id)
            self._deleted[ticket_id] = (module, self._tickets[module].pop(ticket_id))
            if notify:
                self.callbacks.send_webhooks(ticket, None, "deleted", by)

    def restore_ticket(self, ticket_id: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Restore a deleted ticket with its notes."""
        with self.lock:
            module, ticket = self._deleted.pop(ticket_id)
            self._touch(module, ticket, by)
            self._tickets[module] = dict(sorted(self._tickets[module].items()))
            self._send_webhooks(ticket_id, "updated", by, notify=notify)

    def merge(self, ticket_id: int, into: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Merge a ticket into another, whose `allNotes` then includes its notes."""
        self._attach(ticket_id, into, "mergedFlag", by, notify=notify)

    def bundle(self, ticket_id: int, into: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Attach a ticket to another as a child, with the same effect on `allNotes`."""
        self._attach(ticket_id, into, "bundledFlag", by, notify=notify)

    # Notes

    def add_note(
        self,
        ticket_id: int,
        text: str | None,
        *,
        member: str | None = None,
        contact: int | None = None,
        internal: bool = False,
        resolution: bool = False,
        kind: NoteKind = "TicketNote",
        entered_at: datetime | None = None,
        work_at: datetime | None = None,
        notify: bool = True,
    ) -> int:
        """Add a note by a member, a contact, or neither; unless `internal` or `resolution`, it is a discussion note.

        `work_at` is when the work of a time entry began, which becomes its `sortByDate`.
        """
        with self.lock:
            module, ticket = self._locate(ticket_id)
            note_id = self._append_note(
                ticket, text, member=member, contact=contact, internal=internal, resolution=resolution,
                kind=kind, entered_at=entered_at, work_at=work_at,
            )  # fmt: skip
            self._touch(module, ticket | ({"customerUpdatedFlag": True} if contact else {}), member or SYSTEM)
            self._send_webhooks(ticket_id, "updated", member or SYSTEM, notify=notify)
            return note_id

    def edit_note(
        self, ticket_id: int, note_id: int, text: str, *, kind: NoteKind = "TicketNote", notify: bool = True
    ) -> None:
        """Edit a note: its `lastUpdated` changes, its `dateEntered` does not."""
        with self.lock:
            module, ticket = self._locate(ticket_id)
            notes = self._notes[ticket_id]
            index = [(note["id"], note["noteType"]) for note in notes].index((note_id, kind))
            info = notes[index]["_info"] | {"lastUpdated": clock.in_seconds(self.now())}
            notes[index] = notes[index] | {"text": text, "_info": info}
            self._touch(module, ticket, "zadmin")
            self._send_webhooks(ticket_id, "updated", "zadmin", notify=notify)

    # Read by the API, the webhooks and the tests

    def tickets(self, module: Module) -> list[Row]:
        """Return all service or project tickets in order of id."""
        with self.lock:
            return list(self._tickets[module].values())

    def find_ticket(self, module: Module, ticket_id: int) -> Row | None:
        """Return a ticket of one module, or None."""
        return self._tickets[module].get(ticket_id)

    def ticket(self, ticket_id: int) -> Row:
        """Return a ticket of either module; raises KeyError if there is none."""
        return self._locate(ticket_id)[1]

    def notes(self, ticket_id: int) -> list[Row]:
        """Return the ticket's own notes as `allNotes` shows them, in the order they were written."""
        with self.lock:
            return list(self._notes[ticket_id])

    def all_notes(self, ticket_id: int) -> list[Row]:
        """Return what `allNotes` lists, including the flagged notes of merged and bundled tickets."""
        with self.lock:
            children = self._children.get(ticket_id, ())
            inherited = [note | {mark: True} for child, mark in children for note in self._notes[child]]
            return self._notes[ticket_id] + inherited

    def sign(self, body: bytes) -> str:
        """Return the signature ConnectWise would send with `body`."""
        return self.callbacks.sign(body)

    def webhook_body(self, ticket_id: int, action: str = "updated", *, by: str = "zadmin") -> bytes:
        """Return the body of a webhook with a new MessageId, for a test to send; a deleted ticket has no Entity."""
        found = any(ticket_id in tickets for tickets in self._tickets.values())
        entity = self._entity(ticket_id) if found and action != "deleted" else None
        return self.callbacks.body(ticket_id, entity, action, by, callback=0)

    def wait_for_webhooks(self, timeout_s: float = 30.0) -> bool:
        """Wait until every webhook has been sent or dropped; return False after the timeout."""
        return self.callbacks.sender.wait_idle(timeout_s)

    # Called with the lock held

    def _locate(self, ticket_id: int) -> tuple[Module, Row]:
        for module, tickets in self._tickets.items():
            if ticket_id in tickets:
                return module, tickets[ticket_id]
        raise KeyError(f"no ticket {ticket_id}")

    def _store(self, module: Module, ticket: Row) -> None:
        shown = connectwise_payloads.unset(
            ticket, connectwise_payloads.OPTIONAL_TICKET, explicit_nulls=self.explicit_nulls
        )
        self._tickets[module][ticket["id"]] = shown

    def _touch(self, module: Module, ticket: Row, by: str) -> None:
        changed = ticket["_info"] | {"lastUpdated": clock.in_seconds(self.now()), "updatedBy": by}
        self._store(module, ticket | {"_info": changed})

    def _attach(self, child_id: int, parent_id: int, shown: str, by: str, *, notify: bool) -> None:
        with self.lock:
            parent = {"id": parent_id, "summary": self.ticket(parent_id)["summary"]}
            marks: dict[str, tuple[Row, Row]] = {
                "mergedFlag": ({"mergedParentTicket": parent}, {"hasMergedChildTicketFlag": True}),
                "bundledFlag": ({"parentTicketId": parent_id}, {"hasChildTicket": True}),
            }
            self._children.setdefault(parent_id, []).append((child_id, shown))
            for ticket_id, changed in zip((child_id, parent_id), marks[shown], strict=True):
                module, ticket = self._locate(ticket_id)
                self._touch(module, ticket | changed, by)
                self._send_webhooks(ticket_id, "updated", by, notify=notify)

    def _append_note(
        self,
        ticket: Row,
        text: str | None,
        *,
        member: str | None = None,
        contact: int | None = None,
        internal: bool = False,
        resolution: bool = False,
        first: bool = False,
        kind: NoteKind = "TicketNote",
        entered_at: datetime | None = None,
        work_at: datetime | None = None,
    ) -> int:
        entered, began = clock.in_seconds(entered_at or self.now()), work_at or entered_at or self.now()
        author = {"member": self.member_ref(member), "contact": self.contact_ref(contact)}
        note_id, by, named = self.next_id(kind), member or SYSTEM, author["member"] or author["contact"]
        note = connectwise_payloads.note(
            note_id, kind, ticket, at=entered, by=by, sort_at=clock.in_seconds(began), root=self.root
        )
        note |= author | {
            "text": text,
            "detailDescriptionFlag": not internal and not resolution,
            "internalAnalysisFlag": internal,
            "resolutionFlag": resolution,
            "issueFlag": first,
            "originalAuthor": named["name"] if named else by,
            "timeStart": clock.in_seconds(began) if kind == "TimeEntryNote" else None,
            "timeEnd": entered if kind == "TimeEntryNote" else None,
        }
        shown = connectwise_payloads.unset(note, connectwise_payloads.OPTIONAL_NOTE, explicit_nulls=self.explicit_nulls)
        self._notes[ticket["id"]].append(shown)
        return note_id

    def _send_webhooks(self, ticket_id: int, action: str, by: str, *, notify: bool) -> None:
        if notify and self.callbacks.entries:
            self.callbacks.send_webhooks(self.ticket(ticket_id), self._entity(ticket_id), action, by)

    def _entity(self, ticket_id: int) -> Row:
        module, ticket = self._locate(ticket_id)
        kind = "ProjectTicket" if module == "project" else "ServiceTicket"
        return {**ticket, "recordType": kind}  # webhooks name the kind, `/project/tickets` does not
