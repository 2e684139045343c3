"""What the database says, read with plain SQL: the second of the three sources."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from torture import databases
from torture.generator import moment

_ROWS = """
    SELECT ledger.id, ledger.ticket_id, event_id, subject, target, events, note_kind, note_id, ledger.recipient_id,
           ledger.state, reasons, ledger.forwarded_from, shown, COALESCE(possible_duplicate, FALSE),
           COALESCE(overtaken, FALSE), webex_message_id, ledger.created_at, COALESCE(message.error, ledger.error),
           COALESCE(place, ledger.id)
    FROM notification AS ledger LEFT JOIN message ON message.id = ledger.message_id
"""


@dataclass(slots=True)
class Row:
    """One notification."""

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


class Ledger:
    """The database under torture."""

    def __init__(self, database: databases.Database) -> None:
        self._database = database

    def rows(self, after_id: int = 0) -> list[Row]:
        """Return the notifications behind an id, oldest first."""
        found = self._database.rows(f"{_ROWS} WHERE ledger.id > {after_id} ORDER BY ledger.id")
        return [_row(each) for each in found]

    def open_work(self) -> dict[str, int]:
        """Return how many events and notifications are not at their end."""
        events = self._database.rows("SELECT state, COUNT(*) FROM event WHERE state <> 'done' GROUP BY state")
        messages = self._database.rows(
            "SELECT state, COUNT(*) FROM notification WHERE state IN ('pending', 'sending') GROUP BY state"
        )
        return {f"events {state}": n for state, n in events} | {f"notifications {state}": n for state, n in messages}

    def decided_notes(self) -> set[tuple[str, int]]:
        """Return the notes that were decided."""
        return set(self._database.rows("SELECT kind, note_id FROM note WHERE decided_at IS NOT NULL"))

    def announced(self) -> set[int]:
        """Return the tickets that were announced."""
        return {each for (each,) in self._database.rows("SELECT id FROM ticket WHERE announced_at IS NOT NULL")}

    def seen_messages(self) -> set[str]:
        """Return the message ids of all hooks that were ever committed."""
        return {each for (each,) in self._database.rows("SELECT message_id FROM processed_message")}

    def hooks_counted(self) -> int:
        """Return how many hooks and finds of catch-up are in all events together."""
        return int(self._database.rows("SELECT COALESCE(SUM(hooks), 0) FROM event")[0][0])

    def twice(self) -> list[tuple[Any, ...]]:
        """Return what the ledger holds more than once."""
        return self._database.rows(
            "SELECT subject, target, COUNT(*) FROM notification GROUP BY subject, target HAVING COUNT(*) > 1"
        )

    def unsent_sent(self) -> list[tuple[Any, ...]]:
        """Return what is `sent` and has no Webex id or time, or has them and is not."""
        return self._database.rows(
            "SELECT id, state FROM message WHERE (state = 'sent') <> (webex_message_id IS NOT NULL) "
            "UNION ALL SELECT id, state FROM notification WHERE (state = 'sent') <> (sent_at IS NOT NULL)"
        )

    def strangers(self) -> list[tuple[Any, ...]]:
        """Return events of tickets that only forged hooks have named."""
        return self._database.rows("SELECT id, ticket_id FROM event WHERE ticket_id >= 9000000")

    def dead_events(self) -> list[tuple[Any, ...]]:
        """Return events that were given up."""
        return self._database.rows("SELECT id, ticket_id, error FROM event WHERE state = 'dead'")

    def event_counts(self) -> dict[str, int]:
        """Return how many events there were, by source."""
        return defaultdict(int, self._database.rows("SELECT source, COUNT(*) FROM event GROUP BY source"))


def _row(values: tuple[Any, ...]) -> Row:
    fields = list(values)
    fields[5], fields[11] = tuple(json.loads(fields[5])), tuple(json.loads(fields[11]))
    fields[10] = json.loads(fields[10])[0]["code"]
    fields[12:15] = map(bool, fields[12:15])
    fields[16] = moment(fields[16])
    return Row(*fields)
