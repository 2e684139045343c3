"""T7, W7 and T1 in simulated time: what becomes of events while ConnectWise says no, nothing, or nonsense."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.clock import START
from tests.environment import ledger
from tests.simulated_time import Stepper, event_rows, received_notes
from ticketbot import metrics
from ticketbot.database import db
from ticketbot.decide import plan
from ticketbot.decide.values import Facts, Plan
from ticketbot.models import event_claims, events, tickets
from ticketbot.pipeline import process_event
from ticketbot.simulators import faults


def _stored(ticket: int) -> tickets.Ticket:
    with db.session():
        found: tickets.Ticket = tickets.Ticket.get_by_id(ticket)
    return found


def _tried_again() -> float:
    """Return how many failures of events `/metrics` counts."""
    (metric,) = metrics.EVENTS.collect()
    return sum(
        each.value for each in metric.samples if each.name.endswith("_total") and "again" in each.labels.values()
    )


def test_outage_of_connectwise_loses_nothing_and_each_note_is_announced_once(stepper: Stepper) -> None:
    """T7: done-line 4."""
    ticket = stepper.announce("ana", "ben", note="zero")
    outage = stepper.world.connectwise.faults.add(faults.status(500))
    for number in range(1, 6):
        stepper.note(ticket, f"note {number}")
        stepper.accept_webhook(ticket)
        stepper.run(minutes=2)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]
    assert stepper.checks()["connectwise"] == "degraded"

    stepper.world.connectwise.faults.remove(outage)
    stepper.run(minutes=5)
    expected = ["zero", *(f"note {number}" for number in range(1, 6))]
    assert received_notes(stepper.world, "Ana Alvarez") == received_notes(stepper.world, "Ben Bauer") == expected
    assert {row.state for row in event_rows()} == {"done"}
    assert set(stepper.checks().values()) == {"ok"}

    stepper.accept_webhook(ticket)
    stepper.run(hours=1)
    assert len(ledger()) == 12


@pytest.mark.parametrize(
    "fault", [faults.html(200), faults.html(502), faults.half_a_body(), faults.down(), faults.status(404)],
    ids=["html", "html of a proxy", "half a body", "no answer", "a 404 of something in front"],
)  # fmt: skip
def test_unusable_response_is_retried(stepper: Stepper, fault: faults.Fault) -> None:
    """T7."""
    fault.times = 4
    if fault.effect == "answer" and fault.status == 404:
        fault.content = "<html>not found</html>"
    stepper.world.connectwise.faults.add(fault)
    stepper.announce("ana", note="zero")
    assert ledger() == []
    stepper.run(minutes=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]


def test_event_honors_retry_after(stepper: Stepper) -> None:
    """T7."""
    stepper.world.connectwise.faults.add(faults.throttled("45", path=r"/tickets/\d+$", times=1))
    stepper.announce("ana", note="zero")
    stepper.run(seconds=44)
    assert ledger() == []
    stepper.run(seconds=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]


def test_event_that_fails_for_a_day_is_dead_and_the_next_webhook_retries_it(stepper: Stepper) -> None:
    """T7."""
    outage = stepper.world.connectwise.faults.add(faults.status(500, "Out of order"))
    ticket = stepper.announce("ana", note="zero")
    stepper.run(minutes=20)
    stepper.clock.advance(hours=23, minutes=35)
    stepper.run(minutes=11)
    (event,) = event_rows()
    assert event.state == "dead"
    assert "given up after 24 hours" in event.error
    assert "Out of order" in event.error

    stepper.world.connectwise.faults.remove(outage)
    stepper.accept_webhook(ticket)
    stepper.run(minutes=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_hold_all_events_and_release_them(stepper: Stepper, status: int) -> None:
    """T7, O2: nobody asks again and again with credentials that are wrong."""
    refusal = stepper.world.connectwise.faults.add(faults.status(status, "Not you"))
    added = [stepper.add_ticket("ana", note=f"ticket {number}") for number in range(8)]
    for ticket in added:
        stepper.accept_webhook(ticket)
    stepper.run(seconds=3)
    requests_sent = [
        call for call in stepper.world.connectwise.calls.log() if call.path.endswith(tuple(map(str, added)))
    ]
    assert [call.at - START for call in requests_sent] == [timedelta(seconds=each) for each in (0, 1, 3)]
    assert stepper.checks()["connectwise"] == "attention"
    assert stepper.checks()["queues"] == "ok"

    stepper.world.connectwise.faults.remove(refusal)
    stepper.run(minutes=5)
    assert sorted(received_notes(stepper.world, "Ana Alvarez")) == [f"ticket {number}" for number in range(8)]
    assert set(stepper.checks().values()) == {"ok"}


def test_event_with_a_bug_is_dead_after_five_attempts_and_the_next_webhook_retries_it(
    stepper: Stepper, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T7: other tickets go on."""
    decide = plan.decide

    def decide_but_for_one(facts: Facts) -> Plan:
        if facts.ticket.compared["summary"].key == "Unlucky":
            raise ZeroDivisionError("on purpose")
        return decide(facts)

    monkeypatch.setattr(plan, "decide", decide_but_for_one)
    unlucky = stepper.add_ticket("ana", note="unlucky")
    stepper.world.connectwise.update_ticket(unlucky, summary="Unlucky", notify=False)
    stepper.accept_webhook(unlucky)
    stepper.announce("ana", note="lucky")
    stepper.run(hours=1)

    assert received_notes(stepper.world, "Ana Alvarez") == ["lucky"]
    (dead,) = [row for row in event_rows() if row.state == "dead"]
    assert (dead.ticket_id, dead.bugs, dead.attempts) == (unlucky, 5, 0)
    assert dead.error == "a bug in tbot: ZeroDivisionError: on purpose"

    monkeypatch.undo()
    stepper.accept_webhook(unlucky)
    stepper.run(minutes=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["lucky", "unlucky"]


def test_slow_worker_that_lost_its_event_discards_nothing(stepper: Stepper) -> None:
    """T7, no-webhook-lost: a paused worker lost its event and then fails; the webhook that came in is kept."""
    ticket = stepper.add_ticket("ana", note="zero")
    stepper.accept_webhook(ticket)
    other_events, _ = stepper.server()
    paused = event_claims.claim(stepper.events.server.id, stepper.clock())
    assert paused is not None
    stepper.mark_dead(stepper.events.server.id)
    assert event_claims.claim(other_events.server.id, stepper.clock()) is not None
    stepper.accept_webhook(ticket)
    with db.transaction("return-event"):
        assert not events.requeue(paused, due_at=stepper.clock(), error="too slow")
    assert [row.state for row in event_rows()] == ["running", "waiting"]


def test_two_servers_that_clean_up_after_a_third_lose_no_event(stepper: Stepper) -> None:
    """T7, no-webhook-lost: the second to clean up finds the work done."""
    ticket = stepper.add_ticket("ana", note="zero")
    stepper.accept_webhook(ticket)
    dead = stepper.add_server()
    claimed = event_claims.claim(dead, stepper.clock())
    assert claimed is not None
    for _ in range(2):
        stepper.mark_dead(dead)
    with db.transaction("release"):
        assert not events.requeue(claimed, due_at=stepper.clock(), error=None)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]


