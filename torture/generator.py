"""Make things happen in the simulated ConnectWise, and remember all of it: what the oracle judges by."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

from torture import fixtures, hooks

OPEN_TICKETS = 120  # how many are played with at the same time
NOTES_PER_TICKET = 40  # then it is left alone, so that one page of notes shows them all
REPLAYED = 0.04
FORGED = 0.05

ON_TICKETS = ("ana", "ben", "cora", "dan", "eve", "fay", "gus", "ida", "gil", "hal", "ivy")
MISCHIEF = (
    "<@all>", "[click](http://evil.example)", "**bold", "```", "\n> quote\n# head", "~~x~~", "<@personEmail:a@b.c|x>",
    "| a | b |", "日本語", "&lt;", "\\", "_", "]( )", "",
)  # fmt: skip


@dataclass
class Version:
    """Whose ticket it was from `since` on, and on which board."""

    since: float
    board: str
    people: tuple[str, ...]
    until: float = float("inf")


@dataclass
class Note:
    """One note, in the order of the ticket."""

    kind: str
    id: int
    marker: str
    author: str | None
    internal: bool
    written_at: float

    @property
    def subject(self) -> str:
        return f"note:{self.kind}:{self.id}"


@dataclass
class Ticket:
    """One ticket with all its history."""

    id: int
    is_project: bool
    made_at: float
    versions: list[Version]
    has_description: bool
    notes: list[Note] = field(default_factory=list)
    deleted_at: float | None = None
    absences: list[tuple[float, float]] = field(default_factory=list)
    touched: bool = True  # since the last check

    def versions_between(self, start: float, end: float) -> list[Version]:
        """Return what may have been read at some moment between two."""
        return [each for each in self.versions if each.since <= end and each.until >= start]


@dataclass
class Weather:
    """How hooks travel during a round."""

    drop: float = 0.0  # a dropped change is found by catch-up alone
    duplicate: float = 0.1
    delay_s: float = 0.3
    insist: bool = True  # one hook of each change is sent until it is acknowledged


class Generator:
    """Plays with tickets. All choices come from the seed."""

    def __init__(
        self, stage: fixtures.Fixtures, site: hooks.Site, postman: hooks.WebhookSender, seed: int, burst: float
    ) -> None:
        self.tickets: dict[int, Ticket] = {}
        self.did: Counter[str] = Counter()
        self.weather = Weather()
        self.trap_url = ""
        self._stage, self._site, self._postman = stage, site, postman
        self._burst = burst
        self._random = random.Random(f"{seed}/generator")
        self._alive: list[Ticket] = []
        self._sent: list[hooks.Hook] = []
        self._markers = 0

    def step(self) -> None:
        """Change one thing and send the hooks of it."""
        chance = self._random
        if len(self._alive) < 20 or (len(self._alive) < OPEN_TICKETS and chance.random() < 0.5):
            self._open_ticket()
            return
        actions = {
            self._open_ticket: 16, self._write: 44, self._book_time: 10, self._write_internally: 8, self._reassign: 7,
            self._move: 2, self._close: 4, self._save: 4, self._delete: 2, self._restore: 3, self._storm: 3,
            self._change_many: 1,
        }  # fmt: skip
        chance.choices(list(actions), list(actions.values()))[0]()
        if chance.random() < FORGED:
            self._postman.send(hooks.forged(self._site, chance, self.trap_url))
            self.did["forged hooks"] += 1
        self._alive = [t for t in self._alive if len(t.notes) < NOTES_PER_TICKET]

    def restore_most(self) -> None:
        """Bring most of what is deleted back, so that nothing is left to be told but by its own hook."""
        for ticket in self._alive:
            if ticket.deleted_at is not None and self._random.random() < 0.7:
                self._bring_back(ticket)

    # What may happen

    def _open_ticket(self) -> None:
        chance = self._random
        board = chance.choice(("Service Desk", "Service Desk", "Projects", "Quiet", "Attic"))
        people = self._some_people()
        described = chance.random() < 0.8
        marker = self._marker()
        author = chance.choice((None, *people[:1]))
        before = time.time()
        ticket_id = self._stage.connectwise.call(
            "add_ticket", board=self._stage.boards[board], summary=f"Printer {chance.choice(MISCHIEF)}",
            owner=people[0] if people and chance.random() < 0.6 else None, resources=people,
            company=self._stage.company, contact=None if author else self._stage.contact,
            note=self._text(marker) if described else None, by=author or "zadmin", notify=False,
        )  # fmt: skip
        ticket = Ticket(ticket_id, board == "Projects", before, [Version(before, board, tuple(people))], described)
        if described:
            number = self._stage.connectwise.call("notes", ticket_id=ticket_id)[0]["id"]
            ticket.notes.append(Note("TicketNote", number, marker, author, internal=False, written_at=before))
        self.tickets[ticket_id] = ticket
        self._alive.append(ticket)
        if len(self._alive) > OPEN_TICKETS:
            self._alive.pop(chance.randrange(len(self._alive) // 2))
        self._tell(ticket, "added")
        self.did["tickets opened"] += 1

    def _write(self) -> None:
        ticket = self._living()
        author = self._random.choice((None, None, *ON_TICKETS[:8], *ticket.versions[-1].people))
        self._add_note(ticket, author, "TicketNote")
        self._tell(ticket)
        self.did["notes by members" if author else "notes by contacts"] += 1

    def _book_time(self) -> None:
        ticket = self._living()
        self._add_note(ticket, self._random.choice(ON_TICKETS[:8]), "TimeEntryNote")
        self._tell(ticket)
        self.did["time entries"] += 1

    def _write_internally(self) -> None:
        ticket = self._living()
        self._add_note(ticket, self._random.choice(ON_TICKETS[:8]), "TicketNote", internal=True)
        self._tell(ticket)
        self.did["internal notes"] += 1

    def _storm(self) -> None:
        """Write more notes at once than anybody wants to read."""
        ticket = self._living()
        for _ in range(self._random.randint(6, 9)):
            self._add_note(ticket, self._random.choice((None, "ana", "ben")), "TicketNote")
        self._tell(ticket)
        self.did["storms of notes"] += 1

    def _change_many(self) -> None:
        """Save more tickets at once than make a mass change (T10)."""
        for ticket in self._alive:
            if ticket.deleted_at is None:
                self._stage.connectwise.call("update_ticket", ticket_id=ticket.id, notify=False)
                self._tell(ticket, hooks_each=1)
        self.did["mass changes"] += 1

    def _reassign(self) -> None:
        ticket, people = self._living(), self._some_people()
        owner = self._random.choice(people) if people else None
        self._change(
            ticket, Version(time.time(), ticket.versions[-1].board, tuple(people)), resources=people, owner=owner
        )
        self.did["reassignments"] += 1

    def _move(self) -> None:
        ticket = self._living()
        if ticket.is_project:
            return
        board = self._random.choice(("Service Desk", "Quiet", "Attic"))
        version = Version(time.time(), board, ticket.versions[-1].people)
        self._change(ticket, version, board=self._stage.boards[board])
        self.did["moves to another board"] += 1

    def _close(self) -> None:
        ticket = self._living()
        self._stage.connectwise.call("update_ticket", ticket_id=ticket.id, status=">Closed", notify=False)
        self._tell(ticket)
        self.did["closes"] += 1

    def _save(self) -> None:
        ticket = self._living()
        self._stage.connectwise.call("update_ticket", ticket_id=ticket.id, notify=False)
        self._tell(ticket)
        self.did["saves that change nothing"] += 1

    def _delete(self) -> None:
        ticket = self._living()
        ticket.deleted_at = time.time()
        self._stage.connectwise.call("delete_ticket", ticket_id=ticket.id, notify=False)
        self._tell(ticket, "deleted")
        self.did["deletes"] += 1

    def _restore(self) -> None:
        gone = [ticket for ticket in self._alive if ticket.deleted_at is not None]
        if gone:
            self._bring_back(self._random.choice(gone))

    # How it happens

    def _living(self) -> Ticket:
        return self._random.choice([ticket for ticket in self._alive if ticket.deleted_at is None])

    def _some_people(self) -> list[str]:
        return self._random.sample(ON_TICKETS, self._random.choice((0, 1, 1, 2, 2, 3)))

    def _marker(self) -> str:
        self._markers += 1
        return f"m{self._markers}x"

    def _text(self, marker: str) -> str:
        return f"{marker} {' '.join(self._random.sample(MISCHIEF, 3))}"

    def _add_note(self, ticket: Ticket, author: str | None, kind: str, *, internal: bool = False) -> None:
        last = ticket.notes[-1] if ticket.notes else None
        if last and time.time() - last.written_at < 1.2:
            kind = last.kind  # of one second they are told apart by their ids, which count for each kind apart
        marker, before = self._marker(), time.time()
        by = {"member": author} if author else {"contact": self._stage.contact}
        note_id = self._stage.connectwise.call(
            "add_note", ticket_id=ticket.id, text=self._text(marker), kind=kind, internal=internal, notify=False, **by
        )
        ticket.notes.append(Note(kind, note_id, marker, author, internal, before))

    def _change(self, ticket: Ticket, version: Version, **changes: object) -> None:
        before = ticket.versions[-1]
        ticket.versions.append(version)
        self._stage.connectwise.call("update_ticket", ticket_id=ticket.id, notify=False, **changes)
        before.until = time.time()  # until the call has ended either may have been read
        self._tell(ticket)

    def _bring_back(self, ticket: Ticket) -> None:
        assert ticket.deleted_at is not None
        self._stage.connectwise.call("restore_ticket", ticket_id=ticket.id, notify=False)
        ticket.absences.append((ticket.deleted_at, time.time()))
        ticket.deleted_at = None
        self._tell(ticket)
        self.did["restores"] += 1

    def _tell(self, ticket: Ticket, action: str = "updated", hooks_each: int = 0) -> None:
        """Send the hooks of one change: several, as ConnectWise does, some late, some twice, some never."""
        chance, weather = self._random, self.weather
        ticket.touched = True
        count = hooks_each or max(1, round(chance.expovariate(1 / self._burst)))
        for number in range(count):
            insists = weather.insist and number == 0
            if not insists and chance.random() < weather.drop:
                self.did["hooks dropped"] += 1
                continue
            hook = self._hook(ticket, action if number == 0 else chance.choice((action, "updated", "added")))
            hook.insist = insists
            self._postman.send(hook, chance.uniform(0, weather.delay_s))
            if chance.random() < weather.duplicate:
                self._again(hook, chance.uniform(0, weather.delay_s))
            self._sent = [*self._sent[-400:], hook]
        while chance.random() < REPLAYED * count / (1 + REPLAYED * count):
            self._again(chance.choice(self._sent), chance.uniform(0, 3)) if self._sent else None
            self.did["hooks replayed later"] += 1

    def _again(self, hook: hooks.Hook, delay_s: float) -> None:
        self._postman.send(hooks.Hook(hook.body, hook.signature, hook.message_id), delay_s)

    def _hook(self, ticket: Ticket, action: str) -> hooks.Hook:
        message_id = str(uuid.UUID(int=self._random.getrandbits(128)))
        body = self._site.body(ticket.id, action, message_id=message_id, is_project=ticket.is_project)
        return hooks.Hook(body, self._site.sign(body), message_id)


def moment(at: datetime | str | float) -> float:
    """Return any of the ways our databases write a moment as seconds."""
    if isinstance(at, float):
        return at
    found = datetime.fromisoformat(at) if isinstance(at, str) else at
    return found.astimezone(UTC).timestamp()
