"""P1, P3 to P6, W5, L1 to L5: the two queues under any order of hooks, claims, failures, crashes and clock jumps.

The machine plays ConnectWise, Webex and any number of workers and senders that may vanish or be paused at any point.
The rows, claims, leases and verdicts are the real ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ticketbot import db, errors
from ticketbot.decide import retry
from ticketbot.jobs import housekeeping
from ticketbot.models import events, notifications, routing, state

_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_TICKETS = st.integers(1, 3)
_PAUSES = st.sampled_from([1.0, 10.0, 31.0, 301.0, 3600.0, 25 * 3600.0])
_FINAL = (notifications.SENT, notifications.SKIPPED)

_EVENT_ERRORS: dict[str, Exception] = {
    "down": errors.RemoteUnavailable("down", service="connectwise", status=500),
    "throttled": errors.RemoteThrottled("slowly", service="connectwise", status=429, retry_after_s=20),
    "denied": errors.RemoteDenied("who are you", service="connectwise", status=401),
    "bug": ZeroDivisionError("oops"),
}
_MESSAGE_ERRORS: dict[str, Exception] = {
    "down": errors.RemoteUnavailable("down", service="webex", status=502),
    "throttled": errors.RemoteThrottled("slowly", service="webex", status=429, retry_after_s=20),
    "denied": errors.RemoteDenied("who are you", service="webex", status=401),
    "refused": errors.RemoteGone("no such room", service="webex", status=404),
    "bug": ZeroDivisionError("oops"),
}
_UNKNOWN = errors.RemoteUnavailable("no answer", service="webex", outcome_unknown=True)


@dataclass
class _Work:
    """An event in somebody's hands; `seen` are the changes its worker has read, None before it has."""

    event: events.Event
    owner: str
    lease_until: datetime
    seen: set[int] | None = None
    has_vanished: bool = False


@dataclass
class _Sending:
    """A message in somebody's hands."""

    row: notifications.Notification
    owner: str
    lease_until: datetime


@dataclass
class _Truth:
    """What a bystander knows: which change was acknowledged on which ticket, which is decided, what Webex took."""

    changes: dict[int, int] = field(default_factory=dict)  # change -> ticket
    decided: set[int] = field(default_factory=set)
    taken: list[int] = field(default_factory=list)  # ids of notifications in the order Webex took them
    out_of_turn: set[int] = field(default_factory=set)  # sent again on request, or by one who had lost his lease
    over: dict[int, str] = field(default_factory=dict)  # notifications that have met a fate for good


