"""Webex rooms and people that can be notified, and a test message to one."""

from __future__ import annotations

from datetime import datetime

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db, sql
from ticketbot.models import holds, messages, notifications, plain_messages, recipients
from ticketbot.pipeline import deliver, service_outages
from ticketbot.present import words
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

ROUTES = operations.Routes("recipients")

TEST_MESSAGE = "**Test** from Ticketbot: messages for you arrive here. There is nothing to do."


@ROUTES.get("/webex/rooms", "List recipients: rooms and people")
def list_recipients(query: requests.RecipientQuery) -> operations.Listing[responses.Recipient]:
    rows = recipients.Recipient.select()
    if query.type is not None:
        rows = rows.where(recipients.Recipient.type == query.type)
    if query.q is not None:
        rows = rows.where(sql.where_contains(query.q, recipients.Recipient.name, recipients.Recipient.email))
    return operations.listing(rows, recipients.Recipient.id, query, _recipient)


@ROUTES.get("/webex/rooms/{recipient_id}", "Show a recipient")
def get_recipient(recipient_id: int) -> responses.Recipient:
    return _recipient(_found(recipient_id))


@ROUTES.post(
    "/webex/rooms/{recipient_id}/test",
    "Send a message marked as a test, once",
    scope="operate",
    refuses=(409, 502),
    has_session=False,
)
def send_test_message(
    recipient_id: int, caller: authentication.Caller, services: operations.Services
) -> responses.TestMessageResult:
    """Answer in Webex's words: 404 for a recipient that is gone there, 409 for a refusal, 502 when Webex fails."""
    with db.session():
        row = _found(recipient_id)
    try:
        message_id = send_once(row, TEST_MESSAGE, services)
    except errors.RemoteGone as error:
        raise errors.NotFound(f"Webex cannot find recipient {row.id}, {row.name}: {error}") from error
    except errors.RemoteRefused as error:
        raise errors.Conflict(str(error)) from error
    sent = responses.TestMessageResult(recipient_id=row.id, webex_message_id=message_id)
    with db.transaction("test-sent"):
        audit.record(caller, services.now(), "test", "recipient", row.id, after=sent)
    return sent


def send_once(row: recipients.Recipient, text: str, services: operations.Services) -> str:
    """Send a message without a ticket at once, and return Webex's id of it; a failure is recorded and raised.

    Nothing is posted while all sending is held, and a 429 or 401 holds it (L2). Call it outside a session (T3).
    """
    began_at = services.now()
    with db.transaction("test-message"):
        _ensure_not_held(began_at)
        claimed = plain_messages.add_claimed(row, text, services.server.id, began_at)
    try:
        with services.server.working_on("message", claimed.message.id):
            message_id = deliver.post(claimed.message, services.webex)
    except errors.RemoteError as error:
        changes = {"state": notifications.DEAD, "error": str(error), "tracking_id": error.tracking_id, "attempts": 1}
        with db.transaction("not-sent"):
            messages.record(claimed, changes)
            begun = deliver.hold_after(error, services.now())
        service_outages.log_start(service_outages.MESSAGES, begun, services.now())
        raise
    with db.transaction("sent"):
        messages.record(claimed, {"state": notifications.SENT, "webex_message_id": message_id, "attempts": 1})
        holds.end("webex", called_at=began_at)
    return message_id


def _ensure_not_held(now: datetime) -> None:
    """Raise `RemoteUnavailable` during a hold of Webex."""
    hold = holds.latest("webex")
    if hold is not None and hold.until > now:
        until = words.moment(hold.until, form="%Y-%m-%d %H:%M:%S")
        raise errors.RemoteUnavailable(
            f"Nothing is sent to Webex until {until}, so no test either; try again then. Reason: {hold.reason}",
            service="webex",
        )


def _found(recipient_id: int) -> recipients.Recipient:
    row = recipients.Recipient.get_or_none(recipients.Recipient.id == recipient_id)
    found: recipients.Recipient = operations.or_not_found(row, "recipient", recipient_id)
    return found


def _recipient(row: recipients.Recipient) -> responses.Recipient:
    return responses.Recipient(
        id=row.id,
        type=row.type,
        name=row.name,
        email=row.email,
        active=row.active,
        last_activity=row.last_activity,
    )
