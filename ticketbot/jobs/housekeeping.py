"""Keep the outbox tidy: the kill switch, and what is too old to send."""

from __future__ import annotations

import logging
from datetime import datetime

from ticketbot import db
from ticketbot.decide import plan
from ticketbot.models import notifications, state

_logger = logging.getLogger(__name__)


def tidy_outbox(now: datetime) -> None:
    """Skip what waits while notifications are off (D1), and give up what is over 24 h old (L2)."""
    with db.session():
        is_on = state.read_config().attempt_notify
        if is_on and not notifications.has_overdue(now):
            return
        if not is_on and not notifications.has_pending():
            return
    with db.transaction("tidy"):
        skipped = 0 if is_on else notifications.skip_pending(plan.NOTIFICATIONS_OFF)
        dead = notifications.give_up_overdue(now)
    if skipped:
        _logger.warning("notifications are off: %d waiting messages are skipped for good", skipped)
    if dead:
        _logger.error("%d messages could not be sent within 24 hours and are dead, see `tbot list notifications`", dead)
