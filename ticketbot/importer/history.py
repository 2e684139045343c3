"""Import what the Go implementation has notified of, as decided, so that nothing is sent again (M1).

A row there says that a message was tried, not that it arrived, and no id of Webex was kept. So each becomes a skipped
notification whose reason says what is known; only what has an id of Webex is `sent` (L1).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from ticketbot.database import sql
from ticketbot.decide import values
from ticketbot.decide.reasons import Reason
from ticketbot.importer.copies import NOTE, Copies, chunks
from ticketbot.importer.report import Report
from ticketbot.importer.source import Row, Source
from ticketbot.models import notifications, recipients

ANNOUNCED_WITHIN = timedelta(minutes=2)  # of storing the ticket there

_TRIED = "sent by the Go implementation, not proven"
_RESULTS = {
    "sent": "sent by the Go implementation",
    "error": "the Go implementation failed to send it",
    "would_send": "a dry run of the Go implementation",
    "no_recipients": "the Go implementation found no recipient",
}


class History:
    """The import of notifications."""

    def __init__(self, source: Source, copies: Copies, report: Report, now: datetime) -> None:
        self._source, self._copies, self._report, self._now = source, copies, report, now
        self._seen: set[tuple[str, str]] = set()
        self._results: dict[int, Row] = {}

    def run(self) -> None:
        """Import all notifications."""
        for event in self._source.notification_events():
            payload = event["payload"] if isinstance(event["payload"], dict) else {}
            if payload.get("notification_id"):
                self._results[payload["notification_id"]] = payload
        columns = ("id", "ticket_id", "ticket_note_id", "recipient_id", "forwarded_from_id", "sent", "skipped")
        for chunk in chunks(self._source.rows("ticket_notification", *columns, "created_on")):
            rows = [self._notification(row) for row in chunk]
            new = sql.insert_new(notifications.Notification, rows)
            self._report.count("ticket_notification", read=len(chunk), imported=new, known=len(rows) - new)

    def _notification(self, row: Row) -> dict[str, Any]:
        recipient = self._copies.recipients.get(row["recipient_id"] or 0)
        subject, events = self._topic(row, recipient)
        target = f"recipient:{recipient.id}" if recipient else values.EVERYBODY
        if (subject, target) in self._seen:
            subject, events = f"imported:{row['id']}", ["changed"]
        self._seen.add((subject, target))
        created_at = self._source.moment(row["created_on"]) or self._now
        return {
            "ticket_id": row["ticket_id"],
            "subject": subject,
            "target": target,
            "events": events,
            "note_kind": NOTE if subject.startswith("note:") else None,
            "note_id": row["ticket_note_id"] if subject.startswith("note:") else None,
            "recipient": recipient.id if recipient else None,
            "recipient_name": recipient.name if recipient else values.EVERYBODY,
            "state": notifications.SKIPPED,
            "reasons": [Reason("imported", names=(self._what_became_of(row),))],
            "forwarded_from": self._chain(row),
            "created_at": created_at,
            "give_up_at": created_at,
        }

    def _topic(self, row: Row, recipient: recipients.Recipient | None) -> tuple[str, list[str]]:
        """Return subject and events; whether a ticket was new was not stored, but shows in what surrounds a row."""
        note_id, added_at = row["ticket_note_id"], self._copies.ticket_added_at.get(row["ticket_id"])
        is_room = recipient is not None and recipient.type == recipients.ROOM
        is_first = added_at is not None and row["created_on"] - added_at <= ANNOUNCED_WITHIN
        is_for_room = is_room and not row["forwarded_from_id"] and not self._source.has("workflow")
        if not note_id or is_for_room or is_first:
            return f"new:{row['ticket_id']}", ["new"]
        by_team = note_id in self._copies.member_notes
        return f"note:{NOTE}:{note_id}", ["team_note" if by_team else "customer_note"]

    def _what_became_of(self, row: Row) -> str:
        result = self._results.get(row["id"], {})
        if result.get("redirected_to"):
            return "it went to the redirect room of the Go implementation"
        if result.get("result") in _RESULTS:
            return _RESULTS[result["result"]]
        return "skipped by the Go implementation" if row["skipped"] else _TRIED

    def _chain(self, row: Row) -> list[str]:
        whole = self._results.get(row["id"], {}).get("forwarded_from")
        if isinstance(whole, list) and whole:
            return [str(name) for name in whole]
        last = self._copies.recipients.get(row["forwarded_from_id"] or 0)
        return [last.name] if last else []