class Queues(RuleBasedStateMachine):
    """See the module."""

    @initialize()
    def start(self) -> None:
        self.now = _START
        self.truth = _Truth()
        self.working: list[_Work] = []
        self.sending: list[_Sending] = []
        self.owners = 0
        with db.transaction("test"):
            for model in (notifications.Notification, events.Event, events.SeenMessage, state.Hold, state.ConfigValue):
                model.delete().execute()
            routing.Recipient.delete().execute()
            self.people = [
                routing.Recipient.create(type=routing.PERSON, webex_id=f"webex-{n}", name=f"Person {n}").id
                for n in range(2)
            ]

    # What comes in

    @rule(ticket=_TICKETS)
    def hook(self, ticket: int) -> None:
        """A change, its hook committed and acknowledged."""
        change = len(self.truth.changes) + 1
        self._take_in(ticket, f"message-{change}")
        self.truth.changes[change] = ticket

    @precondition(lambda self: self.truth.changes)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """A hook that was seen before (W4)."""
        change = data.draw(st.sampled_from(sorted(self.truth.changes)))
        before = _event_rows()
        self._take_in(self.truth.changes[change], f"message-{change}")
        assert [row.hooks for row in _event_rows()] == [row.hooks for row in before]

    def _take_in(self, ticket: int, message_id: str) -> None:
        with db.transaction("accept"):
            if events.first_sights([message_id], self.now):
                events.add_or_fold([events.Change(ticket, "hook", "updated", None, message_id, self.now)])

    # Events

    @rule()
    def claim_event(self) -> None:
        owner = self._new_owner()
        event = events.claim(owner, self.now)
        if event is None:
            return
        others = [each for each in self.working if each.event.ticket_id == event.ticket_id]
        assert all(each.lease_until < self.now or each.has_vanished for each in others), "two workers on one ticket"
        self.working.append(_Work(event, owner, self.now + timedelta(seconds=events.LEASE_S)))

    @precondition(lambda self: self._alive())
    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        """The worker has fetched the ticket: it knows what has changed until now."""
        work = data.draw(st.sampled_from(self._alive()))
        work.seen = {change for change, ticket in self.truth.changes.items() if ticket == work.event.ticket_id}

    @precondition(lambda self: any(work.seen is not None for work in self._alive()))
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        work = data.draw(st.sampled_from([each for each in self._alive() if each.seen is not None]))
        self.working.remove(work)
        news = sorted(work.seen - self.truth.decided) if work.seen else []
        with db.transaction("finish-event"):
            if not events.finish(work.event, work.owner, now=self.now, decisions=[]):
                return
            rows = [self._draft(work.event, change, person) for change in news for person in self.people]
            assert notifications.add(rows) == len(rows), "told before"
            state.release("connectwise", called_at=self.now)
        self.truth.decided.update(news)

    def _draft(self, event: events.Event, change: int, person: int) -> dict[str, object]:
        return {
            "ticket_id": event.ticket_id,
            "event": event.id,
            "subject": f"note:TicketNote:{change}",
            "target": f"recipient:{person}",
            "kind": "update",
            "recipient": person,
            "state": notifications.PENDING,
            "created_at": self.now,
            "give_up_at": self.now + retry.GIVE_UP_AFTER,
            "next_try_at": self.now,
        }

    @precondition(lambda self: self._alive())
    @rule(data=st.data(), error=st.sampled_from(sorted(_EVENT_ERRORS)))
    def fail(self, data: st.DataObject, error: str) -> None:
        work = data.draw(st.sampled_from(self._alive()))
        self.working.remove(work)
        event = work.event
        with db.session():
            holds = state.times_held("connectwise", self.now)
        verdict = retry.event_failed(
            _EVENT_ERRORS[error],
            now=self.now,
            received_at=event.received_at,
            attempts=event.attempts,
            bugs=event.bugs,
            holds=holds,
            jitter=0.0,
        )
        event.attempts, event.bugs = verdict.attempts, verdict.bugs
        with db.transaction("return-event"):
            if verdict.hold_until:
                state.hold("connectwise", until=verdict.hold_until, now=self.now, reason=verdict.reason)
            if verdict.again_at is None:
                events.finish(event, work.owner, now=self.now, decisions=[], error=verdict.reason, dead=True)
            else:
                events.give_back(event, work.owner, due_at=verdict.again_at, error=verdict.reason)

    @precondition(lambda self: self._alive())
    @rule(data=st.data())
    def worker_vanishes(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self._alive())).has_vanished = True

    @precondition(lambda self: any(work.has_vanished for work in self.working))
    @rule(data=st.data(), times=st.integers(1, 2))
    def worker_is_found_dead(self, data: st.DataObject, times: int) -> None:
        """Another server of the machine sees that the process is gone; two may see it at once."""
        work = data.draw(st.sampled_from([each for each in self.working if each.has_vanished]))
        for _ in range(times):
            with db.transaction("release"):
                events.release(work.owner, self.now)
                notifications.release(work.owner, self.now)

    @rule()
    def revive_events(self) -> None:
        with db.transaction("retry"):
            events.revive(events.Event.id > 0, now=self.now)

    # Messages

    @rule()
    def claim_message(self) -> None:
        owner = self._new_owner()
        row = notifications.claim(owner, self.now)
        if row is None:
            return
        others = [each for each in self.sending if each.row.id == row.id]
        assert all(each.lease_until < self.now for each in others), "a message in the hands of two"
        assert row.give_up_at > self.now, "Friday's news"
        for older in _rows(
            notifications.Notification.id < row.id, notifications.Notification.recipient == row.recipient_id
        ):
            assert older.state not in (notifications.PENDING, notifications.SENDING) or older.overtaken, "out of order"
        self.sending.append(_Sending(row, owner, self.now + timedelta(seconds=notifications.LEASE_S)))

    @precondition(lambda self: self.sending)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """Webex takes the message and says so."""
        sending = self._hand_over(data)
        self._webex_takes(sending)
        changes = {"state": notifications.SENT, "webex_message_id": f"id-{len(self.truth.taken)}", "next_try_at": None}
        with db.transaction("sent"):
            notifications.record(sending.row.id, sending.owner, changes)
            state.release("webex", called_at=self.now)
            notifications.wake(self.now)

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), taken=st.booleans())
    def get_no_answer(self, data: st.DataObject, taken: bool) -> None:
        sending = self._hand_over(data)
        if taken:
            self._webex_takes(sending)
        self._not_sent(sending, _UNKNOWN)

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), error=st.sampled_from(sorted(_MESSAGE_ERRORS)))
    def get_refused(self, data: st.DataObject, error: str) -> None:
        self._not_sent(self._hand_over(data), _MESSAGE_ERRORS[error])

    @precondition(lambda self: self.sending)
    @rule(data=st.data(), taken=st.booleans(), is_found=st.booleans())
    def sender_vanishes(self, data: st.DataObject, taken: bool, is_found: bool) -> None:
        """Before the post or after it; its process may be found dead, or its lease has to run out."""
        sending = self._hand_over(data)
        if taken:
            self._webex_takes(sending)
        if is_found:
            with db.transaction("release"):
                notifications.release(sending.owner, self.now)

    def _hand_over(self, data: st.DataObject) -> _Sending:
        sending = data.draw(st.sampled_from(self.sending))
        self.sending.remove(sending)
        return sending

    def _webex_takes(self, sending: _Sending) -> None:
        self.truth.taken.append(sending.row.id)
        if sending.lease_until < self.now:
            self.truth.out_of_turn.add(sending.row.id)

    def _not_sent(self, sending: _Sending, error: Exception) -> None:
        row = sending.row
        with db.session():
            holds = state.times_held("webex", self.now)
        verdict = retry.message_failed(
            error,
            now=self.now,
            give_up_at=row.give_up_at,
            failures=row.failures,
            failing_since=row.failing_since,
            holds=holds,
            jitter=0.0,
        )
        changes = {
            "state": notifications.DEAD if verdict.again_at is None else notifications.PENDING,
            "failures": verdict.failures,
            "failing_since": verdict.failing_since,
            "next_try_at": verdict.again_at,
            "may_be_overtaken": verdict.may_be_overtaken,
            "possible_duplicate": row.possible_duplicate or verdict.possible_duplicate,
        }
        with db.transaction("not-sent"):
            notifications.record(row.id, sending.owner, changes)
            if verdict.hold_until:
                state.hold("webex", until=verdict.hold_until, now=self.now, reason=verdict.reason)

    @rule()
    def revive_messages(self) -> None:
        """Somebody asks for everything dead to be sent again (L5)."""
        self.truth.out_of_turn.update(row.id for row in _rows(notifications.Notification.state == notifications.DEAD))
        with db.transaction("retry"):
            every = notifications.Notification.id > 0
            notifications.revive(every, now=self.now, give_up_at=self.now + retry.GIVE_UP_AFTER)

    # What happens around them

    @rule(seconds=_PAUSES)
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def renew(self) -> None:
        """Every server that lives renews its leases; who has lost his notices it too late."""
        with db.transaction("renew"):
            for work in self._alive():
                if events.renew(work.event.id, work.owner, self.now):
                    work.lease_until = self.now + timedelta(seconds=events.LEASE_S)
            for sending in self.sending:
                if notifications.renew(sending.row.id, sending.owner, self.now):
                    sending.lease_until = self.now + timedelta(seconds=notifications.LEASE_S)

    @rule()
    def tidy(self) -> None:
        housekeeping.tidy_outbox(self.now)

    @rule(is_on=st.booleans())
    def switch(self, is_on: bool) -> None:
        with db.transaction("test"):
            state.write_config({"attempt_notify": is_on})

    # What must hold at every moment

    @invariant()
    def promises_are_kept(self) -> None:
        queue, rows = _event_rows(), _rows()
        _check_one_event_waits_and_one_runs(queue)
        self._check_no_hook_is_lost(queue)
        self._check_everybody_is_told_once(rows)
        self._check_order(rows)
        self._check_fates(rows)

    def _check_no_hook_is_lost(self, queue: Sequence[events.Event]) -> None:
        """Every acknowledged hook has an event that will see it, or saw it, or is dead for everybody to see (P1)."""
        for change, ticket in self.truth.changes.items():
            if change not in self.truth.decided:
                mine = [row for row in queue if row.ticket_id == ticket]
                will_see = [row for row in mine if row.state == events.RUNNING and not self._overlooks(row, change)]
                waits = any(row.state in (events.WAITING, events.DEAD) for row in mine)
                assert waits or will_see, f"change {change} is lost"

    def _overlooks(self, row: events.Event, change: int) -> bool:
        """Tell whether whoever works on an event has read the ticket before a change."""
        holders = [each for each in self._alive() if (each.event.id, each.owner) == (row.id, row.lease_owner)]
        return any(each.seen is not None and change not in each.seen for each in holders)

    def _check_everybody_is_told_once(self, rows: Sequence[notifications.Notification]) -> None:
        """P3, P4, P6."""
        assert len({(row.subject, row.target) for row in rows}) == len(rows)
        assert len(rows) == len(self.truth.decided) * len(self.people)
        assert all(row.webex_message_id for row in rows if row.state == notifications.SENT)
        twice = {row_id for row_id, times in Counter(self.truth.taken).items() if times > 1}
        assert twice <= {row.id for row in rows if row.possible_duplicate}, "told twice, and nothing says so"

    def _check_order(self, rows: Sequence[notifications.Notification]) -> None:
        """P5: in order per recipient, unless the ledger says who was overtaken."""
        known = {row.id: row for row in rows}
        for person in self.people:
            firsts = [each for each in dict.fromkeys(self.truth.taken) if known[each].recipient_id == person]
            for place, each in enumerate(firsts):
                is_late = each < max(firsts[:place], default=0) and each not in self.truth.out_of_turn
                assert not is_late or known[each].overtaken, f"{each} came late and nothing says so"

    def _check_fates(self, rows: Sequence[notifications.Notification]) -> None:
        """What is sent or skipped stays so."""
        now = {row.id: row.state for row in rows}
        assert {row_id: now[row_id] for row_id in self.truth.over} == self.truth.over
        self.truth.over |= {row_id: fate for row_id, fate in now.items() if fate in _FINAL}

    # And in the end

    def teardown(self) -> None:
        """Let everybody finish: then every acknowledged change is decided and every message has met its fate."""
        if not hasattr(self, "truth"):
            return
        self.switch(is_on=True)
        self.working, self.sending = [], []
        for _ in range(12):
            self.now += timedelta(seconds=301)
            self.revive_events()
            self.tidy()
            self._work_all_off()
        assert self.truth.decided == set(self.truth.changes)
        assert {row.state for row in _event_rows()} <= {events.DONE}
        assert {row.state for row in _rows()} <= {*_FINAL, notifications.DEAD}
        self.promises_are_kept()

    def _work_all_off(self) -> None:
        while event := events.claim("last", self.now):
            with db.transaction("finish-event"):
                assert events.finish(event, "last", now=self.now, decisions=[])
                seen = {change for change, ticket in self.truth.changes.items() if ticket == event.ticket_id}
                news = sorted(seen - self.truth.decided)
                notifications.add([self._draft(event, change, person) for change in news for person in self.people])
            self.truth.decided.update(news)
        while row := notifications.claim("last", self.now):
            self.truth.taken.append(row.id)
            with db.transaction("sent"):
                notifications.record(row.id, "last", {"state": notifications.SENT, "webex_message_id": "last"})

    def _alive(self) -> list[_Work]:
        return [work for work in self.working if not work.has_vanished]

    def _new_owner(self) -> str:
        self.owners += 1
        return f"server-{self.owners}"