def test_decision_of_a_paused_worker_is_rolled_back_once_its_event_was_taken_over(stepper: Stepper) -> None:
    """T3, T7: its transaction is rolled back as a whole."""
    ticket = stepper.add_ticket("ana", note="zero")
    stepper.accept_webhook(ticket)
    other_events, _ = stepper.server()

    def be_taken_over() -> None:
        stepper.mark_dead(stepper.events.server.id)
        assert event_claims.claim(other_events.server.id, stepper.clock()) is not None

    assert process_event.process_next(stepper.paused_before_its_commit(be_taken_over))
    assert ledger() == []
    (event,) = event_rows()
    assert (event.state, event.server_id) == ("running", other_events.server.id)
    assert event.decisions == []


def test_a_paused_worker_that_fails_counts_nothing_once_its_event_was_taken_over(stepper: Stepper) -> None:
    """T7, O3: whoever has the event now says what becomes of it."""
    stepper.accept_webhook(stepper.add_ticket("ana", note="zero"))
    stepper.world.connectwise.faults.add(faults.status(500, times=1))
    other_events, _ = stepper.server()
    before = _tried_again()

    def be_taken_over() -> None:
        stepper.mark_dead(stepper.events.server.id)
        assert event_claims.claim(other_events.server.id, stepper.clock()) is not None

    assert process_event.process_next(stepper.paused_before_its_commit(be_taken_over, decides=False))
    (event,) = event_rows()
    assert (event.state, event.server_id, event.error) == ("running", other_events.server.id, None)
    assert _tried_again() == before


