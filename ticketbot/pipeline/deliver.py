"""Send one notification: claim, post, record; retry or give up on failure (L1 to L4).

The claim is committed before the post and the outcome after it, so a kill in between leaves a row in `sending`: once
its server counts as dead, it is sent again and flagged as a possible duplicate.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from ticketbot import errors, log, metrics
from ticketbot.database import db
from ticketbot.decide import message, retry
from ticketbot.models import holds, notifications, servers
from ticketbot.pipeline import clock
from ticketbot.webex import webex_client

_logger = logging.getLogger(__name__)


class Services(msgspec.Struct, frozen=True):
    """Dependencies of sending.

    `pause` waits the given seconds; if the server stops meanwhile, it returns False early. `claimed` wakes another
    sender, since there may be more messages.
    """

    webex: webex_client.Webex
    server: servers.Current
    clocks: clock.Clocks
    pause: Callable[[float], bool]
    jitter: Callable[[], float] = random.SystemRandom().random
    claimed: Callable[[], None] = lambda: None


def send_next(services: Services) -> bool:
    """Send the next due message; return False if there is none. A failure to send is recorded, not raised."""
    claimed_at = services.clocks.now()
    row = notifications.claim(services.server.id, claimed_at, overdue_at=services.clocks.earlier())
    if row is None:
        return False
    services.claimed()
    with log.bound_correlation(row.correlation):
        try:
            message_id = _post(row, services)
        except Exception as error:  # noqa: BLE001  (a bug with one message must not stop the others)
            _record_failure(row, error, services)
        else:
            _record_sent(row, message_id, claimed_at, services)
    return True


def _post(row: notifications.Notification, services: Services) -> str:
    recipient = row.recipient
    try:
        return services.webex.send(recipient.type, recipient.webex_id, row.markdown)
    except errors.MessageTooLong:
        _logger.warning("Webex rejected the message about ticket %d as too long; resending half of it", row.ticket_id)
        return services.webex.send(recipient.type, recipient.webex_id, message.halve(row.markdown))


def _record_sent(row: notifications.Notification, message_id: str, claimed_at: datetime, services: Services) -> None:
    now = services.clocks.now()
    changes: dict[str, Any] = {
        "state": notifications.SENT,
        "webex_message_id": message_id,
        "sent_at": now,
        "attempts": row.attempts + 1,
        "next_try_at": None,
    }
    extra = {"ticket_id": row.ticket_id, "notification_id": row.id, "webex_message_id": message_id}
    about = row.recipient_name, row.ticket_id
    if _record("sent", row, changes, services, claimed_at=claimed_at):
        metrics.count_notification(notifications.SENT, row.reason)
        _logger.info("sent to %s (ticket %d)", *about, extra=extra)
    else:
        _logger.warning(
            "sent to %s (ticket %d), but another server took the message over: may be sent again", *about, extra=extra
        )


def _record_failure(row: notifications.Notification, error: Exception, services: Services) -> None:
    now = services.clocks.now()
    with db.session():
        failed_holds = holds.failed_in_a_row("webex", now)
    verdict = retry.message_failed(
        error,
        now=now,
        give_up_at=row.give_up_at,
        failures=row.failures,
        failing_since=row.failing_since,
        failed_holds=failed_holds,
        jitter=services.jitter(),
        give_up_until=services.clocks.give_up_until(),
    )
    dead = verdict.retry_at is None
    changes: dict[str, Any] = {
        "state": notifications.DEAD if dead else notifications.PENDING,
        "attempts": row.attempts + 1,
        "failures": verdict.failures,
        "failing_since": verdict.failing_since,
        "next_try_at": verdict.retry_at,
        "error": verdict.reason,
        "tracking_id": verdict.tracking_id,
        "may_be_overtaken": verdict.may_be_overtaken,
        "possible_duplicate": row.possible_duplicate or verdict.possible_duplicate,
        **({"give_up_at": now} if dead else {}),
    }
    if _record("not-sent", row, changes, services, verdict=verdict) and dead:
        metrics.count_notification(notifications.DEAD, row.reason)
    _logger.log(
        logging.ERROR if dead else logging.WARNING,
        "could not send to %s (ticket %d): %s; %s",
        row.recipient_name,
        row.ticket_id,
        verdict.reason,
        f"will retry at {verdict.retry_at:%H:%M:%S}Z" if verdict.retry_at else "given up",
        exc_info=None if isinstance(error, errors.TicketbotError) else error,
        extra={"ticket_id": row.ticket_id, "notification_id": row.id, "tracking_id": verdict.tracking_id},
    )


def _record(
    name: str,
    row: notifications.Notification,
    changes: dict[str, Any],
    services: Services,
    *,
    claimed_at: datetime | None = None,
    verdict: retry.MessageVerdict | None = None,
) -> bool:
    """Record an outcome, retrying while the database is unavailable: a sent message must not go unrecorded.

    Return False without recording it if another server took the message over, or this one stops. `claimed_at` is given
    for a success.
    """
    while True:
        try:
            with db.transaction(name):
                recorded = notifications.record(row, changes)
                if claimed_at:
                    holds.end("webex", called_at=claimed_at)
                    notifications.retry_backing_off_now(services.clocks.now())
                if verdict and verdict.hold_until:
                    now = services.clocks.now()
                    holds.begin("webex", until=verdict.hold_until, now=now, reason=verdict.reason)
        except errors.Unreachable as error:
            _logger.warning("cannot record the outcome of notification %d yet, will retry: %s", row.id, error)
            if not services.pause(1.0):
                return False
        else:
            return recorded
