"""C1, T5, S3: nothing is missed, whatever became of its hook, whoever stored it first; and nothing is told twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.environment import World, ledger, minutes_ago, post_webhook, wait_for
from ticketbot import errors
from ticketbot.background import catch_up
from ticketbot.connectwise.connectwise_client import ConnectWise
from ticketbot.database import db
from ticketbot.models import events, facts, syncs, tickets
from ticketbot.server import serve
from ticketbot.settings import table
from ticketbot.simulators import faults
from ticketbot.simulators.webhook_sender import NetworkFaults
from ticketbot.sync import sync_service

OFF, SOON = 0, 1  # seconds; the API allows no less than 30


def _told(world: World, *words: str) -> Counter[str]:
    """Return how often each of the words was in a message to anybody."""
    texts = [message.markdown for message in world.webex.messages()]
    return Counter({word: sum(word in text for text in texts) for word in words})


def _passes(world: World) -> int:
    """Return how often catch-up has looked to the end."""
    return world.connectwise.calls.counts().get("GET project/tickets", 0)


def _sync_tickets(server: serve.Server) -> None:
    run = server.syncs.start(sync_service.Request(tickets=True))
    assert server.syncs.join(20)
    with db.session():
        assert syncs.SyncRun.get_by_id(run.id).state == "done"


def _catch_up(world: World) -> None:
    site = world.connectwise
    client = ConnectWise(
        url=site.callbacks.url,
        company=site.company,
        public_key=site.public_key,
        private_key=site.private_key,
        client_id=site.client_id,
    )
    catch_up.run(catch_up.Services(client, lambda: datetime.now(UTC)), lambda: None)
    client.close()


def _queued() -> list[tuple[int, str]]:
    with db.session():
        return [(row.ticket_id, row.source) for row in events.Event.select().order_by(events.Event.due_at)]


def _end_events(state_: str, ended_at: datetime | None = None) -> None:
    at = ended_at or datetime.now(UTC)
    with db.transaction("test"):
        events.Event.update(state=state_, finished_at=at).where(events.Event.state == events.WAITING).execute()


def _start_watching(at: datetime) -> None:
    with db.transaction("test"):
        facts.start_watching(at)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_note_is_announced_once_within_one_interval_with_half_of_all_webhooks_lost(
    world: World, seed: int
) -> None:
    """C1, no-change-missed"""
    world.configure(catch_up_interval=SOON)
    world.connectwise.callbacks.sender.inject_faults(NetworkFaults(drop=0.5, duplicate=0.2, reorder=0.2, seed=seed))
    words = []
    with world.server():
        for number in range(8):
            board = world.project_board if number % 3 == 0 else world.board
            ticket = world.connectwise.add_ticket(board, f"Ticket-{number}.", resources=["ana"])
            for place in range(3):
                words.append(f"note-{number}-{place}.")
                world.connectwise.add_note(ticket, words[-1], contact=world.contact)
        assert wait_for(lambda: set(_told(world, *words).values()) == {1}), _told(world, *words)
        dropped = [sent for sent in world.connectwise.callbacks.sender.log() if "on purpose" in sent.error]
        assert dropped
        passes = _passes(world)
        assert wait_for(lambda: _passes(world) >= passes + 2)
        world.settle()
    assert set(_told(world, *words).values()) == {1}
    assert len(ledger()) >= len(world.webex.messages()), "several notes may share a message"


def test_a_ticket_stored_by_a_sync_before_its_webhook_is_still_new(world: World) -> None:
    """T5, S3"""
    world.configure(catch_up_interval=OFF)
    with world.server() as server:
        world.add_rule("Help Desk")
        ticket = world.connectwise.add_ticket(world.board, "Printer", resources=["ana"], note="Smoke", notify=False)
        _sync_tickets(server)
        assert ledger() == []
        assert post_webhook(server.url, world, world.connectwise.webhook_body(ticket, "updated")).ok
        world.settle()
    assert [(row.recipient_name, row.kind, row.state) for row in ledger()] == [
        ("Help Desk", "new", "sent"),
        ("Ana Alvarez", "new", "sent"),
    ]


def test_note_stored_by_a_sync_while_its_webhook_is_retried_is_announced_once(world: World) -> None:
    """S3: a sync must not swallow news."""
    world.configure(catch_up_interval=OFF)
    with world.server() as server:
        ticket = world.connectwise.add_ticket(world.board, "Printer", resources=["ana"])
        world.settle()
        broken = world.connectwise.faults.add(faults.status(500, path=f"/service/tickets/{ticket}$"))
        world.connectwise.add_note(ticket, "Still smoking", contact=world.contact)
        assert wait_for(lambda: world.connectwise.calls.count("GET service/tickets/{id}/allNotes") >= 2)
        _sync_tickets(server)
        with db.session():
            assert [note.text for note in tickets.Note.select()] == ["Still smoking"]
        world.connectwise.faults.remove(broken)
        world.settle()
    assert _told(world, "Still smoking") == {"Still smoking": 1}


def test_note_stored_by_a_sync_whose_webhook_was_lost_is_announced_once(world: World) -> None:
    """C1: whether or not a sync saw it."""
    world.configure(catch_up_interval=OFF)
    with world.server() as server:
        ticket = world.connectwise.add_ticket(world.board, "Printer", resources=["ana"])
        world.settle()
        world.connectwise.add_note(ticket, "Still smoking", contact=world.contact, notify=False)
        _sync_tickets(server)
        assert _told(world, "Still smoking") == {"Still smoking": 0}
        world.configure(catch_up_interval=SOON)
        assert wait_for(lambda: _told(world, "Still smoking") == {"Still smoking": 1})
        world.settle()
    assert _told(world, "Still smoking") == {"Still smoking": 1}


def test_second_note_in_the_second_of_a_reading_is_announced_although_its_webhook_was_lost(world: World) -> None:
    """C1: dates are whole seconds."""
    world.configure(catch_up_interval=OFF)
    with world.server():
        for attempt in range(5):
            first, second = f"first-{attempt}.", f"second-{attempt}."
            assert wait_for(lambda: datetime.now(UTC).microsecond < 100_000)
            ticket = world.connectwise.add_ticket(world.board, "Printer", resources=["ana"], note=first)
            assert wait_for(lambda: _told(world, first)[first] == 1)  # noqa: B023
            before = world.connectwise.ticket(ticket)["_info"]["lastUpdated"]
            world.connectwise.add_note(ticket, second, contact=world.contact, notify=False)
            if world.connectwise.ticket(ticket)["_info"]["lastUpdated"] == before:
                break
        else:
            pytest.skip("this machine does not read a ticket within a second")
        world.configure(catch_up_interval=SOON)
        assert wait_for(lambda: _told(world, second)[second] == 1)


def _away(world: World) -> list[str]:
    """Let things happen between three hours and a minute ago, while no server runs."""
    words = []
    for minutes in range(180, 0, -20):
        world.connectwise.now = lambda minutes=minutes: minutes_ago(minutes)  # type: ignore[misc]
        board = world.project_board if minutes % 60 == 0 else world.board
        ticket = world.connectwise.add_ticket(board, f"ticket-{minutes}.", resources=["ana"], note=f"text-{minutes}.")
        world.connectwise.now = lambda minutes=minutes: minutes_ago(minutes - 5)  # type: ignore[misc]
        world.connectwise.add_note(ticket, f"answer-{minutes}.", contact=world.contact)
        words += [f"text-{minutes}.", f"answer-{minutes}."]
    world.connectwise.now = lambda: datetime.now(UTC)
    return words


def test_changes_of_three_hours_without_a_server_are_announced_once_and_in_order(world: World) -> None:
    """C1, no-change-missed"""
    _start_watching(minutes_ago(181))
    words = _away(world)
    with world.server(TBOT_WORKERS="1"):
        assert wait_for(lambda: set(_told(world, *words).values()) == {1}), _told(world, *words)
        world.settle()
    with world.server(TBOT_WORKERS="1"):  # and a second start tells nothing again
        passes = _passes(world)
        assert wait_for(lambda: _passes(world) > passes)
        world.settle()
    assert set(_told(world, *words).values()) == {1}
    texts = [message.markdown for message in world.webex.messages()]
    for kind in ("service", "project"):
        order_of_words = [next(word for word in words if word in text) for text in texts]
        mine = [
            word for word in order_of_words if (int(word.strip(".").split("-")[1]) % 60 == 0) == (kind == "project")
        ]
        assert mine == [word for word in words if word in mine]


def test_skip_missed_logs_from_when_changes_are_skipped(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """C1: from the watermark, not from the first start ever."""
    first_start, stopped, now = (datetime(2026, 3, day, 9, 0, tzinfo=UTC) for day in (2, 20, 30))
    settings = table.load({}, world.environ())
    serve.prepare_database(settings, skip_missed=False, now=first_start)
    with db.transaction("test"):
        facts.write_time(facts.CATCH_UP_WATERMARK, stopped)
    serve.prepare_database(settings, skip_missed=True, now=now)
    assert f"skipped what happened from {stopped} to {now}: nobody will be notified of it" in caplog.text


def test_skip_missed_announces_nothing_of_the_pause(world: World) -> None:
    """C1"""
    _start_watching(minutes_ago(181))
    words = _away(world)
    just_now = world.connectwise.add_ticket(world.board, "just-now.", resources=["ana"], note="last-minute.")
    settings = table.load({}, world.environ())
    serve.prepare_database(settings, skip_missed=True, now=datetime.now(UTC) + timedelta(seconds=1))
    with world.server(TBOT_WORKERS="1"):
        assert wait_for(lambda: _passes(world) > 0)
        world.settle()
        for ticket in [row["id"] for row in world.connectwise.tickets("service")]:  # nor by a later hook
            world.connectwise.update_ticket(ticket)
        world.settle()
        assert world.webex.messages() == []
        later = minutes_ago(-0.1)
        world.connectwise.add_note(just_now, "after-the-start.", contact=world.contact, entered_at=later)
        world.settle()
    assert _told(world, *words, "last-minute.", "after-the-start.") == Counter({"after-the-start.": 1})


def test_zero_turns_catch_up_off_at_the_start_too(world: World) -> None:
    """C1"""
    world.configure(catch_up_interval=0)
    _start_watching(minutes_ago(10))
    world.connectwise.add_ticket(world.board, "Printer", resources=["ana"])
    with world.server(TBOT_PUBLIC_URL="https://tbot.example.com"):
        assert wait_for(lambda: world.connectwise.calls.count("GET system/callbacks") > 0)  # the other duties are done
        assert world.connectwise.calls.count("GET service/tickets") == 0


def test_ticket_with_a_waiting_event_is_not_queued_again(world: World) -> None:
    _start_watching(minutes_ago(10))
    first = world.connectwise.add_ticket(world.board, "Printer")
    plan = world.connectwise.add_ticket(world.project_board, "Plan")
    for _ in range(3):
        _catch_up(world)
    assert _queued() == [(first, "catch-up"), (plan, "catch-up")]


def test_changes_are_due_in_the_order_they_happened(world: World) -> None:
    _start_watching(minutes_ago(60))
    ticket_ids = [world.connectwise.add_ticket(world.board, f"Ticket {number}") for number in range(3)]
    for minutes, ticket in ((9, ticket_ids[1]), (6, ticket_ids[2]), (3, ticket_ids[0])):
        world.connectwise.now = lambda minutes=minutes: minutes_ago(minutes)  # type: ignore[misc]
        world.connectwise.update_ticket(ticket)
    _catch_up(world)
    assert [ticket for ticket, _ in _queued()] == [ticket_ids[1], ticket_ids[2], ticket_ids[0]]


@pytest.mark.parametrize("ending", ["dead", "done"])
def test_ticket_that_catch_up_cannot_process_is_not_queued_forever(world: World, ending: str) -> None:
    """T7: a dead event once for each change; a ticket that is listed and cannot be read neither."""
    _start_watching(minutes_ago(60))
    world.connectwise.now = lambda: minutes_ago(3)
    ticket = world.connectwise.add_ticket(world.board, "Printer")
    for _ in range(4):
        _catch_up(world)
        _end_events(ending)
    assert _queued() == [(ticket, "catch-up")]
    world.connectwise.now = lambda: minutes_ago(-0.1)
    world.connectwise.update_ticket(ticket)
    _catch_up(world)
    assert _queued() == [(ticket, "catch-up")] * 2


def test_tickets_without_dates_do_not_loop(world: World) -> None:
    """An API member of a narrow role sees no `_info`."""
    _start_watching(minutes_ago(60))
    tickets_ = sorted(world.connectwise.add_many(3, world.board))
    world.connectwise.faults.add(faults.without("_info"))
    for _ in range(4):
        _catch_up(world)
        _end_events("done")
    assert sorted(_queued()) == [(ticket, "catch-up") for ticket in tickets_]


def test_failed_pass_does_not_move_the_watermark(world: World) -> None:
    """C1: the watermark moves after the commit, never before."""
    _start_watching(minutes_ago(60))
    world.connectwise.add_ticket(world.board, "Printer")
    world.connectwise.faults.add(faults.status(500, path="/project/tickets", times=1))
    with pytest.raises(Exception, match="500"):
        _catch_up(world)
    assert len(_queued()) == 1
    with db.session():
        assert facts.read_time(facts.CATCH_UP_WATERMARK) is None
    _catch_up(world)
    with db.session():
        assert facts.read_time(facts.CATCH_UP_WATERMARK) is not None


def test_missing_permission_for_projects_does_not_stop_service_tickets(world: World) -> None:
    _start_watching(minutes_ago(60))
    ticket = world.connectwise.add_ticket(world.board, "Printer")
    world.connectwise.faults.add(faults.no_endpoint("/project/tickets"))
    _catch_up(world)
    assert _queued() == [(ticket, "catch-up")]


@pytest.mark.parametrize(("status", "path"), [(403, "/service/tickets"), (401, "/project/tickets")])
def test_refusal_beyond_projects_ends_the_pass(world: World, status: int, path: str) -> None:
    """C1: what could not be asked for is no reason to move the watermark."""
    _start_watching(minutes_ago(60))
    world.connectwise.add_ticket(world.board, "Printer")
    world.connectwise.faults.add(faults.status(status, "Not you", path=path))
    with pytest.raises(errors.RemoteDenied):
        _catch_up(world)
    with db.session():
        assert facts.read_time(facts.CATCH_UP_WATERMARK) is None


def test_a_watermark_from_a_clock_that_was_ahead_misses_nothing(world: World) -> None:
    _start_watching(minutes_ago(60))
    with db.transaction("test"):
        facts.write_time(facts.CATCH_UP_WATERMARK, minutes_ago(-600))
    ticket = world.connectwise.add_ticket(world.board, "Printer")
    _catch_up(world)
    assert _queued() == [(ticket, "catch-up")]


def test_nothing_from_before_the_first_start_is_queued(world: World) -> None:
    """C1: the watermark starts at `watching_since`, and no overlap reaches beyond it."""
    world.connectwise.now = lambda: minutes_ago(1)
    world.connectwise.add_many(3, world.board)
    _start_watching(datetime.now(UTC))
    world.connectwise.now = lambda: datetime.now(UTC) + timedelta(seconds=1)
    new = world.connectwise.add_ticket(world.board, "Printer")
    for _ in range(2):
        _catch_up(world)
    assert _queued() == [(new, "catch-up")]