def test_a_paused_worker_deletes_no_ticket_once_its_event_was_taken_over(stepper: Stepper) -> None:
    """T3, T7, W7: what it saw may be over by now."""
    ticket = stepper.announce("ana", note="zero")
    stepper.world.connectwise.delete_ticket(ticket, notify=False)
    stepper.accept_webhook(ticket, "deleted")
    other_events, _ = stepper.server()

    def be_taken_over() -> None:
        stepper.mark_dead(stepper.events.server.id)
        assert event_claims.claim(other_events.server.id, stepper.clock()) is not None

    assert process_event.process_next(stepper.paused_before_its_commit(be_taken_over, decides=False))
    assert _stored(ticket).deleted_at is None
    event = event_rows()[-1]
    assert (event.state, event.server_id, event.decisions) == ("running", other_events.server.id, [])


def test_a_deleted_ticket_that_is_gone_is_deleted_and_one_that_reappears_is_back(stepper: Stepper) -> None:
    """W7, T4."""
    ticket = stepper.announce("ana", note="zero")
    stepper.world.connectwise.delete_ticket(ticket, notify=False)
    stepper.accept_webhook(ticket, "deleted")
    stepper.work()
    assert _stored(ticket).deleted_at is not None
    assert event_rows()[-1].decisions[0]["reasons"] == [{"code": "deleted"}]

    stepper.world.connectwise.restore_ticket(ticket, notify=False)
    stepper.note(ticket, "back")
    stepper.accept_webhook(ticket)
    stepper.work()
    assert _stored(ticket).deleted_at is None
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "back"]


def test_a_ticket_that_is_restored_with_an_older_date_is_back_all_the_same(stepper: Stepper) -> None:
    """T4, T3."""
    ticket = stepper.announce("ana", note="zero")
    with db.transaction("test"):
        later = {"updated_at": stepper.clock() + timedelta(hours=1), "deleted_at": stepper.clock()}
        tickets.Ticket.update(**later).where(tickets.Ticket.id == ticket).execute()
    stepper.accept_webhook(ticket)
    stepper.work()
    assert _stored(ticket).deleted_at is None


def test_false_deletion_webhook_is_an_update(stepper: Stepper) -> None:
    """W7."""
    ticket = stepper.announce("ana", note="zero")
    stepper.note(ticket, "one")
    stepper.accept_webhook(ticket, "deleted")
    stepper.work()
    assert _stored(ticket).deleted_at is None
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero", "one"]


def test_an_endpoint_that_does_not_exist_deletes_nothing(stepper: Stepper) -> None:
    """W7: it is a missing permission."""
    ticket = stepper.announce("ana", note="zero")
    stepper.world.connectwise.faults.add(faults.no_endpoint("/tickets/"))
    stepper.accept_webhook(ticket, "deleted")
    stepper.run(minutes=5)
    assert _stored(ticket).deleted_at is None
    assert [row.state for row in event_rows()] == ["done", "waiting"]


@pytest.mark.parametrize("hint", ["project", "service", None])
def test_project_ticket_is_announced_whatever_the_webhook_called_it(stepper: Stepper, hint: str | None) -> None:
    """T1."""
    ticket = stepper.add_ticket("ana", board=stepper.world.project_board, note="zero")
    stepper.accept_webhook(ticket, kind_hint=hint)
    stepper.work()
    assert received_notes(stepper.world, "Ana Alvarez") == ["zero"]
    assert _stored(ticket).kind == "project"


@pytest.mark.parametrize(
    "fault",
    [
        faults.no_endpoint("/project/tickets/"),
        faults.status(403, "No", path="/project/tickets/"),
        faults.status(403, "No", path=r"/project/tickets/\d+/(allNotes|notes)"),
    ],
    ids=["the endpoint is not shown", "forbidden", "only its notes are forbidden"],
)
def test_missing_permission_for_projects_does_not_hold_service_tickets(stepper: Stepper, fault: faults.Fault) -> None:
    """T7, W7."""
    missing = stepper.world.connectwise.faults.add(fault)
    project = stepper.add_ticket("ana", board=stepper.world.project_board, note="a project")
    stepper.accept_webhook(project, kind_hint="project")
    stepper.announce("ana", note="a service ticket")
    assert received_notes(stepper.world, "Ana Alvarez") == ["a service ticket"]
    assert "inquiry rights for project tickets" in event_rows()[0].error

    stepper.world.connectwise.faults.remove(missing)
    stepper.run(minutes=1)
    assert received_notes(stepper.world, "Ana Alvarez") == ["a service ticket", "a project"]
