"""A ConnectWise tenant in memory: its tickets and notes, and the hooks their changes cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Literal

from ticketbot.simulators import clock, connectwise_payloads, faults, request_log, webhook_subscriptions
from ticketbot.simulators.connectwise_reference_data import PRIORITY, Directory

Row = dict[str, Any]
Module = Literal["service", "project"]
NoteKind = Literal["TicketNote", "TimeEntryNote", "MeetingNote"]

SYSTEM = "EmailConnector"  # who writes what neither a member nor a contact wrote


class ConnectWise(Directory):
    """One tenant. Ids are counted, so the same calls build the same system.

    Every change of a ticket sends a signed hook to each active callback that covers it, unless `notify` is
    False. Members are named by their identifier, everything else by its id.
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
        self.link_url = ""  # when set, what `Link` headers name instead of the site
        self.note_order = ""  # when set, what `allNotes` are ordered by, whatever is asked for
        self.latency_s = 0.0
        self.calls_per_minute: int | None = None  # beyond it 429 with Retry-After; None: no limit
        self.calls = request_log.Calls(now)
        self.faults = faults.Faults(seed)
        self.callbacks = webhook_subscriptions.Callbacks(company, now)
        self._tickets: dict[Module, dict[int, Row]] = {"service": {}, "project": {}}
        self._deleted: dict[int, tuple[Module, Row]] = {}
        self._notes: dict[int, list[Row]] = {}
        self._children: dict[int, list[tuple[int, str]]] = {}  # parent -> child and how it shows

    def serve_at(self, url: str) -> None:
        """Say under which address the site is served."""
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
        """Open a ticket, a project ticket on a project board. `note` is its description, by the contact if
        there is one, else by the member `by`."""
        asked = {"board": board, "status": status or self.first_status(board), "priority": priority,
                 "owner": owner, "resources": resources, "contact": contact, "company": company}  # fmt: skip
        with self.lock:
            ticket_id, at = self.next_id("ticket"), clock.in_seconds(entered_at or self.now())
            is_project = self.module_of(board) == "project"
            new = connectwise_payloads.ticket(ticket_id, summary, project=is_project, at=at, by=by, root=self.root)
            new |= self.described(asked, board, by)
            self._store(self.module_of(board), new)
            self._notes[ticket_id] = []
            if note is not None:
                author = {"contact": contact} if contact else {"member": by}
                self._write(new, note, entered_at=entered_at, first=True, **author)
            self._announce(ticket_id, "added", by, notify=notify)
            return ticket_id

    def add_many(
        self, count: int, board: int, *, notes: int = 0, entered_at: datetime | None = None, **ticket: Any
    ) -> list[int]:
        """Open `count` tickets that differ in the number in their summary, each with `notes` notes.

        `ticket` is as for `add_ticket`, but nobody is notified unless it says so.
        """
        fields: dict[str, Any] = {"summary": "Ticket", "notify": False, "entered_at": entered_at} | ticket
        summary = fields.pop("summary")
        made = [self.add_ticket(board, f"{summary} {number + 1}", **fields) for number in range(count)]
        for ticket_id in made:
            for number in range(notes):
                self._write(self.ticket(ticket_id), f"Note {number + 1}", entered_at=entered_at)
        return made

    def update_ticket(self, ticket_id: int, *, by: str = "zadmin", notify: bool = True, **changes: Any) -> None:
        """Change summary, board, status, priority, owner, resources, contact or company, as `add_ticket` takes
        them; None takes away. Without changes it is a save that moves only the date."""
        with self.lock:
            module, ticket = self._locate(ticket_id)
            board = changes.get("board", ticket["board"]["id"])
            if "board" in changes:
                changes.setdefault("status", self.first_status(board))
            self._touch(module, ticket | self.described(changes, board, by), by)
            self._announce(ticket_id, "updated", by, notify=notify)

    def delete_ticket(self, ticket_id: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Delete a ticket; only `restore_ticket` still knows it."""
        with self.lock:
            module, ticket = self._locate(ticket_id)
            self._deleted[ticket_id] = (module, self._tickets[module].pop(ticket_id))
            if notify:
                self.callbacks.send_webhooks(ticket, None, "deleted", by)

    def restore_ticket(self, ticket_id: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Bring a deleted ticket back, with its notes."""
        with self.lock:
            module, ticket = self._deleted.pop(ticket_id)
            self._touch(module, ticket, by)
            self._tickets[module] = dict(sorted(self._tickets[module].items()))
            self._announce(ticket_id, "updated", by, notify=notify)

    def merge(self, ticket_id: int, into: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Merge a ticket into another, whose `allNotes` lists its notes from now on, too."""
        self._adopt(ticket_id, into, "mergedFlag", by, notify=notify)

    def bundle(self, ticket_id: int, into: int, *, by: str = "zadmin", notify: bool = True) -> None:
        """Attach a ticket to another as its child, with the same effect on `allNotes`."""
        self._adopt(ticket_id, into, "bundledFlag", by, notify=notify)

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
        """Write a note as a member, a contact, or neither; without `internal` and `resolution` it is part of
        the discussion. `work_at` is when the work of a time entry began, by which `sortByDate` goes."""
        with self.lock:
            module, ticket = self._locate(ticket_id)
            note_id = self._write(
                ticket, text, member=member, contact=contact, internal=internal, resolution=resolution,
                kind=kind, entered_at=entered_at, work_at=work_at,
            )  # fmt: skip
            self._touch(module, ticket | ({"customerUpdatedFlag": True} if contact else {}), member or SYSTEM)
            self._announce(ticket_id, "updated", member or SYSTEM, notify=notify)
            return note_id

    def edit_note(
        self, ticket_id: int, note_id: int, text: str, *, kind: NoteKind = "TicketNote", notify: bool = True
    ) -> None:
        """Rewrite a note: its `lastUpdated` moves, its `dateEntered` does not."""
        with self.lock:
            module, ticket = self._locate(ticket_id)
            notes = self._notes[ticket_id]
            index = [(note["id"], note["noteType"]) for note in notes].index((note_id, kind))
            info = notes[index]["_info"] | {"lastUpdated": clock.in_seconds(self.now())}
            notes[index] = notes[index] | {"text": text, "_info": info}
            self._touch(module, ticket, "zadmin")
            self._announce(ticket_id, "updated", "zadmin", notify=notify)

    # What the API, the hooks and the tests read

    def tickets(self, module: Module) -> list[Row]:
        """Return all service or project tickets by id."""
        with self.lock:
            return list(self._tickets[module].values())

    def find_ticket(self, module: Module, ticket_id: int) -> Row | None:
        """Return the ticket if that module has it."""
        return self._tickets[module].get(ticket_id)

    def ticket(self, ticket_id: int) -> Row:
        """Return a ticket of either module; KeyError when there is none."""
        return self._locate(ticket_id)[1]

    def notes(self, ticket_id: int) -> list[Row]:
        """Return the ticket's own notes as `allNotes` shows them, in the order they were written."""
        with self.lock:
            return list(self._notes[ticket_id])

    def all_notes(self, ticket_id: int) -> list[Row]:
        """Return what `allNotes` lists: also the notes of merged and bundled tickets, marked as such."""
        with self.lock:
            children = self._children.get(ticket_id, ())
            inherited = [note | {mark: True} for child, mark in children for note in self._notes[child]]
            return self._notes[ticket_id] + inherited

    def sign(self, body: bytes) -> str:
        """Return the signature ConnectWise would send with `body`."""
        return self.callbacks.sign(body)

    def hook_body(self, ticket_id: int, action: str = "updated", *, by: str = "zadmin") -> bytes:
        """Build the body of a hook with a new MessageId, to be sent by a test; a deleted ticket has no Entity."""
        found = any(ticket_id in tickets for tickets in self._tickets.values())
        entity = self._entity(ticket_id) if found and action != "deleted" else None
        return self.callbacks.body(ticket_id, entity, action, by, callback=0)

    def wait_for_webhooks(self, timeout_s: float = 30.0) -> bool:
        """Wait until every hook has been sent or given up; False when that takes longer."""
        return self.callbacks.sender.wait_idle(timeout_s)

    # Inside, with the lock held

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

    def _adopt(self, child_id: int, parent_id: int, shown: str, by: str, *, notify: bool) -> None:
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
                self._announce(ticket_id, "updated", by, notify=notify)

    def _write(
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

    def _announce(self, ticket_id: int, action: str, by: str, *, notify: bool) -> None:
        if notify and self.callbacks.entries:
            self.callbacks.send_webhooks(self.ticket(ticket_id), self._entity(ticket_id), action, by)

    def _entity(self, ticket_id: int) -> Row:
        module, ticket = self._locate(ticket_id)
        kind = "ProjectTicket" if module == "project" else "ServiceTicket"
        return {**ticket, "recordType": kind}  # hooks say the kind, `/project/tickets` does not
