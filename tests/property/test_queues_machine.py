"""The two queues under any order of webhooks, claims, failures, crashes and clock jumps (W5, L1 to L5).

The machine simulates ConnectWise, Webex and any number of workers and senders that can vanish or pause at any point.
The rows, claims and retry decisions are the real ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.databases import fresh_postgres
from tests.ledger import draft
from tests.property import reference_model
from tests.property.reference_model import ReferenceModel, SendAttempt, Work
from ticketbot import errors
from ticketbot.background import heartbeat, outbox_upkeep
from ticketbot.database import db
from ticketbot.decide import retry
from ticketbot.models import event_claims, events, holds, messages, notifications, recipients, runtime_config, threads

_TIMES = int(
    os.environ.get("TBOT_TEST_EXAMPLES", "1")
)  # `TBOT_TEST_EXAMPLES=100` runs a hundred times as many examples
_START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_TICKETS = st.integers(1, 2)
_PAUSES = st.sampled_from([31.0, 31.0, 1.0, 1.0, 301.0, 25 * 3600.0])
_STEPS = [
    *["hook"] * 4,
    *["event claim"] * 3, *["event finish"] * 3, "event read", "event read", "event fail", "event vanish",
    *["message claim"] * 4, *["message send"] * 2, "message refusal", "message refusal", "message silence",
    "message vanish", *["time"] * 4, "tidy", "retry", "switch",
]  # fmt: skip

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


class Queues(RuleBasedStateMachine):
    """The state machine."""

    @initialize()
    def start(self) -> None:
        self.now = _START
        self.working: list[Work] = []
        self.sending: list[SendAttempt] = []
        self.owners = 0
        self.vanished: list[int] = []
        with db.transaction("test"):
            for model in (
                notifications.Notification,
                messages.Message,
                events.Event,
                events.ProcessedMessage,
                holds.Hold,
                runtime_config.ConfigValue,
                threads.Thread,
            ):
                model.delete().execute()
            recipients.Recipient.delete().execute()
            people = [
                recipients.Recipient.create(type=recipients.PERSON, webex_id=f"webex-{n}", name=f"Person {n}").id
                for n in range(2)
            ]
        self.model = ReferenceModel(people)

    # One rule for all steps: Hypothesis disables some of several rules in each run, and too little would happen.

    @rule(step=st.sampled_from(_STEPS), data=st.data())
    def step(self, step: str, data: st.DataObject) -> None:
        match step.split():
            case ["hook"]:
                self._hook(data.draw(_TICKETS), copies=data.draw(st.integers(1, 2)))
            case ["event", step]:
                self._at_an_event(step, data)
            case ["message", step]:
                self._at_a_message(step, data)
            case ["tidy"]:
                self._tidy()
            case ["retry"]:
                self._retry()
            case ["switch"]:
                self._switch(is_on=data.draw(st.sampled_from([True, True, False])))
            case _:
                self.now += timedelta(seconds=data.draw(_PAUSES))

    def _hook(self, ticket: int, copies: int) -> None:
        """Commit and acknowledge the webhook of a change; replays have no effect (W4)."""
        change = len(self.model.changes) + 1
        message_id = f"message-{change}"
        for copy in range(copies):
            with db.transaction("accept"):
                is_new = bool(events.new_message_ids([message_id], self.now))
                assert is_new == (copy == 0)
                if is_new:
                    events.enqueue([events.Change(ticket, "hook", "updated", None, message_id, self.now)])
        self.model.changes[change] = ticket

    def _at_an_event(self, step: str, data: st.DataObject) -> None:
        """Let a worker claim an event, read the ticket, commit, fail, or vanish."""
        alive = self._alive()
        if step == "claim" or not alive:
            self._claim_event()
            return
        work = data.draw(st.sampled_from(alive))
        if step == "read":
            work.seen = self.model.of(work.event.ticket_id)
        elif step == "finish":
            self._finish(work)
        elif step == "fail":
            self._fail(work, _EVENT_ERRORS[data.draw(st.sampled_from(sorted(_EVENT_ERRORS)))])
        else:
            self._vanish(work, found_by=data.draw(st.integers(0, 2)))

    def _at_a_message(self, step: str, data: st.DataObject) -> None:
        """Let a sender claim a message; Webex accepts it or not, and responds or not."""
        if step == "claim" or not self.sending:
            self._claim_message()
            return
        sending = data.draw(st.sampled_from(self.sending))
        self.sending.remove(sending)
        if sending.was_posted:
            self._sent(sending)
            return
        takes = step == "send" or (step != "refusal" and data.draw(st.booleans()))
        if takes:
            self._webex_takes(sending)
        if step == "send":
            self._sent(sending)
        elif step == "silence":
            self._not_sent(sending, _UNKNOWN)
        elif step == "refusal":
            self._not_sent(sending, _MESSAGE_ERRORS[data.draw(st.sampled_from(sorted(_MESSAGE_ERRORS)))])
        else:
            self.vanished.append(sending.owner)
            if data.draw(st.booleans()):  # it was only paused, and continues after it was taken for dead
                sending.was_posted = takes
                self.sending.append(sending)

    # Events

    def _claim_event(self) -> None:
        owner = self._new_owner()
        event = event_claims.claim(owner, self.now)
        if event is None:
            return
        others = [each for each in self._alive() if each.event.ticket_id == event.ticket_id]
        assert not others, "two workers claimed one ticket"
        self.working.append(Work(event, owner))

    def _finish(self, work: Work) -> None:
        self.working.remove(work)
        seen = self.model.of(work.event.ticket_id) if work.seen is None else work.seen
        news = sorted(seen - self.model.decided)
        is_owner = self._holds(work)
        with db.transaction("finish-event"):
            assert events.finish(work.event, now=self.now, decisions=[]) == is_owner
            if not is_owner:
                return
            self._add(self._drafts(work.event, news))
            holds.end("connectwise", called_at=self.now)
        self.model.decided.update(news)

    def _holds(self, work: Work) -> bool:
        row = next(row for row in _event_rows() if row.id == work.event.id)
        return bool(row.state == events.RUNNING and row.server_id == work.owner)

    def _drafts(self, event: events.Event, news: Iterable[int]) -> list[dict[str, object]]:
        return [self._draft(event, change, person) for change in news for person in self.model.people]

    def _draft(self, event: events.Event, change: int, person: int) -> dict[str, object]:
        return {
            **draft(event.ticket_id, person, self.now, event=event.id),
            "subject": f"note:TicketNote:{change}",
        }

    def _add(self, rows: list[dict[str, object]]) -> None:
        assert not rows or notifications.add(rows), "decided twice"
        messages.attach(rows, self.now)

    def _fail(self, work: Work, error: Exception) -> None:
        self.working.remove(work)
        event = work.event
        with db.session():
            failed_holds = holds.failed_in_a_row("connectwise", self.now)
        verdict = retry.event_failed(
            error,
            now=self.now,
            received_at=event.received_at,
            attempts=event.attempts,
            bugs=event.bugs,
            failed_holds=failed_holds,
            jitter=0.0,
        )
        event.attempts, event.bugs = verdict.attempts, verdict.bugs
        with db.transaction("return-event"):
            if verdict.hold_until:
                holds.begin("connectwise", until=verdict.hold_until, now=self.now, reason=verdict.reason)
            if verdict.retry_at is None:
                events.finish(event, now=self.now, decisions=[], error=verdict.reason, dead=True)
            else:
                events.requeue(event, due_at=verdict.retry_at, error=verdict.reason)

    def _vanish(self, work: Work, found_by: int) -> None:
        """End the process of a worker; no, one or two other servers notice at once."""
        work.has_vanished = True
        self.vanished.append(work.owner)
        for _ in range(found_by):
            heartbeat.release(work.owner, self.now)

    def _tidy(self) -> None:
        """Tidy the outbox and release dead servers; whichever was paused too long counts as dead."""
        outbox_upkeep.tidy_outbox(self.now)
        for owner in self.vanished:
            heartbeat.release(owner, self.now)
        for sending in self.sending:
            sending.was_taken_over |= sending.owner in self.vanished
        self.vanished = []

    # Messages

    def _claim_message(self) -> None:
        owner = self._new_owner()
        claimed = messages.claim(owner, self.now)
        if claimed is None:
            return
        message = claimed.message
        others = [each for each in self.sending if each.claimed.message.id == message.id]
        assert all(each.was_taken_over for each in others), "a message claimed by two senders"
        assert all(row.give_up_at > self.now for row in claimed.notifications), "claimed an overdue message"
        for older in _messages():
            if older.recipient_id == message.recipient_id and older.place < message.place:
                assert older.state not in (notifications.PENDING, notifications.SENDING) or older.overtaken, (
                    "out of order"
                )
        self.sending.append(SendAttempt(claimed, owner))

    def _sent(self, sending: SendAttempt) -> None:
        changes = {"state": notifications.SENT, "webex_message_id": f"id-{len(self.model.accepted)}"}
        with db.transaction("sent"):
            messages.record(sending.claimed, changes)
            holds.end("webex", called_at=self.now)
            messages.retry_backing_off_now(self.now)

    def _webex_takes(self, sending: SendAttempt) -> None:
        self.model.record_post(sending.claimed)
        if sending.was_taken_over:
            self.model.out_of_turn.update(int(row.id) for row in sending.claimed.notifications)

    def _not_sent(self, sending: SendAttempt, error: Exception) -> None:
        row = sending.claimed.message
        with db.session():
            failed_holds = holds.failed_in_a_row("webex", self.now)
        verdict = retry.message_failed(
            error,
            now=self.now,
            give_up_at=max(each.give_up_at for each in sending.claimed.notifications),
            failures=row.failures,
            failing_since=row.failing_since,
            failed_holds=failed_holds,
            jitter=0.0,
        )
        changes = {
            "state": notifications.DEAD if verdict.retry_at is None else notifications.PENDING,
            "failures": verdict.failures,
            "failing_since": verdict.failing_since,
            "due_at": verdict.retry_at or self.now,
            "may_be_overtaken": verdict.may_be_overtaken,
            "possible_duplicate": row.possible_duplicate or verdict.possible_duplicate,
        }
        with db.transaction("not-sent"):
            died = {"died_at": self.now} if verdict.retry_at is None else {}
            messages.record(sending.claimed, changes, died)
            if verdict.hold_until:
                holds.begin("webex", until=verdict.hold_until, now=self.now, reason=verdict.reason)

    # Operations

    def _retry(self) -> None:
        """Retry everything dead (L5, T7)."""
        self.model.out_of_turn.update(row.id for row in _rows(notifications.Notification.state == notifications.DEAD))
        with db.transaction("retry"):
            every = notifications.Notification.id > 0
            messages.retry_dead(every, now=self.now, give_up_at=self.now + retry.GIVE_UP_AFTER)
            events.retry_dead(events.Event.id > 0, now=self.now)

    def _switch(self, *, is_on: bool) -> None:
        with db.transaction("test"):
            runtime_config.save({"attempt_notify": is_on})

    @invariant()
    def promises_are_kept(self) -> None:
        queue, rows = _event_rows(), _rows()
        reference_model.check_one_event_waits_and_one_runs(queue)
        self.model.check_no_webhook_is_lost(queue, self._alive())
        carried_by = {row.id: row for row in _messages()}
        self.model.check_everybody_is_notified_once(rows, carried_by)
        self.model.check_order(carried_by)
        self.model.check_final_states(rows)

    # The end of a run

    def teardown(self) -> None:
        """Finish all work; then every acknowledged change is decided and every message is finished."""
        if not hasattr(self, "model"):
            return
        self._switch(is_on=True)
        self.vanished += [each.owner for each in (*self.working, *self.sending)]
        self.working, self.sending = [], []
        for _ in range(12):
            self.now += timedelta(seconds=301)  # longer than any hold after a few rounds
            self._retry()
            self._tidy()
            self._work_all_off()
            if self._all_is_over():
                break
        assert self.model.decided == set(self.model.changes)
        assert self._all_is_over()
        self.promises_are_kept()

    def _all_is_over(self) -> bool:
        fates = {row.state for row in _event_rows()} | {row.state for row in _rows()}
        return fates <= {events.DONE, *reference_model.FINAL}

    def _work_all_off(self) -> None:
        while event := event_claims.claim(0, self.now):
            with db.transaction("finish-event"):
                assert events.finish(event, now=self.now, decisions=[])
                news = sorted(self.model.of(event.ticket_id) - self.model.decided)
                self._add(self._drafts(event, news))
            self.model.decided.update(news)
        while claimed := messages.claim(0, self.now):
            self.model.record_post(claimed)
            with db.transaction("sent"):
                messages.record(claimed, {"state": notifications.SENT, "webex_message_id": "last"})

    def _alive(self) -> list[Work]:
        return [work for work in self.working if not work.has_vanished]

    def _new_owner(self) -> int:
        self.owners += 1
        return self.owners


def _rows(*conditions: object) -> list[notifications.Notification]:
    query = notifications.Notification.select().order_by(notifications.Notification.id)
    with db.session():
        return list(query.where(*conditions) if conditions else query)


def _messages() -> list[messages.Message]:
    with db.session():
        return list(messages.Message.select().order_by(messages.Message.id))


def _event_rows() -> list[events.Event]:
    with db.session():
        return list(events.Event.select().order_by(events.Event.id))


def _play(examples: int) -> None:
    settings = hypothesis.settings(
        max_examples=examples * _TIMES, stateful_step_count=40, suppress_health_check=list(hypothesis.HealthCheck)
    )
    run_state_machine_as_test(Queues, settings=settings)


def test_queues_keep_their_promises_on_sqlite(sqlite: str) -> None:
    with db.session():
        db.database.execute_sql("PRAGMA synchronous = off")  # no power failure here
    _play(examples=30)


@pytest.mark.postgres
def test_queues_keep_their_promises_on_postgres(migrated_postgres: str) -> None:
    db.open_database(fresh_postgres(migrated_postgres))  # it may have rows of another test
    with db.session():
        db.database.execute_sql("SET synchronous_commit = off")
    try:
        _play(examples=10)
    finally:
        db.close_database()
