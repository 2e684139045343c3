"""Read what problems are found in (O10); call it inside a session."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from operator import attrgetter

from ticketbot.decide import problems
from ticketbot.models import events, facts, notifications, outages, rules, runtime_config, servers, syncs

_SYNCS = 20  # those of all parts are among them, unless one has not been synced for long


def read(now: datetime, zone: tzinfo, *, is_public: bool) -> problems.Facts:
    """Return the facts of this moment. Webhooks are expected only if `is_public` (TBOT_PUBLIC_URL)."""
    config = runtime_config.load()
    is_watched = is_public and config.alert_silence_minutes > 0
    return problems.Facts(
        now=now,
        running_since=servers.oldest_start() or now,
        outages=tuple(
            problems.Outage(row.service, row.since, bool(row.denied), row.reason) for row in outages.all_outages()
        ),
        dead=_dead(now),
        last_webhook_at=events.last_webhook_at() if is_watched else None,
        silence_after=timedelta(minutes=config.alert_silence_minutes) if is_watched else None,
        business_hours=config.business_hours,
        timezone=zone,
        syncs=tuple(_sync(run) for run in syncs.latest_ended(_SYNCS)),
        callback_repaired_at=facts.read_time(facts.CALLBACK_REPAIRED),
        attempt_notify=config.attempt_notify,
        vanished=tuple(_vanished()),
    )


def _dead(now: datetime) -> problems.Dead | None:
    since = now - problems.DIED_WITHIN
    event_count, first_event = events.died_since(since)
    count, first = notifications.died_since(since)
    firsts = [moment for moment in (first_event, first) if moment is not None]
    return problems.Dead(event_count, count, min(firsts)) if firsts else None


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
