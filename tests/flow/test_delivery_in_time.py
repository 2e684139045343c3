"""L1 to L5 and D1 in simulated time: what becomes of messages while Webex says no, or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime

import pytest

from tests.clock import START
from tests.environment import ledger, wait_for
from tests.simulated_time import Stepper, received_notes, rows_of
from ticketbot import metrics
from ticketbot.background import outbox_upkeep
from ticketbot.database import db
from ticketbot.models import holds, messages, plain_messages, recipients
from ticketbot.pipeline import deliver, process_event
from ticketbot.simulators import faults
from ticketbot.simulators.request_log import Call
from ticketbot.simulators.webex import TOO_LONG


def _posts(stepper: Stepper) -> list[Call]:
    return [call for call in stepper.world.webex.calls.log() if call.operation == "POST messages"]


def _hold() -> holds.Hold | None:
    with db.session():
        return holds.latest("webex")


def _write(stepper: Stepper, ticket: int, *notes: str) -> None:
    for text in notes:
        stepper.clock.advance(seconds=1)  # ConnectWise dates notes in whole seconds
        stepper.note(ticket, text)
    stepper.accept_webhook(ticket)


def _decide(stepper: Stepper) -> None:
    """Work the events off, and leave the messages."""
    while process_event.process_next(stepper.events):
        pass


def _taken_over_by_another_server(stepper: Stepper) -> Callable[[], None]:
    """Return a pause so long that another server sends what was under way."""
    _, other_desk = stepper.server()

    def pause() -> None:
        stepper.mark_dead(stepper.messages.server.id)
        assert deliver.send_next(other_desk)

    return pause


def _counted(state_: str) -> float:
    """Return how many notifications `/metrics` counts in a state, whatever the reason."""
    samples = [sample for metric in metrics.NOTIFICATIONS.collect() for sample in metric.samples]
    return sum(each.value for each in samples if each.name.endswith("_total") and each.labels["state"] == state_)


def test_after_a_429_and_a_502_every_message_arrives_in_order(stepper: Stepper) -> None:
    """L2, L4: done-line 3."""
    ticket = stepper.announce("ana", "ben", note="zero")
    stepper.world.webex.faults.add(faults.throttled("2", path="/messages", times=1))
    stepper.world.webex.faults.add(faults.html(502, path="/messages", times=1))
    before = len(_posts(stepper))
    _write(stepper, ticket, "one", "two", "three")
    started = stepper.clock()
    stepper.run(minutes=1)

    assert (
        received_notes(stepper.world, "Ana Alvarez")
        == received_notes(stepper.world, "Ben Bauer")
        == ["zero", "one", "two", "three"]
    )
    assert {row.state for row in ledger()} == {"sent"}
    assert [call.status for call in _posts(stepper)[before:]] == [429, 502] + [200] * 2
    waited = [call.at - started for call in _posts(stepper)[before:]]
    assert waited[:2] == [timedelta(0), timedelta(seconds=2)]
    assert not any(row.overtaken or row.possible_duplicate for row in ledger())


def test_message_that_always_fails_is_overtaken_and_dead_after_a_day(stepper: Stepper) -> None:
    """L4, L2: done-line 3."""
    room = stepper.world.add_rule("Help Desk")
    stepper.world.webex.faults.add(faults.poison(text="poisoned"))
    for note in ("first", "poisoned", "third", "fourth", "fifth"):
        stepper.announce(note=note)
    stepper.run(minutes=10)

    assert received_notes(stepper.world, "Help Desk") == ["first", "third", "fourth", "fifth"]
    poisoned, *others = sorted(rows_of("Help Desk"), key=lambda row: row.state != "pending")
    assert (poisoned.state, poisoned.overtaken, poisoned.recipient_id) == ("pending", True, room)
    assert poisoned.attempts >= 5
    assert not any(row.overtaken for row in others)

    stepper.clock.advance(hours=23, minutes=30)
    stepper.run(minutes=21)
    (dead,) = [row for row in rows_of("Help Desk") if row.state == "dead"]
    assert dead.id == poisoned.id
    assert "given up after 24 hours" in dead.error
    assert "Bad gateway" in dead.error
    assert len([row for row in ledger() if row.state == "sent"]) == 4


def test_failures_of_one_recipient_do_not_delay_others(stepper: Stepper) -> None:
    """L4."""
    ticket = stepper.announce("ana", "ben", note="zero")
    stepper.world.webex.faults.add(faults.poison(destination=stepper.world.accounts["ana"]))
    _write(stepper, ticket, "one", "two")
    started = stepper.clock()
    stepper.work()

    assert received_notes(stepper.world, "Ben Bauer") == ["zero", "one", "two"]
    assert stepper.clock() == started


def test_message_without_a_response_is_resent_and_flagged(stepper: Stepper) -> None:
    """L2, at-least-once-flagged."""
    stepper.world.webex.faults.add(faults.accept_then_drop(path="/messages", times=1))
    stepper.announce("ana", note="zero")
    stepper.run(minutes=1)

    (row,) = ledger()
    assert (row.state, row.possible_duplicate, row.attempts) == ("sent", True, 2)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "zero"]
    assert row.webex_message_id == stepper.world.webex.messages()[-1].id


@pytest.mark.parametrize("response", ["{}", '{"id": ""}', '{"id": null}', "[]", '"OK"'])
def test_response_without_an_id_is_no_success(stepper: Stepper, response: str) -> None:
    """L1, sent-means-id."""
    stepper.world.webex.faults.add(faults.wrong_json(response, path="/messages", times=1))
    stepper.announce("ana", note="zero")
    (row,) = ledger()
    assert (row.state, row.webex_message_id, row.possible_duplicate) == ("pending", None, True)

    stepper.run(minutes=1)
    (row,) = ledger()
    assert (row.state, row.possible_duplicate) == ("sent", True)
    assert row.webex_message_id == stepper.world.webex.messages()[-1].id


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        ("rand(30),add(30)", timedelta(seconds=1)),
        (None, timedelta(seconds=1)),
        ("0", timedelta(seconds=1)),
        (format_datetime(START + timedelta(seconds=60), usegmt=True), timedelta(seconds=60)),
        ("99999", timedelta(minutes=15)),
    ],
    ids=["nonsense", "absent", "zero", "a date", "far too long"],
)
def test_valid_retry_after_is_honored(stepper: Stepper, retry_after: str | None, wait: timedelta) -> None:
    """L2."""
    stepper.world.webex.faults.add(faults.throttled(retry_after, path="/messages", times=1))
    stepper.announce("ana", "ben", note="zero")
    stepper.run(minutes=20)

    refused, *sent = _posts(stepper)
    assert refused.at == START
    assert [call.at - START for call in sent] == [wait, wait]
    assert {row.state for row in ledger()} == {"sent"}


def test_401_holds_all_sending_and_nothing_dies_within_a_day(stepper: Stepper) -> None:
    """L3, O2."""
    ticket = stepper.announce("ana", "ben", note="zero")
    token, stepper.world.webex.token = stepper.world.webex.token, "another"
    _write(stepper, ticket, "one", "two")
    stepper.run(minutes=20)
    stepper.clock.advance(hours=23)
    stepper.run(minutes=20)

    assert {row.state for row in ledger()} == {"sent", "pending"}
    assert stepper.checks() | {"webex": ""} == dict.fromkeys(stepper.checks(), "ok") | {"webex": ""}
    assert stepper.checks()["webex"] == "attention"
    assert not any(row.overtaken or row.may_be_overtaken for row in ledger())

    stepper.world.webex.token = token
    stepper.run(minutes=6)
    assert (
        received_notes(stepper.world, "Ana Alvarez")
        == received_notes(stepper.world, "Ben Bauer")
        == ["zero", "one", "two"]
    )
    assert set(stepper.checks().values()) == {"ok"}


def test_unsent_message_is_dead_after_a_day_even_during_a_hold(stepper: Stepper) -> None:
    """L2."""
    ticket = stepper.announce("ana", note="zero")
    token, stepper.world.webex.token = stepper.world.webex.token, "another"
    _write(stepper, ticket, "one", "two")
    stepper.run(minutes=20)
    stepper.clock.advance(hours=23, minutes=30)
    stepper.run(minutes=11)
    assert [row.state for row in ledger()] == ["sent", "dead", "dead"]
    assert all(row.error for row in ledger() if row.state == "dead")

    stepper.world.webex.token = token
    _write(stepper, ticket, "three")
    stepper.run(minutes=6)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "three"]


def test_server_started_after_a_weekend_does_not_send_fridays_messages(stepper: Stepper) -> None:
    """L2: neither what waited nor what was on its way."""
    ticket = stepper.announce("ana", "ben", note="zero")
    _write(stepper, ticket, "one", "two")
    _decide(stepper)
    vanished = stepper.add_server()
    assert messages.claim(vanished, stepper.clock()) is not None
    posts = len(_posts(stepper))
    stepper.clock.advance(hours=60)
    while deliver.send_next(stepper.messages):  # before the housekeeping has had its first look
        pass
    stepper.mark_dead(vanished)
    stepper.work()
    assert len(_posts(stepper)) == posts
    assert [row.state for row in ledger()] == ["sent"] * 2 + ["dead"] * 4


@pytest.mark.parametrize(
    ("status", "words"), [(400, "Bad Request: no"), (403, "Not allowed here"), (404, "Could not find a room")]
)
def test_refused_message_is_dead_at_once_with_webexs_message(stepper: Stepper, status: int, words: str) -> None:
    """L3, dead-is-visible."""
    ticket = stepper.announce("ana", "ben", note="zero")
    refusal = faults.status(
        status, words, destination=stepper.world.accounts["ana"], headers={"trackingId": "ROUTER_42"}, times=1
    )
    stepper.world.webex.faults.add(refusal)
    for note in ("one", "two"):
        _write(stepper, ticket, note)
        stepper.work()

    assert received_notes(stepper.world, "Ben Bauer") == ["zero", "one", "two"]
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "two"]
    (dead,) = [row for row in ledger() if row.state == "dead"]
    assert (dead.recipient_name, dead.tracking_id, dead.attempts) == ("Ana Alvarez", "ROUTER_42", 1)
    assert words in dead.error
    assert "ROUTER_42" in dead.error


def test_death_of_a_refused_message_is_the_time_of_refusal(stepper: Stepper) -> None:
    """L5: `retry --dead` selects by this moment."""
    stepper.world.webex.faults.add(faults.status(403, "Not allowed here", path="/messages", times=1))
    stepper.announce("ana")
    (row,) = ledger()
    assert (row.state, row.died_at) == ("dead", stepper.clock())


def test_death_of_an_overdue_message_is_the_time_it_was_given_up(stepper: Stepper) -> None:
    """L5: not when its 24 hours ended, since no server was running then."""
    ticket = stepper.announce("ana", note="zero")
    _write(stepper, ticket, "one")
    _decide(stepper)
    stepper.clock.advance(hours=60)
    outbox_upkeep.tidy_outbox(stepper.clock())
    _, row = ledger()
    assert (row.state, row.died_at) == ("dead", stepper.clock())


@pytest.mark.parametrize("status", [401, 503])
def test_a_message_without_a_ticket_is_dead_after_a_day_even_during_a_hold(stepper: Stepper, status: int) -> None:
    """L2, L8: nobody wants Monday's news on Thursday."""
    room = recipients.recipient(stepper.world.add_room("Ops"))
    stepper.world.webex.faults.add(faults.status(status, path="/messages"))
    with db.transaction("test"):
        plain_messages.add(room, "**Monday's news**", stepper.clock())
    stepper.run(hours=25)
    stepper.world.webex.faults.clear()
    stepper.run(hours=1)
    assert stepper.world.webex.messages() == []
    with db.session():
        (message,) = messages.Message.select()
    assert (message.state, "24 hours" in message.error) == ("dead", True)


