"""Compare what the generator did, what the ledger says and what the simulated Webex received, both ways."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torture import fixtures, oracle
from torture.generator import Generator, Note, Ticket, Version, moment
from torture.hooks import Post
from torture.ledger import Ledger, Row

NOTES_AT_ONCE = 5  # D5
LATE_S = 30.0  # between two tickets: how much older a message must be to count as overtaken

_HEAD = re.compile(r"\*\*([A-Z][a-z ]+)\*\* \[#(\d+)\]")
_MARKER = re.compile(r"\bm\d+x\b")
_LINK = re.compile(r"(?<!\\)\]\(")


@dataclass
class Received:
    """What Webex accepted for one (subject, destination)."""

    ids: list[str] = field(default_factory=list)
    first_at: float = 0.0


@dataclass
class CheckResult:
    """What is wrong, by invariant; and what was counted on the way."""

    violations: list[tuple[str, str]] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)

    def wrong(self, promise: str, what: str) -> None:
        """Note a violation."""
        self.violations.append((promise, what))


class Checker:
    """Holds all that has been seen so far, and checks what is new after every round."""

    def __init__(self, stage: fixtures.Fixtures, generator: Generator, ledger: Ledger) -> None:
        self.verdict = CheckResult()
        self._stage, self._generator, self._ledger = stage, generator, ledger
        self._rows: dict[str, list[Row]] = defaultdict(list)  # by subject
        self._received: dict[tuple[str, str], Received] = defaultdict(Received)
        self._last_id = 0
        self._by_webex_id = {webex_id: name for name, webex_id in stage.webex_ids.items()}
        self._notes: dict[str, tuple[Ticket, Note]] = {}  # by marker
        self._covered: set[str] = set()
        self._received_ids: set[tuple[str, str]] = set()
        self._slack_s = 2.0

    def check(self, post: Post, *, slack_s: float) -> None:
        """Check everything that a round has touched. Nothing may be under way; clocks may be wrong by `slack_s`."""
        # For good: a ticket of a round in which clocks were wrong is checked again whenever it is touched.
        self._slack_s = max(self._slack_s, 2.0 + slack_s)
        touched = [ticket for ticket in self._generator.tickets.values() if ticket.touched]
        for ticket in touched:
            self._notes |= {note.marker: (ticket, note) for note in ticket.notes}
        fresh = self._ledger.rows(self._last_id)
        for row in fresh:
            self._rows[row.subject].append(row)
            if row.subject.startswith("new:"):
                self._covered.add(f"note:{row.note_kind}:{row.note_id}")
        new_messages = self._take_messages()
        self._check_hooks(post)
        self._check_sql()
        decided, announced = self._ledger.decided_notes(), self._ledger.announced()
        for ticket in touched:
            self._check_ticket(ticket, decided, announced)
            ticket.touched = False
        self._check_fates(fresh, new_messages)
        self._check_order(fresh)
        self._last_id = max([self._last_id, *(row.id for row in fresh)])
        self.verdict.counted["notifications checked"] += len(fresh)
        self.verdict.counted["tickets checked"] += len(touched)

    # no-webhook-lost, one-decision, sent-means-id: what plain SQL can say

    def _check_hooks(self, post: Post) -> None:
        wrong = self.verdict.wrong
        for problem in post.problems:
            wrong(*problem.split(": ", 1))
        post.problems.clear()
        lost = post.accepted - self._ledger.seen_messages()
        if lost:
            wrong("no-webhook-lost", f"{len(lost)} acknowledged hooks are not in the database, such as {min(lost)}")
        counted, found = self._ledger.hooks_counted(), len(post.accepted)
        if counted < found:
            wrong("no-webhook-lost", f"{found} hooks were acknowledged as accepted, the events hold only {counted}")

    def _check_sql(self) -> None:
        wrong = self.verdict.wrong
        for subject, target, count in self._ledger.twice():
            wrong("one-decision", f"{subject} for {target} was decided {count} times")
        for number, state in self._ledger.unsent_sent():
            wrong("sent-means-id", f"notification {number} is {state}, its Webex id says otherwise")
        for number, ticket_id in self._ledger.strangers():
            wrong("no-stray-requests", f"event {number} is about {ticket_id}, which only a forged hook has named")
        for number, ticket_id, error in self._ledger.dead_events():
            wrong("no-webhook-lost", f"event {number} of ticket {ticket_id} is dead: {error}")
        open_work = self._ledger.open_work()
        if open_work:
            wrong("no-webhook-lost", f"not at its end: {open_work}")

    # no-webhook-lost, no-change-missed, forwards: every subject against the oracle

    def _check_ticket(self, ticket: Ticket, decided: set[tuple[str, int]], announced: set[int]) -> None:
        wrong = self.verdict.wrong
        covered = self._check_announcement(ticket, is_announced=ticket.id in announced)
        for place, note in enumerate(ticket.notes):
            rows = self._rows.get(note.subject, [])
            may_be_covered = place == 0
            if may_be_covered and covered == note:
                if rows:
                    wrong(
                        "one-decision",
                        f"{note.subject} is covered by the announcement of {ticket.id} and told once more",
                    )
                continue
            if (note.kind, note.id) not in decided:
                # Deleted before anybody looked: nobody can be told what is no more (W7).
                if ticket.deleted_at is None:
                    wrong("no-webhook-lost/no-change-missed", f"{note.subject} of ticket {ticket.id} was never decided")
                elif rows:
                    wrong("one-decision", f"{note.subject} has rows and is not decided")
                continue
            if may_be_covered and covered is None and not rows and not self._rows.get(f"new:{ticket.id}"):
                continue  # nobody was to be told of the announcement that may have covered it
            self._check_note(ticket, note, rows)

    def _check_announcement(self, ticket: Ticket, *, is_announced: bool) -> Note | None:
        """Check the announcement; returns the note it covered."""
        wrong, rows = self.verdict.wrong, self._rows.get(f"new:{ticket.id}", [])
        if not is_announced:
            if rows or ticket.deleted_at is None:
                wrong("no-webhook-lost/no-change-missed", f"ticket {ticket.id} was never announced")
            return None
        at = max((row.created_at for row in rows), default=float("inf"))
        plans = [
            oracle.announcement(self._stage, version.board, version.people)
            for version in self._admissible(ticket, ticket.made_at, at)
        ]
        self._compare(f"new:{ticket.id}", rows, plans)
        named = {(row.note_kind, row.note_id) for row in rows}
        if len(named) > 1:
            wrong("one-decision", f"the announcement of ticket {ticket.id} covers different notes: {named}")
        for kind, number in named:
            if kind is None:
                if ticket.has_description:
                    wrong("one-decision", f"the announcement of ticket {ticket.id} lacks its description")
                return None
            first = ticket.notes[0] if ticket.notes else None
            if first is None or (first.kind, first.id) != (kind, number):
                wrong(
                    "one-decision",
                    f"the announcement of ticket {ticket.id} covers {kind} {number}, which is not its first note",
                )
                return None
            return first
        return None

    def _check_note(self, ticket: Ticket, note: Note, rows: list[Row]) -> None:
        at = max((row.created_at for row in rows), default=float("inf"))
        too_many = bool(rows) and note.subject in self._too_many(rows[0], ticket)
        plans = [
            oracle.update(self._stage, version.people, note.author, too_many=too_many)
            for version in self._admissible(ticket, note.written_at, at)
        ]
        self._compare(note.subject, rows, plans)

    def _admissible(self, ticket: Ticket, start: float, end: float) -> list[Version]:
        return ticket.versions_between(start - self._slack_s, end + self._slack_s)

    def _too_many(self, row: Row, ticket: Ticket) -> set[str]:
        """D5: return the notes of the same event that are beyond the newest five."""
        subjects = {
            each.subject
            for note in ticket.notes
            for each in self._rows.get(note.subject, ())
            if each.event_id == row.event_id
        }
        in_order = [note.subject for note in ticket.notes if note.subject in subjects]
        return set(in_order[:-NOTES_AT_ONCE])

    def _compare(self, subject: str, rows: list[Row], plans: list[oracle.Plan]) -> None:
        found: oracle.Plan = {}
        for row in rows:
            found[self._name(row)] = oracle.Fate(_outcome(row), row.chain if _outcome(row) == oracle.SEND else ())
        if found not in plans:
            promise = "no-webhook-lost/no-change-missed" if not found else "one-decision/forwards"
            self.verdict.wrong(promise, f"{subject}: decided {found}, expected {plans[:2]}")
        self.verdict.counted["subjects checked"] += 1

    def _name(self, row: Row) -> str:
        if row.recipient_id is None:
            return row.target.removeprefix("member:")
        return self._stage.recipient_names.get(row.recipient_id, f"recipient {row.recipient_id}")

    # no-webhook-lost, at-least-once-flagged, sent-means-id, dead-is-visible, harmless-text: the ledger against Webex

    def _take_messages(self) -> set[tuple[str, str]]:
        """Return for which (subject, destination) something has come since the last check."""
        new: set[tuple[str, str]] = set()
        messages = self._stage.webex.call("messages")
        self._stage.webex.call("clear_messages")
        for message in messages:
            self._received_ids.add((message["destination"], message["id"]))
            for subject in self._subjects_of(message):
                key = (subject, message["destination"])
                received = self._received[key]
                received.first_at = received.first_at or moment(message["at"])
                received.ids.append(message["id"])
                new.add(key)
        self.verdict.counted["messages received"] += len(messages)
        return new

    def _subjects_of(self, message: dict[str, Any]) -> set[str]:
        """Return what a message tells of, as far as its text shows it: an announcement, and notes by their markers."""
        text, wrong = message["markdown"], self.verdict.wrong
        head, markers = _HEAD.search(text), _MARKER.findall(text)
        if (
            "<@" in text
            or len(_LINK.findall(text)) != 1
            or "\n#" in text
            or head is None
            or len(markers) > NOTES_AT_ONCE
        ):
            wrong("harmless-text", f"a message does what its text should not: {text!r}")
        if head is None:
            return set()
        is_new, ticket_id = head[1] == "New ticket", int(head[2])
        is_room = self._by_webex_id.get(message["destination"]) in fixtures.ROOMS
        subjects = {f"new:{ticket_id}"} if is_new else set()
        for ticket, note in filter(None, map(self._notes.get, markers)):
            if note.internal and is_room:
                wrong("B1", f"the text of an internal note is shown in a room: {text!r}")
            if ticket.id != ticket_id:
                wrong("harmless-text", f"a message about ticket {ticket_id} shows a note of {ticket.id}")
            subjects.add(note.subject)
        return subjects

    def _check_fates(self, fresh: list[Row], new_messages: set[tuple[str, str]]) -> None:
        accounted: set[tuple[str, str]] = set()
        for row in fresh:
            if row.recipient_id is None:
                continue
            name = self._name(row)
            destination = self._stage.webex_ids.get(name, "")
            key = (row.subject, destination)
            if self._is_without_marker(row, name):
                if row.state == "sent" and (destination, row.webex_message_id) not in self._received_ids:
                    self.verdict.wrong(
                        "no-webhook-lost/sent-means-id",
                        f"{row.subject} for {name} is sent, and Webex has nothing: lost",
                    )
                continue
            accounted.add(key)
            self._check_fate(row, name, self._received.get(key, Received()))
        for key in new_messages - accounted:
            self._check_stray(*key)

    def _is_without_marker(self, row: Row, name: str) -> bool:
        """Return whether a message shows nothing of a topic: a change, one note too many, an internal one in a room."""
        ticket = self._generator.tickets.get(row.ticket_id)
        is_internal = ticket is not None and any(note.internal for note in ticket.notes if note.subject == row.subject)
        return row.subject.startswith("change:") or not row.shown or (is_internal and name in fixtures.ROOMS)

    def _check_fate(self, row: Row, name: str, received: Received) -> None:
        wrong, what, count = self.verdict.wrong, f"{row.subject} for {name} (notification {row.id})", len(received.ids)
        self.verdict.counted[f"notifications {row.state}"] += 1
        if row.state == "sent":
            if not count:
                wrong("no-webhook-lost/sent-means-id", f"{what} is sent, and Webex has nothing: lost")
            elif row.webex_message_id not in received.ids:
                wrong("sent-means-id", f"{what} is sent as {row.webex_message_id}, Webex knows {received.ids}")
            if count > 1:
                self.verdict.counted[
                    "duplicates, flagged" if row.possible_duplicate else "duplicates, NOT flagged"
                ] += 1
                if not row.possible_duplicate:
                    wrong("at-least-once-flagged", f"{what} came {count} times and is not flagged")
        elif count:
            wrong("at-least-once-flagged", f"{what} is {row.state}, and Webex has it {count} times")
        if row.state == "dead" and name != fixtures.DEAD_ROOM:
            wrong("dead-is-visible", f"{what} is dead: {row.error}")
        if row.state == "dead" and not row.error:
            wrong("dead-is-visible", f"{what} is dead without a word")
        self.verdict.counted["flagged as possible duplicates"] += row.possible_duplicate

    def _check_stray(self, subject: str, destination: str) -> None:
        """Check a message that none of the new rows accounts for: one of an earlier round, come again."""
        wrong, name = self.verdict.wrong, self._by_webex_id.get(destination, destination)
        rows = [row for row in self._rows.get(subject, []) if self._name(row) == name]
        if not rows and subject in self._covered:
            return  # an announcement shows it, and it has no row of its own
        if not rows:
            wrong("at-least-once-flagged", f"Webex has {subject} for {name}, and the ledger knows nothing of it")
            return
        count = len(self._received[subject, destination].ids)
        if not rows[0].possible_duplicate:
            wrong("at-least-once-flagged", f"{subject} for {name} came again in a later round: {count} times")

    # order

    def _check_order(self, fresh: list[Row]) -> None:
        by_recipient: dict[str, list[tuple[float, Row]]] = defaultdict(list)
        for row in fresh:
            name = self._name(row)
            received = self._received.get((row.subject, self._stage.webex_ids.get(name, "")))
            if row.state == "sent" and received:
                by_recipient[name].append((received.first_at, row))
        for name, arrived in by_recipient.items():
            for older, newer in _overtaken(arrived):
                self.verdict.wrong("order", f"{name} got {newer.subject} before {older.subject}, and nothing says so")


def _overtaken(arrived: list[tuple[float, Row]]) -> Iterator[tuple[Row, Row]]:
    """Yield an older message that came after a newer one, and that newer one.

    Ids of one ticket are in order. Two tickets are decided side by side, and the lower id may be committed later.
    """
    earliest_of_ticket: dict[int, tuple[float, Row]] = {}
    earliest: tuple[float, Row] | None = None
    for at, row in sorted(arrived, key=lambda each: -each[1].place):
        same = earliest_of_ticket.get(row.ticket_id)
        if not row.overtaken:
            if same and same[0] < at:
                yield row, same[1]
            elif earliest and earliest[0] < at and row.created_at + LATE_S < earliest[0]:
                yield row, earliest[1]
        if not same or at < same[0]:
            earliest_of_ticket[row.ticket_id] = (at, row)
        if not earliest or at < earliest[0]:
            earliest = (at, row)


def _outcome(row: Row) -> str:
    if row.state in ("sent", "dead"):
        return oracle.SEND
    if row.state == "skipped":
        return oracle.CODES.get(row.reason, row.reason)
    return row.state
