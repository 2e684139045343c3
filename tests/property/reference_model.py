"""A reference model of the queues: what was acknowledged, decided and accepted by Webex, and what must follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ticketbot.models import events, messages, notifications

FINAL = (notifications.SENT, notifications.SKIPPED)


@dataclass
class Work:
    """A claimed event; `seen` are the changes that its worker has read, None before it has read any."""

    event: events.Event
    owner: int
    seen: set[int] | None = None
    has_vanished: bool = False


@dataclass
class SendAttempt:
    """A claimed message."""

    claimed: messages.Claimed
    owner: int
    was_taken_over: bool = False
    was_posted: bool = False  # before it was paused


@dataclass
class ReferenceModel:
    """The invariants of the queues; changes are numbered, `people` are the recipients of each."""

    people: Sequence[int]
    changes: dict[int, int] = field(default_factory=dict)  # acknowledged change -> ticket
    decided: set[int] = field(default_factory=set)
    accepted: list[int] = field(default_factory=list)  # ids of notifications in the order Webex accepted them
    posts: list[messages.Claimed] = field(default_factory=list)
    out_of_turn: set[int] = field(default_factory=set)  # resent on request, or sent by a server taken for dead
    final_states: dict[int, str] = field(default_factory=dict)  # notifications in a final state

    def of(self, ticket: int) -> set[int]:
        """Return the changes of a ticket so far, as a worker reads them."""
        return {change for change, changed in self.changes.items() if changed == ticket}

    def check_no_webhook_is_lost(self, queue: Sequence[events.Event], working: Sequence[Work]) -> None:
        """no-webhook-lost: every acknowledged webhook is decided, or has a running, waiting or dead event."""
        for change, ticket in self.changes.items():
            if change not in self.decided:
                own = [row for row in queue if row.ticket_id == ticket]
                will_see = [row for row in own if row.state == events.RUNNING and not _overlooks(working, row, change)]
                waits = any(row.state in (events.WAITING, events.DEAD) for row in own)
                assert waits or will_see, f"change {change} is lost"

    def check_everybody_is_notified_once(
        self, rows: Sequence[notifications.Notification], carried_by: Mapping[int, messages.Message]
    ) -> None:
        """one-decision, at-least-once-flagged, sent-means-id."""
        assert len({(row.subject, row.target) for row in rows}) == len(rows)
        assert len(rows) == len(self.decided) * len(self.people)
        assert all(carried_by[row.message_id].webex_message_id for row in rows if row.state == notifications.SENT)
        twice = {row_id for row_id, times in Counter(self.accepted).items() if times > 1}
        flagged = {row.id for row in rows if row.message_id and carried_by[row.message_id].possible_duplicate}
        assert twice <= flagged, "sent twice without a flag"

    def record_post(self, claimed: messages.Claimed) -> None:
        """Record that Webex accepted a post."""
        self.posts.append(claimed)
        self.accepted += [int(row.id) for row in claimed.notifications]

    def check_order(self, carried_by: Mapping[int, messages.Message]) -> None:
        """order: by the oldest notification of each message, unless it is marked as overtaken."""
        latest: dict[int, int] = {}
        seen: set[int] = set()
        for message, carried, _, _ in self.posts:
            is_excused = message.id in seen or any(row.id in self.out_of_turn for row in carried)
            seen.add(message.id)
            if message.place < latest.get(message.recipient_id, 0) and not is_excused:
                assert carried_by[message.id].overtaken, (
                    f"message {message.id} came late and is not marked as overtaken"
                )
            latest[message.recipient_id] = max(latest.get(message.recipient_id, 0), message.place)

    def check_final_states(self, rows: Sequence[notifications.Notification]) -> None:
        """Sent and skipped notifications never change state."""
        now = {row.id: row.state for row in rows}
        assert {row_id: now[row_id] for row_id in self.final_states} == self.final_states
        self.final_states |= {row_id: state for row_id, state in now.items() if state in FINAL}


def check_one_event_waits_and_one_runs(queue: Sequence[events.Event]) -> None:
    """A ticket has at most one waiting and one running event (W5)."""
    open_states = (events.WAITING, events.RUNNING)
    assert set(Counter((row.ticket_id, row.state) for row in queue if row.state in open_states).values()) <= {1}


def _overlooks(working: Sequence[Work], row: events.Event, change: int) -> bool:
    """Return whether the worker of an event read the ticket before a change."""
    holders = [each for each in working if (each.event.id, each.owner) == (row.id, row.server_id)]
    return any(each.seen is not None and change not in each.seen for each in holders)
