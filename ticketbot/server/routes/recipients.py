"""Webex rooms and people that can be notified, and a test message to one."""

from __future__ import annotations

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db, sql
from ticketbot.models import messages, notifications, plain_messages, recipients
from ticketbot.pipeline import deliver
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
    "/webex/rooms/{recipient_id}/test", "Send a message marked as a test, once", scope="operate", refuses=(409, 502)
)
def send_test_message(
    recipient_id: int, caller: authentication.Caller, services: operations.Services
) -> responses.TestMessageResult:
    """Answer in Webex's words: 404 for a recipient that is gone there, 409 for a refusal, 502 when Webex fails."""
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
    """Send a message without a ticket at once, and return Webex's id of it; a failure is recorded and raised."""
    with db.transaction("test-message"):
        claimed = plain_messages.add_claimed(row, text, services.server.id, services.now())
    try:
        with services.server.working_on("message", claimed.message.id):
            message_id = deliver.post(claimed.message, services.webex)
    except errors.RemoteError as error:
        changes = {"state": notifications.DEAD, "error": str(error), "tracking_id": error.tracking_id, "attempts": 1}
        with db.transaction("not-sent"):
            messages.record(claimed, changes)
        raise
    with db.transaction("sent"):
        messages.record(claimed, {"state": notifications.SENT, "webex_message_id": message_id, "attempts": 1})
    return message_id


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
