"""Webex rooms and people that can be told, and a message to try one."""

from __future__ import annotations

from ticketbot import asked, db, errors, shapes
from ticketbot.models import routing
from ticketbot.server import access
from ticketbot.server.api import audit, operations

TABLE = operations.Table("recipients")

TEST_MESSAGE = "**Test** from Ticketbot: messages for you arrive here. There is nothing to do."


@TABLE.get("/webex/rooms", "List recipients: rooms and people")
def list_recipients(query: asked.RecipientQuery) -> operations.Listing[shapes.Recipient]:
    rows = routing.Recipient.select()
    if query.type is not None:
        rows = rows.where(routing.Recipient.type == query.type)
    wanted = (query.q or "").casefold()  # not left to the database: SQLite folds the case of ASCII only

    def is_wanted(row: shapes.Recipient) -> bool:
        return wanted in row.name.casefold() or wanted in (row.email or "").casefold()

    return operations.listing(rows, routing.Recipient.id, query, _recipient, keep=is_wanted if wanted else None)


@TABLE.get("/webex/rooms/{recipient_id}", "Show a recipient")
def get_recipient(recipient_id: int) -> shapes.Recipient:
    return _recipient(_found(recipient_id))


@TABLE.post("/webex/rooms/{recipient_id}/test", "Send a message marked as a test, once", refuses=(409, 502))
def send_test_message(recipient_id: int, caller: access.Caller, desk: operations.Desk) -> shapes.TestSent:
    """Answer in Webex's words: 404 for a recipient that is gone there, 409 for a refusal, 502 when Webex fails."""
    row = _found(recipient_id)
    try:
        message_id = desk.webex.send(row.type, row.webex_id, TEST_MESSAGE)
    except errors.RemoteGone as error:
        raise errors.NotFound(f"Webex cannot find recipient {row.id}, {row.name}: {error}") from error
    except errors.RemoteRefused as error:
        raise errors.Conflict(str(error)) from error
    sent = shapes.TestSent(recipient_id=row.id, webex_message_id=message_id)
    with db.transaction("test-message"):
        audit.record(caller, desk.now(), "test", "recipient", row.id, after=sent)
    return sent


def _found(recipient_id: int) -> routing.Recipient:
    row = routing.Recipient.get_or_none(routing.Recipient.id == recipient_id)
    found: routing.Recipient = operations.found(row, "recipient", recipient_id)
    return found


def _recipient(row: routing.Recipient) -> shapes.Recipient:
    return shapes.Recipient(
        id=row.id,
        type=row.type,
        name=row.name,
        email=row.email,
        active=row.active,
        last_activity=row.last_activity,
    )
