"""Read what problems are found in (O10); call it inside a session."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from operator import attrgetter

from ticketbot.decide import problems
from ticketbot.models import outages, problem_numbers, rules, runtime_config, syncs

_SYNCS = 20  # those of all parts are among them, unless one has not been synced for long


def read(config: runtime_config.Config, now: datetime, zone: tzinfo, *, is_public: bool) -> problems.Facts:
    """Return the facts of this moment. Webhooks are expected only if `is_public` (TBOT_PUBLIC_URL)."""
    numbers = problem_numbers.read(now - problems.DIED_WITHIN)
    is_watched = is_public and config.alert_silence_minutes > 0
    return problems.Facts(
        now=now,
        running_since=numbers.running_since or now,
        outages=tuple(
            problems.Outage(row.service, row.since, bool(row.denied), row.reason) for row in outages.all_outages()
        ),
        dead=_dead(numbers),
        last_webhook_at=numbers.last_webhook_at,
        silence_after=timedelta(minutes=config.alert_silence_minutes) if is_watched else None,
        business_hours=config.business_hours,
        timezone=zone,
        syncs=tuple(_sync(run) for run in syncs.latest_ended(_SYNCS)),
        scheduled_sync_at=numbers.scheduled_sync_at if config.sync_schedule else None,
        callback_repaired_at=numbers.callback_repaired_at,
        attempt_notify=config.attempt_notify,
        vanished=tuple(_vanished()),
    )


def _dead(numbers: problem_numbers.Numbers) -> problems.Dead | None:
    firsts = [each for each in (numbers.first_dead_event_at, numbers.first_dead_notification_at) if each is not None]
    return problems.Dead(numbers.dead_events, numbers.dead_notifications, min(firsts)) if firsts else None


def _sync(run: syncs.SyncRun) -> problems.EndedSync:
    parts = frozenset(part for part in problems.SYNC_PARTS if run.request.get(part))
    return problems.EndedSync(parts, run.state == syncs.FAILED, run.finished_at, run.errors[-1] if run.errors else "")


def _vanished() -> list[problems.Vanished]:
    named = sorted(rules.of_inactive_recipients(), key=attrgetter("recipient_id"))
    return [
        problems.Vanished(recipient_id, same[0].recipient.name, tuple(rule.id for rule in same))
        for recipient_id, rows in groupby(named, attrgetter("recipient_id"))
        for same in [list(rows)]
    ]
