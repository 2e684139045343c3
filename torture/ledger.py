"""The database as plain SQL reads it: the second of the three sources that the checker compares."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from torture import databases
from torture.generator import timestamp

_ROWS = """
    SELECT ledger.id, ledger.ticket_id, event_id, subject, target, events, note_kind, note_id, ledger.recipient_id,
           ledger.state, reasons, ledger.forwarded_from, shown, COALESCE(possible_duplicate, FALSE),
           COALESCE(overtaken, FALSE), webex_message_id, ledger.created_at, COALESCE(message.error, ledger.error),
           COALESCE(place, ledger.id), ledger.held_until, ledger.message_id
    FROM notification AS ledger LEFT JOIN message ON message.id = ledger.message_id
"""


@dataclass(slots=True)
class Row:
    """One notification of the ledger."""

    id: int
    ticket_id: int
    event_id: int | None
    subject: str
    target: str
    events: tuple[str, ...]
    note_kind: str | None
    note_id: int | None
    recipient_id: int | None
    state: str
    reason: str  # code
    chain: tuple[str, ...]
    shown: bool
    possible_duplicate: bool
    overtaken: bool
    webex_message_id: str | None
    created_at: float
    error: str | None
    place: int
    held_until: float | None  # quiet hours held it, at last until then
    message_id: int | None


class Ledger:
    """Queries on the database of a run."""

    def __init__(self, database: databases.Database) -> None:
        self._database = database

    def rows(self, after_id: int = 0) -> list[Row]:
        """Return the notifications with higher ids than `after_id`, in order."""
        found = self._database.rows(f"{_ROWS} WHERE ledger.id > {after_id} ORDER BY ledger.id")
        return [_row(each) for each in found]

    def unfinished_work(self) -> dict[str, int]:
        """Return the number of unfinished events and notifications by state."""
        events = self._database.rows("SELECT state, COUNT(*) FROM event WHERE state <> 'done' GROUP BY state")
        messages = self._database.rows(
            "SELECT state, COUNT(*) FROM notification WHERE state IN ('pending', 'sending') GROUP BY state"
        )
        return {f"events {state}": n for state, n in events} | {f"notifications {state}": n for state, n in messages}

    def decided_notes(self) -> set[tuple[str, int]]:
        """Return the kind and id of each decided note."""
        return set(self._database.rows("SELECT kind, note_id FROM note WHERE decided_at IS NOT NULL"))

    def announced(self) -> set[int]:
        """Return the ids of announced tickets."""
        return {each for (each,) in self._database.rows("SELECT id FROM ticket WHERE announced_at IS NOT NULL")}

    def processed_message_ids(self) -> set[str]:
        """Return the message ids of all webhooks that were committed."""
        return {each for (each,) in self._database.rows("SELECT message_id FROM processed_message")}

    def webhooks_counted(self) -> int:
        """Return the number of webhooks and catch-up finds in all events."""
        return int(self._database.rows("SELECT COALESCE(SUM(hooks), 0) FROM event")[0][0])

    def repeated_decisions(self) -> list[tuple[Any, ...]]:
        """Return (subject, target, count) for what was decided more than once."""
        return self._database.rows(
            "SELECT subject, target, COUNT(*) FROM notification GROUP BY subject, target HAVING COUNT(*) > 1"
        )

    def inconsistent_states(self) -> list[tuple[Any, ...]]:
        """Return what is `sent` without a Webex id or time, or has one without being `sent`."""
        return self._database.rows(
            "SELECT id, state FROM message WHERE (state = 'sent') <> (webex_message_id IS NOT NULL) "
            "UNION ALL SELECT id, state FROM notification WHERE (state = 'sent') <> (sent_at IS NOT NULL)"
        )

    def events_from_forged_webhooks(self) -> list[tuple[Any, ...]]:
        """Return events about tickets that appear only in forged webhooks."""
        return self._database.rows("SELECT id, ticket_id FROM event WHERE ticket_id >= 9000000")

    def dead_events(self) -> list[tuple[Any, ...]]:
        """Return the dead events."""
        return self._database.rows("SELECT id, ticket_id, error FROM event WHERE state = 'dead'")

    def flagged_messages(self) -> list[tuple[int, int]]:
        """Return ticket and recipient of the messages that may be repeats, or were refused as replies."""
        return self._database.rows(
            "SELECT ticket_id, recipient_id FROM message "
            "WHERE ticket_id IS NOT NULL AND (possible_duplicate OR thread_refused)"
        )

    def event_counts(self) -> dict[str, int]:
        """Return the number of events by source."""
        return defaultdict(int, self._database.rows("SELECT source, COUNT(*) FROM event GROUP BY source"))


def _row(values: tuple[Any, ...]) -> Row:
    fields = list(values)
    fields[5], fields[11] = tuple(json.loads(fields[5])), tuple(json.loads(fields[11]))
    fields[10] = json.loads(fields[10])[0]["code"]
    fields[12:15] = map(bool, fields[12:15])
    fields[16] = timestamp(fields[16])
    fields[19] = None if fields[19] is None else timestamp(fields[19])
    return Row(*fields)
