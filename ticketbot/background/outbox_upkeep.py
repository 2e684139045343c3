"""Maintain the outbox: the kill switch, what quiet hours held, and messages too old to send."""

from __future__ import annotations

import logging
from datetime import datetime

from ticketbot import metrics
from ticketbot.database import db
from ticketbot.decide import retry
from ticketbot.decide.reasons import NOTIFICATIONS_OFF
from ticketbot.models import held, messages, notifications, plain_messages, runtime_config

_logger = logging.getLogger(__name__)


def tidy_outbox(now: datetime, *, give_up_until: datetime | None = None) -> bool:
    """Skip pending messages while notifications are off (D1), release what was held (N4), give up what is overdue (L2).

    Overdue messages had to be sent by `give_up_until` (default: now). Return whether there are new messages to send.
    """
    overdue_at = give_up_until or now
    with db.session():
        if not messages.has_pending():  # an idle server asks no more than this
            return False
        is_on = runtime_config.load().attempt_notify
        is_untidy = not is_on or _is_anything_overdue(overdue_at)
        has_held = is_on and held.is_due(now)
    if has_held:
        with db.transaction("release-held"):
            released = held.release(now)
        _logger.info("quiet hours have ended: %d notifications are on their way", released)
    if is_untidy:
        _tidy(now, overdue_at, is_on=is_on)
    return has_held


def _is_anything_overdue(overdue_at: datetime) -> bool:
    return notifications.has_overdue(overdue_at) or plain_messages.is_overdue(overdue_at - retry.GIVE_UP_AFTER)


def _tidy(now: datetime, overdue_at: datetime, *, is_on: bool) -> None:
    with db.transaction("tidy"):
        skipped = 0 if is_on else switch_off()
        dead = messages.give_up_overdue(overdue_at, now)
        plain_messages.give_up_overdue(overdue_at - retry.GIVE_UP_AFTER)
    report_switched_off(skipped)
    metrics.NOTIFICATIONS.labels(notifications.DEAD, "overdue").inc(dead)
    if dead:
        _logger.error(
            "%d notifications could not be sent within 24 hours and are dead, see `tbot list notifications`", dead
        )


def switch_off() -> int:
    """Skip what waits because notifications are turned off (D1, L8). Return how many notifications."""
    plain_messages.skip_about_forwards()
    return messages.skip_pending([NOTIFICATIONS_OFF])


def report_switched_off(skipped: int) -> None:
    """Count and log the pending messages that were skipped because notifications were turned off (D1)."""
    if skipped:
        metrics.NOTIFICATIONS.labels(notifications.SKIPPED, NOTIFICATIONS_OFF.code).inc(skipped)
        _logger.warning("notifications are off: skipped %d pending notifications, which will never be sent", skipped)