def test_a_message_that_webex_finds_too_long_is_shortened_by_half_once(stepper: Stepper) -> None:
    """B2."""
    stepper.world.webex.faults.add(faults.status(400, TOO_LONG, path="/messages", times=1))
    stepper.announce("ana", note="word " * 100)
    (row,) = ledger()
    assert (row.state, row.attempts) == ("sent", 1)
    (message,) = stepper.world.webex.messages()
    assert len(_posts(stepper)) == 2
    assert message.markdown.endswith("…")


def test_a_message_that_is_too_long_even_by_half_is_dead(stepper: Stepper) -> None:
    """B2, L3."""
    stepper.world.webex.faults.add(faults.status(400, TOO_LONG, path="/messages", times=2))
    stepper.announce("ana", note="word " * 100)
    (row,) = ledger()
    assert row.state == "dead"
    assert "7439" in row.error
    assert len(_posts(stepper)) == 2


def test_after_one_success_everything_that_waits_is_due_at_once(stepper: Stepper) -> None:
    """L2: Webex was away for an hour, so most of what waits would wait for minutes more."""
    tickets = [stepper.announce("ana", "ben", "cora", note="zero") for _ in range(3)]
    outage = stepper.world.webex.faults.add(faults.html(502, path="/messages"))
    for ticket in tickets:
        _write(stepper, ticket, "one")
        stepper.run(minutes=20)
    stepper.world.webex.faults.remove(outage)
    stepper.run(minutes=6)

    late = [row for row in ledger() if row.state == "sent" and row.attempts > 1]
    assert len(late) >= 3
    assert len({row.sent_at for row in ledger() if row.sent_at > START + timedelta(hours=1)}) == 1
    assert {row.state for row in ledger()} == {"sent"}


