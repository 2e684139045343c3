"""Send one message: claim, render, post, record; retry or give up on failure (L1 to L4).

The claim is committed before the post and the outcome after it, so a kill in between leaves a row in `sending`: once
its server counts as dead, it is sent again and flagged as a possible duplicate.
"""

from __future__ import annotations

import contextlib
import logging
import random
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from ticketbot import errors, log, metrics
from ticketbot.database import availability, db
from ticketbot.decide import retry
from ticketbot.models import events, holds, messages, notifications, servers
from ticketbot.pipeline import clock, digest, render, service_outages, sign_in_message
from ticketbot.webex import markdown, webex_client

REPLY_REFUSED = (400, 403, 404)  # N2: what a deleted parent leads to is documented nowhere

_logger = logging.getLogger(__name__)


class Services(msgspec.Struct, frozen=True):
    """Dependencies of sending.

    `pause` waits the given seconds; if the server stops meanwhile, it returns False early. `claimed` wakes another
    sender, since there may be more messages.
    """

    webex: webex_client.Webex
    links: render.Links
    server: servers.Current
    clocks: clock.Clocks
    pause: Callable[[float], bool]
    jitter: Callable[[], float] = random.SystemRandom().random
    claimed: Callable[[], None] = lambda: None


class Failure(NamedTuple):
    """Why and when a message was not sent, and what becomes of it."""

    error: Exception
    verdict: retry.MessageVerdict
    now: datetime


def send_next(services: Services) -> bool:
    """Send the next due message; return False if there is none. A failure to send is recorded, not raised."""
    claimed_at = services.clocks.now()
    claimed = messages.claim(services.server.id, claimed_at, overdue_at=services.clocks.earlier())
    if claimed is None:
        return False
    services.claimed()
    with (
        log.bound_correlation(claimed.message.correlation),
        services.server.working_on("message", claimed.message.id),
    ):
        try:
            claimed = _rendered(claimed, services)
            message_id = post(claimed.message, services.webex)
        except Exception as error:  # noqa: BLE001  (a bug with one message must not stop the others)
            _record_failure(claimed, error, services)
        else:
            _record_sent(claimed, message_id, claimed_at, services)
    return True


def _rendered(claimed: messages.Claimed, services: Services) -> messages.Claimed:
    """Write the text; what does not fit into a digest is left to another one before anything is posted (N4)."""
    with db.session():
        write = digest.render_message if claimed.message.is_digest else render.render
        text, hidden, rest = write(claimed, services.links)
        claimed.message.parent_id = render.parent_id(claimed)
    if rest:
        now = services.clocks.now()
        with db.transaction("split-digest"):
            if not messages.split_digest(claimed, rest, now):
                raise errors.Conflict(f"another server took over digest {claimed.message.id}")
        services.claimed()
    claimed.message.markdown = sign_in_message.with_link(
        text, claimed.message.id, services.links.panel, services.clocks.now
    )
    left = {row.id for row in rest}
    carried = [row for row in claimed.notifications if row.id not in left]
    return claimed._replace(notifications=carried, hidden=hidden)


def post(message: messages.Message, webex: webex_client.Webex) -> str:
    """Post a message, and return Webex's id of it.

    One that Webex refuses as a reply is posted once more on its own, and begins a new thread (N2); one that it finds
    too long, half as long (B2).
    """
    try:
        return _post_fitting(message, webex)
    except errors.RemoteError as error:
        is_refused = error.status in REPLY_REFUSED and not isinstance(error, errors.MessageTooLong)
        if message.parent_id is None or not is_refused:
            raise
        _logger.warning("Webex refused message %d as a reply; resending it on its own: %s", message.id, error)
        message.parent_id, message.thread_refused = None, True
        return _post_fitting(message, webex)


def hold_after(error: errors.RemoteError, now: datetime) -> errors.RemoteError | None:
    """Hold all sending if a message that is tried only once got a 429 or 401 (L2); call it inside a transaction.

    Return the failure if an outage begins with it.
    """
    failed_holds = holds.failed_in_a_row("webex", now)
    verdict = retry.message_failed(
        error, now=now, give_up_at=now, failures=0, failing_since=None, failed_holds=failed_holds, jitter=0.0
    )
    _hold(verdict, now)
    return service_outages.record(service_outages.MESSAGES, error, now) if verdict.hold_until else None


def _post_fitting(message: messages.Message, webex: webex_client.Webex) -> str:
    recipient = message.recipient
    try:
        return webex.send(recipient.type, recipient.webex_id, message.markdown, message.parent_id)
    except errors.MessageTooLong:
        _logger.warning("Webex rejected message %d as too long; resending half of it", message.id)
        message.markdown = markdown.halve(message.markdown)
        return webex.send(recipient.type, recipient.webex_id, message.markdown, message.parent_id)


def _record_sent(claimed: messages.Claimed, message_id: str, claimed_at: datetime, services: Services) -> None:
    now = services.clocks.now()
    changes = {"state": notifications.SENT, "webex_message_id": message_id}
    extra = _about(claimed) | {"webex_message_id": message_id}
    name, ticket_id = claimed.message.recipient.name, claimed.message.ticket_id
    if _record("sent", claimed, changes, {"sent_at": now}, services, claimed_at=claimed_at):
        _count(claimed, notifications.SENT)
        _observe_delay(claimed, now)
        _logger.info("sent to %s (ticket %s)", name, ticket_id, extra=extra)
    else:
        _logger.warning("sent to %s (ticket %s), but not recorded: may be sent again", name, ticket_id, extra=extra)


