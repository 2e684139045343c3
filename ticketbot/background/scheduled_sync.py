"""Sync every day at the time that the configuration names: boards and recipients, on Sundays the tickets, too (S5)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from ticketbot import errors
from ticketbot.background import periodic
from ticketbot.database import db
from ticketbot.models import audit, facts, runtime_config, syncs
from ticketbot.sync import sync_service

NAME = "sync-schedule"
EVERY_S = 20.0
REQUESTED_BY = "sync_schedule"  # no e-mail address: no user can have this name
SUNDAY = 6
DAYS = 8  # how long a Sunday is looked back for

_DAY = timedelta(days=1)
_logger = logging.getLogger(__name__)


class Services(msgspec.Struct, frozen=True):
    """Dependencies of scheduled syncs."""

    syncs: sync_service.Syncs
    zone: ZoneInfo
    now: Callable[[], datetime]


class AlreadyStarted(errors.TicketbotError):
    """Another server has started the sync meanwhile."""


def every_s(config: runtime_config.Config) -> float:
    """Return the seconds between looks at the clock; 0, never, without a schedule."""
    return EVERY_S if config.sync_schedule else 0.0


def run(services: Services, heartbeat: periodic.Heartbeat) -> None:
    """Start the sync that is due, if one is; while another one runs, wait for the next look.

    A time that passed while no server ran, or while another sync did, is made up for, once for all days.
    """
    heartbeat()
    with db.session():
        schedule, last = runtime_config.load().sync_schedule, facts.read_time(facts.SCHEDULED_SYNC)
    wanted = None if schedule is None else due(time.fromisoformat(schedule), services.zone, last, services.now())
    if wanted is None:
        return
    try:
        services.syncs.start(wanted, REQUESTED_BY, lambda row: _record(row, last, services.now()))
    except (errors.Conflict, AlreadyStarted) as error:
        _logger.debug("the scheduled sync does not start now: %s", error)


def due(at: time, zone: ZoneInfo, last: datetime | None, now: datetime) -> sync_service.Request | None:
    """Return what to sync now, None if nothing: no such time has passed since `last`."""
    if last is None or last - now > _DAY:  # a clock that was wrong must not put it off
        last = datetime.min.replace(tzinfo=UTC)
    today = now.astimezone(zone).date()
    # A time that the clocks skip is as much later; of one that they repeat, the first counts (fold 0).
    passed = [day for day in (today - number * _DAY for number in range(DAYS)) if last < _moment(day, at, zone) <= now]
    if not passed:
        return None
    return sync_service.Request(boards=True, recipients=True, tickets=any(day.weekday() == SUNDAY for day in passed))


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, zone).astimezone(UTC)


def _record(row: syncs.SyncRun, last: datetime | None, now: datetime) -> None:
    """In the transaction that begins the run: this day is done, whatever becomes of the run."""
    if facts.read_time(facts.SCHEDULED_SYNC) != last:
        raise AlreadyStarted("another server has started it")
    facts.write_time(facts.SCHEDULED_SYNC, now)
    started = {"action": "start", "object": "sync", "object_id": str(row.id), "after": row.request}
    audit.Audit.create(at=now, user_email=REQUESTED_BY, **started)