def test_success_of_others_makes_a_failing_message_due_only_once(stepper: Stepper) -> None:
    """L2, L4: its trouble is its own then."""
    stepper.world.webex.faults.add(faults.poison(destination=stepper.world.accounts["ana"]))
    ticket = stepper.announce("ana", "ben", note="zero")
    stepper.run(minutes=30)
    before = rows_of("Ana Alvarez")[0].attempts
    for number in range(10):
        _write(stepper, ticket, f"note {number}")
        stepper.work()
    assert rows_of("Ana Alvarez")[0].attempts <= before + 1
    assert len(received_notes(stepper.world, "Ben Bauer")) == 11


def test_success_of_an_earlier_request_does_not_end_a_hold(stepper: Stepper) -> None:
    """L2: only a post that was begun after the hold can tell that it is over."""
    ticket = stepper.announce("ana", "ben", note="zero")
    webex = stepper.world.webex
    webex.faults.add(faults.slow(0.3, destination=stepper.world.accounts["ana"]))
    webex.faults.add(faults.throttled("30", destination=stepper.world.accounts["ben"], times=1))
    _write(stepper, ticket, "one")
    _decide(stepper)
    _, other_desk = stepper.server()
    slow = threading.Thread(target=deliver.send_next, args=(stepper.messages,))
    slow.start()
    assert wait_for(lambda: len(_posts(stepper)) == 3)
    deliver.send_next(other_desk)
    slow.join()

    hold = _hold()
    assert hold is not None
    assert hold.until - stepper.clock() == timedelta(seconds=30)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]
    stepper.run(seconds=29)
    assert received_notes(stepper.world, "Ben Bauer") == ["zero"]
    stepper.run(seconds=1)
    assert received_notes(stepper.world, "Ben Bauer") == ["zero", "one"]
    assert _hold() is None


