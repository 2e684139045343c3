"""What `tbot doctor` says of how Ticketbot has been running, by its database (O6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from ticketbot import errors
from ticketbot.database import db
from ticketbot.decide import values
from ticketbot.models import events, notifications, rules, runtime_config, schema, syncs
from ticketbot.present import words
from ticketbot.present.documents import Check, CheckState

NAMES = ("notifications", "dead", "rules", "webhooks", "syncs")
SILENT_FOR = timedelta(days=3)
"""Without a webhook for longer, something is wrong even after a weekend."""


def check_all(url: str, *, has_public_url: bool) -> Iterator[Check]:
    """Yield what the database says; of one that cannot be read, or is not up to date, that this is skipped."""
    try:
        db.open_database(url)
        if any(step.applied_at is None for step in schema.status()):
            yield from skipped("The database is not up to date")
            return
        with db.session():
            found = [_notifications(), _dead(), _rules(), _webhooks(has_public_url=has_public_url), _syncs()]
        yield from found
    except errors.TicketbotError:
        yield from skipped("The database cannot be read")
    finally:
        db.close_database()


def skipped(why: str) -> Iterator[Check]:
    """Yield that these checks are skipped."""
    return (Check(check=name, state="skipped", message=why) for name in NAMES)


def _check(check: str, message: str, fix: str = "", state: CheckState = "warning") -> Check:
    return Check(check=check, state=state if fix else "ok", message=message, fix=fix or None)


def _notifications() -> Check:
    if runtime_config.load().attempt_notify:
        return _check("notifications", "Notifications are switched on")
    fix = "`tbot update config --attempt-notify=true`; what was skipped meanwhile stays skipped"
    return _check("notifications", "Notifications are switched off: nobody is notified of anything", fix)


def _dead() -> Check:
    counts = notifications.open_counts()[notifications.DEAD], events.open_counts()[events.DEAD]
    dead = words.counts((counts[0], "notification"), (counts[1], "event"))
    if not dead:
        return _check("dead", "Nothing was given up")
    fix = "`tbot list notifications --state=dead` and `tbot list events --state=dead` say why; `tbot retry --dead`"
    return _check("dead", f"Given up: {dead}", fix)


def _rules() -> Check:
    enabled = rules.Rule.select().where(rules.Rule.enabled).count()
    gone = [f"rule {each.id} ({each.recipient.name})" for each in rules.of_inactive_recipients()]
    if gone:
        fix = "`tbot sync --recipients` looks again, `tbot update rule <id> --recipient=<name>` names another"
        return _check("rules", f"Enabled rules whose recipient is gone: {', '.join(gone)}", fix)
    if not enabled:
        fix = "`tbot create rule --board=<name> --recipient=<name>`"
        return _check("rules", f"There is no enabled rule: only {values.ASSIGNED_PEOPLE} are notified", fix)
    return _check("rules", f"{words.count(enabled, 'rule')} enabled")


def _webhooks(*, has_public_url: bool) -> Check:
    last = events.last_webhook_at()
    fix = "See the checks of the callback and the public URL"
    if last is None and not has_public_url:
        return Check(check="webhooks", state="skipped", message="None within 7 days; TBOT_PUBLIC_URL is not set")
    if last is None:
        return _check(
            "webhooks", "No webhook arrived within the last 7 days", f"{fix}; change a ticket, then look again"
        )
    message = f"The last one arrived at {words.moment(last)}"
    return _check("webhooks", message, fix if datetime.now(UTC) - last > SILENT_FOR else "")


def _syncs() -> Check:
    last = syncs.latest()
    if last is None:
        return _check("syncs", "Nothing was ever synced: no board and no recipient is known", "`tbot sync --all`")
    message = f"The last one started at {words.moment(last.started_at)}: {last.state}"
    return _check("syncs", message, "`tbot sync status` says why" if last.state == "failed" else "")
