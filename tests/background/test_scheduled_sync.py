"""S5: the sync of every day, at a time on the wall of TBOT_TIMEZONE."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.clock import Clock
from tests.environment import World, wait_for
from tests.sync_fixture import ENDS_WITHIN_S, Syncing
from ticketbot import errors
from ticketbot.background import scheduled_sync
from ticketbot.database import db
from ticketbot.models import audit, facts, runtime_config, syncs
from ticketbot.server import serve
from ticketbot.settings import table
from ticketbot.sync import sync_service

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo"]
PART_OF_A_DAY = sync_service.Request(boards=True, recipients=True)


def due(at: str, last: datetime | None, now: datetime, zone: ZoneInfo = BERLIN) -> sync_service.Request | None:
    return scheduled_sync.due(time.fromisoformat(at), zone, last, now)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_nothing_is_due_before_the_time_and_something_from_then_on() -> None:
    """12:30 on a Monday in Berlin is 11:30 UTC."""
    last = utc("2026-03-01T12:00")
    assert due("12:30", last, utc("2026-03-02T11:29")) is None
    assert due("12:30", last, utc("2026-03-02T11:30")) == PART_OF_A_DAY
    assert due("12:30", utc("2026-03-02T11:30"), utc("2026-03-03T11:29")) is None


def test_tickets_are_synced_on_sundays_of_the_time_zone() -> None:
    """00:30 on Sunday in Berlin is still Saturday by UTC."""
    sunday = due("00:30", utc("2026-02-28T12:00"), utc("2026-02-28T23:30"))
    assert sunday == sync_service.Request(boards=True, recipients=True, tickets=True)


def test_missed_days_are_made_up_for_once_and_with_the_tickets_of_a_missed_sunday() -> None:
    friday, monday = utc("2026-02-27T03:00"), utc("2026-03-02T12:00")
    assert due("03:00", friday, monday) == sync_service.Request(boards=True, recipients=True, tickets=True)
    assert due("03:00", friday, friday + 30 * DAY) == sync_service.Request(boards=True, recipients=True, tickets=True)
    assert due("03:00", monday, monday + DAY) == PART_OF_A_DAY
    assert due("03:00", None, monday) is not None


def test_a_time_that_the_clocks_skip_is_an_hour_later() -> None:
    """On 29 March 2026, clocks in Berlin go from 02:00 to 03:00, at 01:00 UTC."""
    last = utc("2026-03-28T12:00")
    assert due("02:30", last, utc("2026-03-29T01:29")) is None
    assert due("02:30", last, utc("2026-03-29T01:30")) is not None


def test_of_a_time_that_the_clocks_repeat_the_first_counts() -> None:
    """On 25 October 2026, clocks in Berlin go from 03:00 back to 02:00, at 01:00 UTC."""
    first = utc("2026-10-25T00:30")
    assert due("02:30", utc("2026-10-24T12:00"), first) is not None
    assert due("02:30", first, utc("2026-10-25T01:30")) is None


def test_a_clock_that_was_wrong_once_does_not_put_it_off() -> None:
    assert due("03:00", MONDAY + 400 * DAY, MONDAY) is not None
    assert due("03:00", MONDAY + timedelta(minutes=5), MONDAY) is None  # the clock of another server


@hypothesis.given(
    st.sampled_from(ZONES),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.integers(0, 20 * 365 * 24 * 60).map(lambda minutes: utc("2010-01-01T00:00") + timedelta(minutes=minutes)),
    st.integers(15, 90),
)
def test_looking_often_syncs_once_a_day_and_tickets_once_a_week(
    zone: str, at: time, start: datetime, every_min: int
) -> None:
    """Whatever the clocks of a zone do: at most one a day, and none left out but a day that the calendar skips."""
    last, started = start, []
    for number in range(21 * 24 * 60 // every_min):
        now = start + timedelta(minutes=every_min) * number
        if (wanted := scheduled_sync.due(at, ZoneInfo(zone), last, now)) is not None:
            started.append((now, wanted))
            last = now
    gaps = [after - before for (before, _), (after, _) in itertools.pairwise(started)]
    slack = timedelta(minutes=every_min) + timedelta(hours=1)
    assert 20 <= len(started) <= 21
    assert all(DAY - slack <= gap <= DAY + slack for gap in gaps)
    assert sum(wanted.tickets for _, wanted in started) in (2, 3)


class Schedule:
    """Servers that sync on schedule, on one database and with one clock."""

    def __init__(self, world: World) -> None:
        self.syncing, self.clock = Syncing(world), Clock()
        with db.transaction("test"):
            runtime_config.save({"sync_schedule": "12:00"})
            facts.write_time(facts.SCHEDULED_SYNC, self.clock.now())
        self.clock.advance(days=1)

    def look(self, heartbeat: Callable[[], None] = lambda: None) -> list[syncs.SyncRun]:
        """Have a server look at the clock; return all runs."""
        services = scheduled_sync.Services(self.syncing.syncs, BERLIN, self.clock.now)
        scheduled_sync.run(services, heartbeat)
        assert self.syncing.syncs.join(ENDS_WITHIN_S)
        with db.session():
            return list(syncs.SyncRun.select().order_by(syncs.SyncRun.id))


@pytest.fixture
def schedule(world: World) -> Schedule:
    return Schedule(world)


def test_the_schedule_starts_one_sync_a_day_and_says_that_it_did(schedule: Schedule) -> None:
    """S5, A5"""
    (run,) = schedule.look()
    assert (run.state, run.requested_by, run.request["boards"]) == (syncs.DONE, "sync_schedule", True)
    with db.session():
        (entry,) = audit.Audit.select()
    assert (entry.action, entry.object, entry.object_id, entry.user_email) == (
        "start",
        "sync",
        str(run.id),
        "sync_schedule",
    )
    assert len(schedule.look()) == 1
    schedule.clock.advance(days=1)
    assert len(schedule.look()) == 2


def test_while_another_sync_runs_the_scheduled_one_waits(schedule: Schedule) -> None:
    """S: one sync at a time; that is no error."""
    with db.transaction("test"):
        other = syncs.start({}, requested_by="ana", server_id=1, now=schedule.clock.now())
    assert other is not None
    assert len(schedule.look()) == 1
    with db.transaction("test"):
        syncs.finish(other, state=syncs.DONE, now=schedule.clock.now())
    assert [run.requested_by for run in schedule.look()] == ["ana", "sync_schedule"]


def test_a_server_that_was_paused_starts_no_second_one(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    """It read that a sync was due; before it starts one, another server has, and the sync has ended."""
    start = schedule.syncing.syncs.start

    def paused(*given: object) -> syncs.SyncRun:
        monkeypatch.undo()
        assert len(schedule.look()) == 1
        return start(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(schedule.syncing.syncs, "start", paused)
    assert len(schedule.look()) == 1


def test_a_server_that_has_lost_the_job_starts_none(schedule: Schedule) -> None:
    def lost() -> None:
        raise errors.Conflict("taken over")

    with pytest.raises(errors.Conflict):
        schedule.look(lost)
    with db.session():
        assert not syncs.SyncRun.select().exists()


def test_without_a_schedule_nothing_starts(schedule: Schedule) -> None:
    with db.transaction("test"):
        runtime_config.save({"sync_schedule": None})
    assert schedule.look() == []


def test_the_clock_is_looked_at_only_with_a_schedule() -> None:
    assert scheduled_sync.every_s(runtime_config.Config(sync_schedule="03:00")) == scheduled_sync.EVERY_S
    assert scheduled_sync.every_s(runtime_config.Config()) == 0


def test_two_servers_on_one_database_start_one_sync(world: World) -> None:
    """S5: a time that passed before they started is made up for."""

    def finished() -> int:
        with db.session():
            return int(syncs.SyncRun.select().where(syncs.SyncRun.state == syncs.DONE).count())

    world.configure(sync_schedule="00:00")
    with world.server():
        # Not `world.server()`: opening the database again in this process would take it from under the first one.
        second = serve.Server(table.load({}, world.environ()))
        second.start()
        assert wait_for(lambda: finished() > 0)
        second.stop()
    assert finished() == 1