def test_parallel_401s_count_as_one_failure_of_the_token(stepper: Stepper) -> None:
    """L3: three senders found out at once; the hold is that of a first failure."""
    ticket = stepper.announce("ana", "ben", "cora", note="zero")
    stepper.world.webex.faults.add(faults.status(401, "No", path="/messages", delay_s=0.2))
    _write(stepper, ticket, "one")
    _decide(stepper)
    senders = [threading.Thread(target=deliver.send_next, args=(stepper.server()[1],)) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert len(_posts(stepper)) == 6
    hold = _hold()
    assert hold is not None
    assert (hold.failures, hold.until - stepper.clock()) == (1, timedelta(seconds=1))


def test_message_of_a_vanished_server_is_resent_and_flagged(stepper: Stepper) -> None:
    """L1, L2, L7: once it counts as dead, not before."""
    ticket = stepper.announce("ana", note="zero")
    _write(stepper, ticket, "one", "two")
    _decide(stepper)
    vanished = stepper.add_server()
    assert messages.claim(vanished, stepper.clock()) is not None
    stepper.run(seconds=30)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]
    stepper.mark_dead(vanished)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one", "two"]
    assert [row.possible_duplicate for row in ledger()] == [False, True, True], "both notes were in that message"


def test_slow_sender_does_not_overwrite_the_result_of_another_server(
    stepper: Stepper, caplog: pytest.LogCaptureFixture
) -> None:
    """L1, L2, O3: its message was sent again meanwhile, and is flagged; it counts as one."""
    ticket = stepper.announce("ana", note="zero")
    _write(stepper, ticket, "one")
    _decide(stepper)
    before = _counted("sent")
    assert deliver.send_next(stepper.paused_after_its_post(_taken_over_by_another_server(stepper)))
    first, second = stepper.world.webex.messages()[-2:]
    row = rows_of("Ana Alvarez")[-1]
    assert (row.state, row.webex_message_id, row.possible_duplicate) == ("sent", second.id, True)
    assert first.id != second.id
    assert "may be sent again" in caplog.text
    assert _counted("sent") == before + 1


