"""Generate changes in the simulated ConnectWise and their webhooks, and record them for the checker."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from torture import fixtures, webhooks

OPEN_TICKETS = 120  # that change at the same time
NOTES_PER_TICKET = 40  # then the ticket no longer changes, so that its notes fit on one page
REPLAYED = 0.04
FORGED = 0.05

ASSIGNABLE = ("ana", "ben", "cora", "dan", "eve", "fay", "gus", "ida", "gil", "hal", "ivy")
HOSTILE_TEXTS = (
    "<@all>", "[click](http://evil.example)", "**bold", "```", "\n> quote\n# head", "~~x~~", "<@personEmail:a@b.c|x>",
    "| a | b |", "日本語", "&lt;", "\\", "_", "]( )", "",
)  # fmt: skip


@dataclass
class Version:
    """The board and the people of a ticket for a period."""

    since: float
    board: str
    people: tuple[str, ...]
    until: float = float("inf")


@dataclass
class Note:
    """One note; a ticket keeps them in the order they were written."""

    kind: str
    id: int
    marker: str
    author: str | None
    internal: bool
    created_at: float

    @property
    def subject(self) -> str:
        return f"note:{self.kind}:{self.id}"


@dataclass
class Ticket:
    """One ticket and its history."""

    id: int
    is_project: bool
    created_at: float
    versions: list[Version]
    has_description: bool
    notes: list[Note] = field(default_factory=list)
    deleted_at: float | None = None
    changed: bool = True  # since the last check

    def versions_between(self, start: float, end: float) -> list[Version]:
        """Return the versions that may have been read at some time between `start` and `end`."""
        return [each for each in self.versions if each.since <= end and each.until >= start]


@dataclass
class TrafficProfile:
    """How webhooks are delivered during a round."""

    drop: float = 0.0  # if all webhooks of a change are dropped, only catch-up can find it
    duplicate: float = 0.1
    delay_s: float = 0.3
    guaranteed: bool = True  # one webhook of each change is resent until acknowledged


class Generator:
    """Changes tickets at random; all choices come from the seed."""

    def __init__(
        self,
        setup: fixtures.Setup,
        site: webhooks.Site,
        sender: webhooks.WebhookSender,
        seed: int,
        webhooks_per_change: float,
    ) -> None:
        self.tickets: dict[int, Ticket] = {}
        self.counts: Counter[str] = Counter()
        self.traffic = TrafficProfile()
        self.attacker_key_url = ""
        self._setup, self._site, self._sender = setup, site, sender
        self._webhooks_per_change = webhooks_per_change
        self._random = random.Random(f"{seed}/generator")
        self._active: list[Ticket] = []
        self._sent: list[webhooks.Webhook] = []
        self._markers = 0

    def step(self) -> None:
        """Make one change and send its webhooks."""
        rng = self._random
        if len(self._active) < 20 or (len(self._active) < OPEN_TICKETS and rng.random() < 0.5):
            self._open_ticket()
            return
        actions = {
            self._open_ticket: 16, self._add_discussion_note: 44, self._add_time_entry: 10,
            self._add_internal_note: 8, self._reassign: 7, self._move: 2, self._close: 4, self._save_unchanged: 4,
            self._delete: 2, self._restore_one: 3, self._add_note_burst: 3,
        }  # fmt: skip
        rng.choices(list(actions), list(actions.values()))[0]()
        if rng.random() < FORGED:
            self._sender.send(webhooks.forged_webhook(self._site, rng, self.attacker_key_url))
            self.counts["forged hooks"] += 1
        self._active = [t for t in self._active if len(t.notes) < NOTES_PER_TICKET]

    def restore_most(self) -> None:
        """Restore most deleted tickets, so that their notes have to be announced after all."""
        for ticket in self._active:
            if ticket.deleted_at is not None and self._random.random() < 0.7:
                self._restore(ticket)

    def change_many(self) -> None:
        """Save enough tickets at once for a mass change (T10)."""
        for ticket in [ticket for ticket in self._active if ticket.deleted_at is None]:
            self._setup.connectwise.call("update_ticket", ticket_id=ticket.id, notify=False)
            self._send_webhooks(ticket, count=1)
        self.counts["mass changes"] += 1

    def work_on_one(self) -> None:
        """Reassign a ticket and write a note for those who have it now."""
        ticket = self._random_ticket()
        self._reassign(ticket)
        self._add_discussion_note(ticket)

    # The changes

    def _open_ticket(self) -> None:
        rng = self._random
        board = rng.choice(("Service Desk", "Service Desk", "Projects", "Quiet", "Attic"))
        people = self._random_people()
        described = rng.random() < 0.8
        marker = self._marker()
        author = rng.choice((None, *people[:1]))
        before = time.time()
        ticket_id = self._setup.connectwise.call(
            "add_ticket", board=self._setup.boards[board], summary=f"Printer {rng.choice(HOSTILE_TEXTS)}",
            owner=people[0] if people and rng.random() < 0.6 else None, resources=people,
            company=self._setup.company, contact=None if author else self._setup.contact,
            note=self._text(marker) if described else None, by=author or "zadmin", notify=False,
        )  # fmt: skip
        ticket = Ticket(ticket_id, board == "Projects", before, [Version(before, board, tuple(people))], described)
        if described:
            number = self._setup.connectwise.call("notes", ticket_id=ticket_id)[0]["id"]
            ticket.notes.append(Note("TicketNote", number, marker, author, internal=False, created_at=before))
        self.tickets[ticket_id] = ticket
        self._active.append(ticket)
        if len(self._active) > OPEN_TICKETS:
            self._active.pop(rng.randrange(len(self._active) // 2))
        self._send_webhooks(ticket, "added")
        self.counts["tickets opened"] += 1

    def _add_discussion_note(self, ticket: Ticket | None = None) -> None:
        ticket = ticket or self._random_ticket()
        author = self._random.choice((None, None, *ASSIGNABLE[:8], *ticket.versions[-1].people))
        self._add_note(ticket, author, "TicketNote")
        self._send_webhooks(ticket)
        self.counts["notes by members" if author else "notes by contacts"] += 1

    def _add_time_entry(self) -> None:
        ticket = self._random_ticket()
        self._add_note(ticket, self._random.choice(ASSIGNABLE[:8]), "TimeEntryNote")
        self._send_webhooks(ticket)
        self.counts["time entries"] += 1

    def _add_internal_note(self) -> None:
        ticket = self._random_ticket()
        self._add_note(ticket, self._random.choice(ASSIGNABLE[:8]), "TicketNote", internal=True)
        self._send_webhooks(ticket)
        self.counts["internal notes"] += 1

    def _add_note_burst(self) -> None:
        """Add more notes at once than one event announces (D5)."""
        ticket = self._random_ticket()
        for _ in range(self._random.randint(6, 9)):
            self._add_note(ticket, self._random.choice((None, "ana", "ben")), "TicketNote")
        self._send_webhooks(ticket)
        self.counts["bursts of notes"] += 1

    def _reassign(self, ticket: Ticket | None = None) -> None:
        ticket, people = ticket or self._random_ticket(), self._random_people()
        owner = self._random.choice(people) if people else None
        self._change(
            ticket, Version(time.time(), ticket.versions[-1].board, tuple(people)), resources=people, owner=owner
        )
        self.counts["reassignments"] += 1

    def _move(self) -> None:
        ticket = self._random_ticket()
        if ticket.is_project:
            return
        board = self._random.choice(("Service Desk", "Quiet", "Attic"))
        version = Version(time.time(), board, ticket.versions[-1].people)
        self._change(ticket, version, board=self._setup.boards[board])
        self.counts["moves to another board"] += 1

    def _close(self) -> None:
        ticket = self._random_ticket()
        self._setup.connectwise.call("update_ticket", ticket_id=ticket.id, status=">Closed", notify=False)
        self._send_webhooks(ticket)
        self.counts["closes"] += 1

    def _save_unchanged(self) -> None:
        ticket = self._random_ticket()
        self._setup.connectwise.call("update_ticket", ticket_id=ticket.id, notify=False)
        self._send_webhooks(ticket)
        self.counts["saves that change nothing"] += 1

    def _delete(self) -> None:
        ticket = self._random_ticket()
        ticket.deleted_at = time.time()
        self._setup.connectwise.call("delete_ticket", ticket_id=ticket.id, notify=False)
        self._send_webhooks(ticket, "deleted")
        self.counts["deletes"] += 1

    def _restore_one(self) -> None:
        deleted = [ticket for ticket in self._active if ticket.deleted_at is not None]
        if deleted:
            self._restore(self._random.choice(deleted))

    # How they are made

    def _random_ticket(self) -> Ticket:
        return self._random.choice([ticket for ticket in self._active if ticket.deleted_at is None])

    def _random_people(self) -> list[str]:
        return self._random.sample(ASSIGNABLE, self._random.choice((0, 1, 1, 2, 2, 3)))

    def _marker(self) -> str:
        self._markers += 1
        return f"m{self._markers}x"

    def _text(self, marker: str) -> str:
        return f"{marker} {' '.join(self._random.sample(HOSTILE_TEXTS, 3))}"

    def _add_note(self, ticket: Ticket, author: str | None, kind: str, *, internal: bool = False) -> None:
        last = ticket.notes[-1] if ticket.notes else None
        if last and time.time() - last.created_at < 1.2:
            kind = last.kind  # notes of one second are ordered by id, and each kind has its own ids
        marker, before = self._marker(), time.time()
        by = {"member": author} if author else {"contact": self._setup.contact}
        note_id = self._setup.connectwise.call(
            "add_note", ticket_id=ticket.id, text=self._text(marker), kind=kind, internal=internal, notify=False, **by
        )
        ticket.notes.append(Note(kind, note_id, marker, author, internal, before))

    def _change(self, ticket: Ticket, version: Version, **changes: object) -> None:
        before = ticket.versions[-1]
        ticket.versions.append(version)
        self._setup.connectwise.call("update_ticket", ticket_id=ticket.id, notify=False, **changes)
        before.until = time.time()  # until the call returns, either version may be read
        self._send_webhooks(ticket)

    def _restore(self, ticket: Ticket) -> None:
        self._setup.connectwise.call("restore_ticket", ticket_id=ticket.id, notify=False)
        ticket.deleted_at = None
        self._send_webhooks(ticket)
        self.counts["restores"] += 1

    def _send_webhooks(self, ticket: Ticket, action: str = "updated", count: int = 0) -> None:
        """Send the webhooks of one change: several, as ConnectWise does, some delayed, duplicated or dropped."""
        rng, traffic = self._random, self.traffic
        ticket.changed = True
        count = count or max(1, round(rng.expovariate(1 / self._webhooks_per_change)))
        for number in range(count):
            guaranteed = traffic.guaranteed and number == 0
            if not guaranteed and rng.random() < traffic.drop:
                self.counts["hooks dropped"] += 1
                continue
            webhook = self._new_webhook(ticket, action if number == 0 else rng.choice((action, "updated", "added")))
            webhook.guaranteed = guaranteed
            self._sender.send(webhook, rng.uniform(0, traffic.delay_s))
            if rng.random() < traffic.duplicate:
                self._resend(webhook, rng.uniform(0, traffic.delay_s))
            self._sent = [*self._sent[-400:], webhook]
        while rng.random() < REPLAYED * count / (1 + REPLAYED * count):
            self._resend(rng.choice(self._sent), rng.uniform(0, 3)) if self._sent else None
            self.counts["hooks replayed later"] += 1

    def _resend(self, webhook: webhooks.Webhook, delay_s: float) -> None:
        self._sender.send(webhooks.Webhook(webhook.body, webhook.signature, webhook.message_id), delay_s)

    def _new_webhook(self, ticket: Ticket, action: str) -> webhooks.Webhook:
        message_id = str(uuid.UUID(int=self._random.getrandbits(128)))
        body = self._site.body(ticket.id, action, message_id=message_id, is_project=ticket.is_project)
        return webhooks.Webhook(body, self._site.sign(body), message_id)


def timestamp(at: datetime | str | float) -> float:
    """Return a time as seconds since the epoch, whichever way the database returned it."""
    if isinstance(at, float):
        return at
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return found.astimezone(UTC).timestamp()
