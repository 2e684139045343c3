"""Compare what the generator sent, what the ledger says and what the simulated Webex received, in both directions."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

from torture import calm, fixtures, oracle, order
from torture.generator import Generator, Note, Ticket, Version, timestamp
from torture.ledger import Ledger, Row
from torture.webhooks import DeliveryLog

NOTES_AT_ONCE = 5  # D5

_OF_NO_TICKET = re.compile(r"\*\*Forward ")  # F8
_HEAD = re.compile(r"(\*\*[A-Z][a-z ]+\*\* |^)\[#(\d+)\]", re.MULTILINE)
_IS_NEW = re.compile(r"^\*\*New ticket\*\*", re.MULTILINE)
_MARKER = re.compile(r"\bm\d+x\b")
_LINK = re.compile(r"(?<!\\)\]\(")


class Checker:
    """Checks the promises after every round, against everything seen so far in the run."""

    def __init__(self, setup: fixtures.Setup, generator: Generator, ledger: Ledger) -> None:
        self.violations: list[tuple[str, str]] = []  # promise and what broke it
        self.counts: Counter[str] = Counter()
        self._setup, self._generator, self._ledger = setup, generator, ledger
        self._rows: dict[str, list[Row]] = defaultdict(list)  # by subject
        self._received: dict[tuple[str, str], order.Received] = defaultdict(order.Received)
        self._roots: dict[tuple[int, str], set[str]] = defaultdict(set)  # by ticket and recipient
        self._last_id = 0
        self._by_webex_id = {webex_id: name for name, webex_id in setup.webex_ids.items()}
        self._notes: dict[str, tuple[Ticket, Note]] = {}  # by marker
        self._covered: set[str] = set()
        self._received_ids: set[tuple[str, str]] = set()
        self._slack_s = 2.0

    def report(self, promise: str, message: str) -> None:
        """Report a broken promise."""
        self.violations.append((promise, message))

    def check(self, log: DeliveryLog, *, slack_s: float) -> None:
        """Check all tickets that changed in a round; nothing is in flight, and clocks may be off by `slack_s`."""
        # Stays raised: a ticket with times from a round with clock jumps is checked again after later changes.
        self._slack_s = max(self._slack_s, 2.0 + slack_s)
        changed = [ticket for ticket in self._generator.tickets.values() if ticket.changed]
        for ticket in changed:
            self._notes |= {note.marker: (ticket, note) for note in ticket.notes}
        new_rows = self._ledger.rows(self._last_id)
        for row in new_rows:
            self._rows[row.subject].append(row)
            if row.subject.startswith("new:"):
                self._covered.add(f"note:{row.note_kind}:{row.note_id}")
        new_messages = self._collect_messages()
        self._check_webhooks(log)
        self._check_sql()
        decided, announced = self._ledger.decided_notes(), self._ledger.announced()
        for ticket in changed:
            self._check_ticket(ticket, decided, announced)
            ticket.changed = False
        self._check_deliveries(new_rows, new_messages)
        self._check_order(new_rows)
        self._check_threads()
        for problem in calm.problems(new_rows):
            self.report("calm-exactly-once", problem)
        self._last_id = max([self._last_id, *(row.id for row in new_rows)])
        self.counts["notifications checked"] += len(new_rows)
        self.counts["tickets checked"] += len(changed)

    # no-webhook-lost, one-decision, sent-means-id: what plain SQL shows

    def _check_webhooks(self, log: DeliveryLog) -> None:
        for problem in log.problems:
            self.report(*problem.split(": ", 1))
        log.problems.clear()
        lost = log.accepted - self._ledger.processed_message_ids()
        if lost:
            self.report(
                "no-webhook-lost", f"{len(lost)} acknowledged webhooks are not in the database, such as {min(lost)}"
            )
        counted, accepted = self._ledger.webhooks_counted(), len(log.accepted)
        if counted < accepted:
            self.report("no-webhook-lost", f"{accepted} webhooks were accepted, but the events count only {counted}")

    def _check_sql(self) -> None:
        for subject, target, count in self._ledger.repeated_decisions():
            self.report("one-decision", f"{subject} for {target} was decided {count} times")
        for number, state in self._ledger.inconsistent_states():
            self.report("sent-means-id", f"row {number} is {state}, which contradicts its Webex id or time")
        for number, ticket_id in self._ledger.events_from_forged_webhooks():
            self.report(
                "no-stray-requests", f"event {number} is about {ticket_id}, which appears only in forged webhooks"
            )
        for number, ticket_id, error in self._ledger.dead_events():
            self.report("no-webhook-lost", f"event {number} of ticket {ticket_id} is dead: {error}")
        unfinished_work = self._ledger.unfinished_work()
        if unfinished_work:
            self.report("no-webhook-lost", f"unfinished: {unfinished_work}")

    # no-webhook-lost, no-change-missed, forwards: every subject against the oracle

    def _check_ticket(self, ticket: Ticket, decided: set[tuple[str, int]], announced: set[int]) -> None:
        covered = self._check_announcement(ticket, is_announced=ticket.id in announced)
        for index, note in enumerate(ticket.notes):
            rows = self._rows.get(note.subject, [])
            may_be_covered = index == 0
            if may_be_covered and covered == note:
                if rows:
                    self.report(
                        "one-decision",
                        f"{note.subject} is part of the announcement of {ticket.id} and was announced again",
                    )
                continue
            if (note.kind, note.id) not in decided:
                # Deleted before it was fetched: there is nothing to notify anybody of (W7).
                if ticket.deleted_at is None:
                    self.report(
                        "no-webhook-lost/no-change-missed", f"{note.subject} of ticket {ticket.id} was never decided"
                    )
                elif rows:
                    self.report("one-decision", f"{note.subject} has notifications and is not decided")
                continue
            if may_be_covered and covered is None and not rows and not self._rows.get(f"new:{ticket.id}"):
                continue  # nobody was notified of the announcement that may have covered it
            self._check_note(ticket, note, rows)

    def _check_announcement(self, ticket: Ticket, *, is_announced: bool) -> Note | None:
        """Check the announcement and return the note that is part of it."""
        rows = self._rows.get(f"new:{ticket.id}", [])
        if not is_announced:
            if rows or ticket.deleted_at is None:
                self.report("no-webhook-lost/no-change-missed", f"ticket {ticket.id} was never announced")
            return None
        at = max((row.created_at for row in rows), default=float("inf"))
        expected = [
            oracle.announcement(self._setup, version.board, version.people)
            for version in self._possible_versions(ticket, ticket.created_at, at)
        ]
        self._compare(f"new:{ticket.id}", rows, expected)
        shown = {(row.note_kind, row.note_id) for row in rows}
        if len(shown) > 1:
            self.report("one-decision", f"the announcement of ticket {ticket.id} shows different notes: {shown}")
        for kind, number in shown:
            if kind is None:
                if ticket.has_description:
                    self.report("one-decision", f"the announcement of ticket {ticket.id} lacks its description")
                return None
            first = ticket.notes[0] if ticket.notes else None
            if first is None or (first.kind, first.id) != (kind, number):
                self.report(
                    "one-decision",
                    f"the announcement of ticket {ticket.id} shows {kind} {number}, which is not its first note",
                )
                return None
            return first
        return None

    def _check_note(self, ticket: Ticket, note: Note, rows: list[Row]) -> None:
        at = max((row.created_at for row in rows), default=float("inf"))
        too_many = self._too_many(note, rows[0], ticket) if rows else set()
        expected = [
            oracle.update(self._setup, version.people, note.author, too_many=too_many)
            for version in self._possible_versions(ticket, note.created_at, at)
        ]
        self._compare(note.subject, rows, expected)

    def _possible_versions(self, ticket: Ticket, start: float, end: float) -> list[Version]:
        return ticket.versions_between(start - self._slack_s, end + self._slack_s)

    def _too_many(self, note: Note, row: Row, ticket: Ticket) -> set[str]:
        """Return for whom a note is not among the newest five that its event has for them (D5)."""
        theirs: dict[str, list[str]] = {}
        for other in ticket.notes:
            for each in self._rows.get(other.subject, ()):
                is_for_them = oracle.outcome(each.state, each.reason) in (oracle.SEND, oracle.TOO_MANY)
                if each.event_id == row.event_id and is_for_them:
                    theirs.setdefault(self._name(each), []).append(other.subject)
        return {name for name, subjects in theirs.items() if note.subject in subjects[:-NOTES_AT_ONCE]}

    def _compare(self, subject: str, rows: list[Row], expected: list[oracle.Decisions]) -> None:
        decided: oracle.Decisions = {}
        for row in rows:
            decided[self._name(row)] = oracle.Decision(
                oracle.outcome(row.state, row.reason),
                row.chain if oracle.outcome(row.state, row.reason) == oracle.SEND else (),
            )
        if decided not in expected:
            promise = "no-webhook-lost/no-change-missed" if not decided else "one-decision/forwards"
            self.report(promise, f"{subject}: decided {decided}, expected {expected[:2]}")
        self.counts["subjects checked"] += 1

    def _name(self, row: Row) -> str:
        if row.recipient_id is None:
            return row.target.removeprefix("member:")
        return self._setup.recipient_names.get(row.recipient_id, f"recipient {row.recipient_id}")

    # no-webhook-lost, at-least-once-flagged, sent-means-id, dead-is-visible, harmless-text: the ledger against Webex

    def _collect_messages(self) -> set[tuple[str, str]]:
        """Store the messages since the last check and return the (subject, destination) of each."""
        new: set[tuple[str, str]] = set()
        messages = [each for each in self._setup.webex.call("messages") if not _OF_NO_TICKET.match(each["markdown"])]
        self._setup.webex.call("clear_messages")
        for message in messages:
            self._received_ids.add((message["destination"], message["id"]))
            self._collect_thread(message)
            for subject in self._subjects_of(message):
                key = (subject, message["destination"])
                known = self._received[key]
                known.first_at = known.first_at or timestamp(message["at"])
                known.ids.append(message["id"])
                new.add(key)
        self.counts["messages received"] += len(messages)
        return new

    def _collect_thread(self, message: dict[str, Any]) -> None:
        """Store a root; a reply must be to one about the same ticket, and a digest is neither (N2)."""
        head = None if calm.is_digest(message["markdown"]) else _HEAD.search(message["markdown"])
        if head:
            roots = self._roots[int(head[2]), self._by_webex_id.get(message["destination"], "")]
            if not message["parent_id"]:
                roots.add(message["id"])
            elif message["parent_id"] not in roots:
                self.report("threads", f"a message about ticket {head[2]} replies to one that is no root of it")
            self.counts["replies"] += bool(message["parent_id"])

    def _check_threads(self) -> None:
        """Check that a recipient has one root about a ticket, unless a repeat or a refused reply is flagged (N2)."""
        flagged = {(ticket, self._setup.recipient_names[number]) for ticket, number in self._ledger.flagged_messages()}
        for (ticket_id, name), roots in self._roots.items():
            if len(roots) > 1 and (ticket_id, name) not in flagged:
                self.report("threads", f"{name} got {len(roots)} messages about ticket {ticket_id} outside a thread")

    def _subjects_of(self, message: dict[str, Any]) -> set[str]:
        """Return the subjects that the text of a message shows; a digest shows those of several tickets."""
        return {each for text in calm.sections(message["markdown"]) for each in self._subjects_in(text, message)}

    def _subjects_in(self, text: str, message: dict[str, Any]) -> set[str]:
        """Return the subjects that a text about one ticket shows: an announcement, and notes by their markers."""
        head, markers = _HEAD.search(text), _MARKER.findall(text)
        if (
            "<@" in text
            or len(_LINK.findall(text)) != 1
            or "\n#" in text
            or head is None
            or len(markers) > NOTES_AT_ONCE
        ):
            self.report("harmless-text", f"the text of a message is not harmless: {text!r}")
        if head is None:
            return set()
        is_new, ticket_id = bool(_IS_NEW.search(text)), int(head[2])
        is_room = self._by_webex_id.get(message["destination"]) in fixtures.ROOMS
        subjects = {f"new:{ticket_id}"} if is_new else set()
        for ticket, note in filter(None, map(self._notes.get, markers)):
            if note.internal and is_room:
                self.report("B1", f"the text of an internal note is shown in a room: {text!r}")
            if ticket.id != ticket_id:
                self.report("harmless-text", f"a message about ticket {ticket_id} shows a note of {ticket.id}")
            subjects.add(note.subject)
        return subjects

    def _check_deliveries(self, new_rows: list[Row], new_messages: set[tuple[str, str]]) -> None:
        accounted: set[tuple[str, str]] = set()
        for row in new_rows:
            if row.recipient_id is None:
                continue
            name = self._name(row)
            destination = self._setup.webex_ids.get(name, "")
            key = (row.subject, destination)
            if self._is_without_marker(row, name):
                if row.state == "sent" and (destination, row.webex_message_id) not in self._received_ids:
                    self.report(
                        "no-webhook-lost/sent-means-id",
                        f"{row.subject} for {name} is sent, but Webex never received it",
                    )
                continue
            accounted.add(key)
            self._check_delivery(row, name, self._received.get(key, order.Received()))
        for key in new_messages - accounted:
            self._check_repeat(*key)

    def _is_without_marker(self, row: Row, name: str) -> bool:
        """Return whether a message has no marker of a topic: a change, an omitted note, an internal note in a room."""
        ticket = self._generator.tickets.get(row.ticket_id)
        is_internal = ticket is not None and any(note.internal for note in ticket.notes if note.subject == row.subject)
        return row.subject.startswith("change:") or not row.shown or (is_internal and name in fixtures.ROOMS)

    def _check_delivery(self, row: Row, name: str, received: order.Received) -> None:
        what, count = f"{row.subject} for {name} (notification {row.id})", len(received.ids)
        self.counts[f"notifications {row.state}"] += 1
        self.counts["notifications held"] += row.held_until is not None
        for problem in calm.held_problems(row, received.ids, received.first_at, self._slack_s):
            self.report("calm-exactly-once", f"{what} {problem}")
        if row.state == "sent":
            if not count:
                self.report("no-webhook-lost/sent-means-id", f"{what} is sent, but Webex never received it")
            elif row.webex_message_id not in received.ids:
                self.report("sent-means-id", f"{what} is sent as {row.webex_message_id}, but Webex has {received.ids}")
            if count > 1:
                self.counts["duplicates, flagged" if row.possible_duplicate else "duplicates, NOT flagged"] += 1
                if not row.possible_duplicate:
                    self.report("at-least-once-flagged", f"{what} arrived {count} times and is not flagged")
        elif count:
            self.report("at-least-once-flagged", f"{what} is {row.state}, but arrived {count} times")
        if row.state == "dead" and name != fixtures.DEAD_ROOM:
            self.report("dead-is-visible", f"{what} is dead: {row.error}")
        if row.state == "dead" and not row.error:
            self.report("dead-is-visible", f"{what} is dead without an error")
        self.counts["flagged as possible duplicates"] += row.possible_duplicate

    def _check_repeat(self, subject: str, destination: str) -> None:
        """Check a message that belongs to none of the new rows: it must repeat one of an earlier round."""
        name = self._by_webex_id.get(destination, destination)
        rows = [row for row in self._rows.get(subject, []) if self._name(row) == name]
        if not rows and subject in self._covered:
            return  # part of an announcement, without a row of its own
        if not rows:
            self.report(
                "at-least-once-flagged", f"Webex received {subject} for {name}, but the ledger has no row for it"
            )
            return
        count = len(self._received[subject, destination].ids)
        if not rows[0].possible_duplicate:
            self.report(
                "at-least-once-flagged", f"{subject} for {name} arrived again in a later round, {count} times in all"
            )

    # order

    def _check_order(self, new_rows: list[Row]) -> None:
        by_recipient: dict[str, list[tuple[float, Row]]] = defaultdict(list)
        for row in new_rows:
            name = self._name(row)
            received = self._received.get((row.subject, self._setup.webex_ids.get(name, "")))
            if row.state == "sent" and received:
                by_recipient[name].append((received.first_at, row))
        for name, arrived in by_recipient.items():
            for older, newer in order.overtaken(arrived):
                self.report(
                    "order", f"{name} got {newer.subject} before {older.subject}, which is not marked as overtaken"
                )