def test_slow_sender_does_not_mark_a_message_dead_that_another_server_sent(stepper: Stepper) -> None:
    """L1, L3, O3"""
    ticket = stepper.announce("ana", note="zero")
    _write(stepper, ticket, "one")
    _decide(stepper)
    stepper.world.webex.faults.add(faults.status(400, "No.", path="/messages", times=1))
    before = _counted("dead")
    assert deliver.send_next(stepper.paused_after_its_post(_taken_over_by_another_server(stepper)))
    assert rows_of("Ana Alvarez")[-1].state == "sent"
    assert _counted("dead") == before


def test_message_of_a_vanished_server_is_not_resent_while_notifications_are_off(stepper: Stepper) -> None:
    """D1."""
    ticket = stepper.announce("ana", note="zero")
    _write(stepper, ticket, "one", "two")
    _decide(stepper)
    vanished = stepper.add_server()
    assert messages.claim(vanished, stepper.clock()) is not None
    stepper.world.configure(attempt_notify=False)
    stepper.mark_dead(vanished)
    stepper.run(minutes=1)
    assert [row.state for row in ledger()] == ["sent", "skipped", "skipped"]
    stepper.world.configure(attempt_notify=True)
    stepper.run(hours=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]


def test_notes_beyond_the_newest_five_count_as_sent_without_being_shown(stepper: Stepper) -> None:
    """D5, N1: seven notes wait for Webex, the newest five are shown."""
    ticket = stepper.announce("ana", note="zero")
    stepper.world.webex.faults.add(faults.throttled("60", path="/messages", times=1))
    for number in range(7):
        _write(stepper, ticket, f"note {number}")
        stepper.work()
    stepper.run(minutes=2)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", *(f"note {number}" for number in range(2, 7))]
    assert "2 earlier notes not shown" in stepper.world.webex.messages()[-1].markdown
    assert [(row.state, row.shown) for row in ledger()[1:]] == [("sent", False)] * 2 + [("sent", True)] * 5
    assert len({row.message_id for row in ledger()[1:]}) == 1