def _record_failure(claimed: messages.Claimed, error: Exception, services: Services) -> None:
    now, message = services.clocks.now(), claimed.message
    with db.session():
        failed_holds = holds.failed_in_a_row("webex", now)
    verdict = retry.message_failed(
        error,
        now=now,
        give_up_at=_give_up_at(claimed),
        failures=message.failures,
        failing_since=message.failing_since,
        failed_holds=failed_holds,
        jitter=services.jitter(),
        give_up_until=services.clocks.give_up_until(),
    )
    is_dead = verdict.retry_at is None
    changes = {
        "state": notifications.DEAD if is_dead else notifications.PENDING,
        "failures": verdict.failures,
        "failing_since": verdict.failing_since,
        "due_at": verdict.retry_at or now,
        "error": verdict.reason,
        "tracking_id": verdict.tracking_id,
        "may_be_overtaken": verdict.may_be_overtaken,
        "possible_duplicate": message.possible_duplicate or verdict.possible_duplicate,
    }
    failure = Failure(error, verdict, now)
    shared = {"died_at": now} if is_dead else {}
    if _record("not-sent", claimed, changes, shared, services, failure=failure) and is_dead:
        _count(claimed, notifications.DEAD)
    _logger.log(
        service_outages.log_level(error, is_dead=is_dead),
        "could not send to %s (ticket %s): %s; %s",
        message.recipient.name,
        message.ticket_id,
        verdict.reason,
        f"will retry at {verdict.retry_at:%H:%M:%S}Z" if verdict.retry_at else "given up",
        exc_info=None if isinstance(error, errors.TicketbotError) else error,
        extra=_about(claimed) | {"tracking_id": verdict.tracking_id},
    )


def _give_up_at(claimed: messages.Claimed) -> datetime:
    due_at: Any = claimed.message.not_before
    return max((row.give_up_at for row in claimed.notifications), default=due_at + retry.GIVE_UP_AFTER)


def _about(claimed: messages.Claimed) -> dict[str, Any]:
    carried = [row.id for row in claimed.notifications]
    return {"ticket_id": claimed.message.ticket_id, "message_id": claimed.message.id, "notification_ids": carried}


def _count(claimed: messages.Claimed, state: str) -> None:
    for row in claimed.notifications:
        metrics.NOTIFICATIONS.labels(state, row.reasons[0]["code"]).inc()


def _observe_delay(claimed: messages.Claimed, now: datetime) -> None:
    """Count how long webhooks took to become this message (O3); what quiet hours held was to be late."""
    ids = {row.event_id for row in claimed.notifications if row.event_id is not None and row.held_until is None}
    if not ids:
        return
    with contextlib.suppress(errors.Unreachable), db.session():  # it is sent and recorded; a figure may be missing
        for received_at in events.webhooks_received_at(ids):
            metrics.WEBHOOK_TO_MESSAGE.observe(max(0.0, (now - received_at).total_seconds()))


def _record(
    name: str,
    claimed: messages.Claimed,
    changes: dict[str, Any],
    shared: dict[str, Any],
    services: Services,
    *,
    claimed_at: datetime | None = None,
    failure: Failure | None = None,
) -> bool:
    """Record an outcome, retrying while the database is unavailable: a sent message must not go unrecorded.

    Return False without recording it if another server took the message over, or this one stops. `claimed_at` is given
    for a success.
    """
    message = claimed.message
    both, begun, ended = _posted(message) | changes, None, None

    def write() -> bool:
        nonlocal begun, ended
        with db.transaction(name):
            recorded = messages.record(claimed, both, shared)
            if claimed_at:
                holds.end("webex", called_at=claimed_at)
                ended = service_outages.record_success(service_outages.MESSAGES, claimed_at)
                messages.retry_backing_off_now(services.clocks.now())
            if failure:
                begun = service_outages.record(service_outages.MESSAGES, failure.error, failure.now)
                _hold(failure.verdict, services.clocks.now())
        return recorded

    try:
        recorded = availability.retry_while_unavailable(write, services.pause)
    except errors.Unreachable as error:
        _logger.warning("the outcome of message %d is not recorded: %s", message.id, error)
        return False
    service_outages.log_start(service_outages.MESSAGES, begun, services.clocks.now())
    service_outages.log_end(ended, services.clocks.now())
    return recorded


def _posted(message: messages.Message) -> dict[str, Any]:
    """Return what is recorded of a post, whatever became of it; a sign-in link is not."""
    posted = {name: getattr(message, name) for name in ("parent_id", "thread_refused")}
    return {"attempts": message.attempts + 1, "markdown": sign_in_message.without_link(message.markdown), **posted}


def _hold(verdict: retry.MessageVerdict, now: datetime) -> None:
    if verdict.hold_until:
        needs_person = verdict.needs_person
        holds.begin("webex", until=verdict.hold_until, now=now, reason=verdict.reason, needs_person=needs_person)