def _rows(*conditions: object) -> list[notifications.Notification]:
    query = notifications.Notification.select().order_by(notifications.Notification.id)
    with db.session():
        return list(query.where(*conditions) if conditions else query)


def _check_one_event_waits_and_one_runs(queue: Sequence[events.Event]) -> None:
    """W5."""
    open_states = (events.WAITING, events.RUNNING)
    assert set(Counter((row.ticket_id, row.state) for row in queue if row.state in open_states).values()) <= {1}


def _event_rows() -> list[events.Event]:
    with db.session():
        return list(events.Event.select().order_by(events.Event.id))


def _play(examples: int, steps: int) -> None:
    settings = hypothesis.settings(
        max_examples=examples, stateful_step_count=steps, suppress_health_check=list(hypothesis.HealthCheck)
    )
    run_state_machine_as_test(Queues, settings=settings)


def test_the_queues_keep_their_promises_on_sqlite(sqlite: str) -> None:
    with db.session():
        db.database.execute_sql("PRAGMA synchronous = off")  # no power is cut here
    _play(examples=60, steps=40)


@pytest.mark.postgres
def test_the_queues_keep_their_promises_on_postgres(migrated_postgres: str) -> None:
    db.open_database(migrated_postgres)
    with db.session():
        db.database.execute_sql("SET synchronous_commit = off")
    try:
        _play(examples=15, steps=40)
    finally:
        db.close_database()
