"""The ledger: what was sent, what was not and why; and another try for what is dead (L5)."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import peewee

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db
from ticketbot.decide import absence, retry
from ticketbot.decide.reasons import Reason
from ticketbot.models import events, messages, notification_search, notifications, recipients, runtime_config
from ticketbot.present import reasons
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

ROUTES = operations.Routes("notifications")

Notification = notifications.Notification

_RETRIED_BY_DEFAULT = timedelta(hours=24)
_NO_MESSAGE = messages.Message()


@ROUTES.get("/notifications", "List the ledger")
def list_notifications(
    query: requests.NotificationQuery, services: operations.Services
) -> operations.Listing[responses.Notification]:
    rows = with_recipients()
    since = operations.moment("since", query.since, services.timezone)
    if query.state is not None:
        rows = rows.where(Notification.state == query.state)
    if since is not None:
        rows = rows.where(notifications.where_since(since))
    return operations.listing(rows.where(_where_matches(query)), Notification.id, query, notification)


@ROUTES.get("/notifications/{notification_id}", "Show a notification")
def get_notification(notification_id: int) -> responses.Notification:
    return _found(notification_id)


@ROUTES.post(
    "/notifications/{notification_id}/retry",
    "Send a dead notification again",
    scope="operate",
    status=202,
    refuses=(409,),
)
def retry_notification(
    notification_id: int, caller: authentication.Caller, services: operations.Services
) -> responses.Notification:
    now = services.now()
    with db.transaction("retry"):
        before = _found(notification_id)
        _ensure_sending_is_on()
        which = Notification.id == notification_id
        if not messages.retry_dead(which, now=now, give_up_at=now + retry.GIVE_UP_AFTER):
            raise errors.Conflict(f"Notification {notification_id} is {before.state}; only a dead one is sent again")
        after = _found(notification_id)
        audit.record(caller, now, "retry", "notification", notification_id, before=before, after=after)
    services.wake_messages()
    return after


@ROUTES.post("/notifications/retry", "Try everything again that is dead", scope="operate", status=202, refuses=(409,))
def retry_dead(
    caller: authentication.Caller, services: operations.Services, body: requests.RetryRequest | None = None
) -> responses.RetryResult:
    now, wanted = services.now(), body or requests.RetryRequest()
    since = operations.moment("since", wanted.since, services.timezone) or now - _RETRIED_BY_DEFAULT
    dead, ended = notifications.where_died_since(since) & _where_matches(wanted), _where_ended(wanted, since)
    if wanted.dry_run:
        _ensure_sending_is_on()
        return responses.RetryResult(notifications=notifications.count(dead), events=events.count_retryable(ended))
    with db.transaction("retry"):
        _ensure_sending_is_on()
        retried = responses.RetryResult(
            notifications=messages.retry_dead(dead, now=now, give_up_at=now + retry.GIVE_UP_AFTER),
            events=events.retry_dead(ended, now=now),
        )
        asked_for = {"state": notifications.DEAD, **msgspec.to_builtins(wanted), "since": since}
        audit.record(caller, now, "retry", "notifications", after=msgspec.structs.asdict(retried) | asked_for)
    services.wake_messages()
    services.wake_events()
    return retried


def with_recipients() -> peewee.ModelSelect:
    """Return the query for every notification with its recipient and its message, where it has one."""
    carried_by = messages.Message
    return (
        Notification.select(Notification, recipients.Recipient, carried_by)
        .join(recipients.Recipient, peewee.JOIN.LEFT_OUTER)
        .switch(Notification)
        .join(carried_by, peewee.JOIN.LEFT_OUTER, on=(Notification.message_id == carried_by.id), attr="carried_by")
    )


def where_about(subject: absence.Subject) -> peewee.Expression:
    """Return the condition that a notification is about somebody, whatever they were named then (D8)."""
    is_theirs = Notification.recipient.in_(list(subject.recipient_ids))
    return is_theirs | (Notification.recipient.is_null() & Notification.recipient_name.in_(list(subject.names)))


def notification(row: notifications.Notification) -> responses.Notification:
    """Return a notification as the API shows it; how its message fares is part of that."""
    message = row.carried_by if row.message_id is not None else _NO_MESSAGE
    return responses.Notification(
        id=row.id,
        ticket_id=row.ticket_id,
        note_id=row.note_id,
        note_kind=row.note_kind,
        kind="new" if "new" in row.events else "update",
        events=row.events,
        recipient_id=row.recipient_id,
        recipient_name=row.recipient_name,
        recipient_type=row.recipient.type if row.recipient_id is not None else None,
        state=row.state,
        reason=reasons.text(msgspec.convert(row.reasons, list[Reason])),
        forwarded_from=list(row.forwarded_from),
        message_id=row.message_id,
        held_until=row.held_until,
        shown=row.shown,
        attempts=message.attempts,
        error=message.error or row.error,
        possible_duplicate=message.possible_duplicate,
        overtaken=message.overtaken,
        webex_message_id=message.webex_message_id,
        tracking_id=message.tracking_id,
        thread_root_id=message.parent_id,
        thread_refused=message.thread_refused,
        created_at=row.created_at,
        next_try_at=message.due_at if row.state == notifications.PENDING else None,
        sent_at=row.sent_at,
        died_at=row.died_at,
    )


def _where_matches(wanted: requests.NotificationQuery | requests.RetryRequest) -> peewee.Expression:
    which = peewee.Value(True)
    if wanted.ticket_id is not None:
        which &= Notification.ticket_id == wanted.ticket_id
    if wanted.recipient_id is not None:
        which &= Notification.recipient == wanted.recipient_id
    return which if wanted.q is None else which & notification_search.where_contains(wanted.q)


def _where_ended(wanted: requests.RetryRequest, since: datetime) -> peewee.Expression:
    """Return the condition of the events to retry: none if a recipient or words are given, which events do not have."""
    which = (events.Event.finished_at >= since) & peewee.Value(wanted.recipient_id is None and wanted.q is None)
    return which if wanted.ticket_id is None else which & (events.Event.ticket_id == wanted.ticket_id)


def _ensure_sending_is_on() -> None:
    if not runtime_config.load().attempt_notify:
        raise errors.Conflict("Notifications are switched off, so this would be skipped for good. Switch them on first")


def _found(notification_id: int) -> responses.Notification:
    row = with_recipients().where(Notification.id == notification_id).first()
    return notification(operations.or_not_found(row, "notification", notification_id))
