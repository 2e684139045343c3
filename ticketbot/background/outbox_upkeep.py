"""Maintain the outbox: the kill switch, and messages too old to send."""

from __future__ import annotations

import logging
from datetime import datetime

from ticketbot import metrics
from ticketbot.database import db
from ticketbot.decide.reasons import NOTIFICATIONS_OFF
from ticketbot.models import messages, notifications, runtime_config

_logger = logging.getLogger(__name__)


def tidy_outbox(now: datetime, *, give_up_until: datetime | None = None) -> None:
    """Skip pending messages while notifications are off (D1), and give up overdue ones (L2).

    Overdue messages had to be sent by `give_up_until` (default: now).
    """
    overdue_at = give_up_until or now
    with db.session():
        is_on = runtime_config.load().attempt_notify
        is_untidy = notifications.has_overdue(overdue_at) if is_on else notifications.has_pending()
        if not is_untidy:
            return
    with db.transaction("tidy"):
        skipped = 0 if is_on else messages.skip_pending([NOTIFICATIONS_OFF])
        dead = messages.give_up_overdue(overdue_at, now)
    report_switched_off(skipped)
    metrics.NOTIFICATIONS.labels(notifications.DEAD, "overdue").inc(dead)
    if dead:
        _logger.error(
            "%d notifications could not be sent within 24 hours and are dead, see `tbot list notifications`", dead
        )


def report_switched_off(skipped: int) -> None:
    """Count and log the pending messages that were skipped because notifications were turned off (D1)."""
    if skipped:
        metrics.NOTIFICATIONS.labels(notifications.SKIPPED, NOTIFICATIONS_OFF.code).inc(skipped)
        _logger.warning("notifications are off: skipped %d pending notifications, which will never be sent", skipped)
