"""Run an import: everything in one transaction of ours, from one moment of the other database (M1)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from datetime import datetime, tzinfo

from ticketbot import errors
from ticketbot.background import heartbeat
from ticketbot.database import db
from ticketbot.importer import source
from ticketbot.importer.copies import Copies
from ticketbot.importer.history import History
from ticketbot.importer.report import Report
from ticketbot.importer.routing import Routing, Zones
from ticketbot.models import facts, imported, servers
from ticketbot.present import documents

MARKS = "marks"
SERVER_BEATS_WITHIN_S = 30.0  # L7

NOT_IMPORTED = {
    "api_user": "users have to be created here: see `tbot help create user`",
    "api_key": "keys cannot be carried over: see `tbot help create key`",
    "webhook_intake": "waiting webhooks are not taken over: what they were about counts as history",
    "ticket_event": "only results of notifications are used",
    "workflow_run": "there is no counterpart",
    "ticket_journal": "there is no counterpart",
    "sso_role_mapping": "there is no single sign-on",
    "oauth_client": "there is no OAuth",
    "app_log": "logs are not imported",
}


class _DryRun(Exception):
    """Rolls back what a dry run has written."""


def run(url: str, zone: tzinfo, dates_zone: tzinfo | None, now: datetime, *, is_dry_run: bool) -> documents.Import:
    """Import a database into the open one; a dry run rolls everything back.

    Raises `Unreachable` or `InvalidInput` about the source.
    """
    report = Report()
    history_until: datetime | None = None
    with source.opened(url) as opened:
        with contextlib.suppress(_DryRun), db.transaction("import"):
            copies = Copies(opened, report, now)
            copies.run()
            Routing(opened, copies, report, now, Zones(zone, dates_zone)).run()
            History(opened, copies, report, now).run()
            _count_others(opened, report)
            history_until = _set_marks(report, now)
            _end(is_dry_run=is_dry_run)
        return documents.Import(
            source=opened.name,
            dry_run=is_dry_run,
            tables=report.tables,
            left_out=report.left_out,
            forwards=report.forwards,
            history_until=history_until,
        )


def _end(*, is_dry_run: bool) -> None:
    if is_dry_run:
        raise _DryRun


def refuse_living_servers(
    pause: Callable[[float], object] = time.sleep, clock: Callable[[], float] = time.monotonic
) -> None:
    """Raise `Conflict` while a server works on the open database.

    Whether one on another machine lives shows only in its heartbeat, which is watched for as long as it takes (L7).
    """
    with db.session():
        beats = {row.id: row.beats for row in servers.all_servers() if not heartbeat.process_is_gone(row.identity)}
        is_here = any(heartbeat.process_is_here(row.identity) for row in servers.all_servers())
    deadline_s = clock() + SERVER_BEATS_WITHIN_S
    while beats and not is_here and clock() < deadline_s:
        pause(heartbeat.LOOK_EVERY_S)
        with db.session():
            if any(beats.get(row.id, row.beats) != row.beats for row in servers.all_servers()):
                is_here = True
    if is_here:
        raise errors.Conflict("A server is running on this database. Nothing was imported: stop it first")


def _set_marks(report: Report, now: datetime) -> datetime | None:
    """Have everything until now count as history, if this brought any; return until when it does."""
    if report.has_new_history or imported.find(MARKS) is None:
        facts.skip_missed(now)
        imported.remember(MARKS, None, now.isoformat())
    return facts.read_time(facts.SKIPPED_UNTIL)


def _count_others(opened: source.Source, report: Report) -> None:
    for table, why in NOT_IMPORTED.items():
        count = opened.count(table)
        if count:
            report.count(table, read=count)
            report.leave_out(table, f"{count} row{'' if count == 1 else 's'}", why)
