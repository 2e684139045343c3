"""The order in which one recipient gets messages (L4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from torture.ledger import Row

# Of two tickets: how much older a message must be to count as overtaken. A server can be paused for two minutes between
# deciding and committing, and its notifications have lower ids than what others committed meanwhile.
LATE_S = 150.0


@dataclass
class Received:
    """The messages that Webex accepted for one (subject, destination)."""

    ids: list[str] = field(default_factory=list)
    first_at: float = 0.0


def overtaken(arrived: list[tuple[float, Row]]) -> Iterator[tuple[Row, Row]]:
    """Yield each older message that arrived after a newer one, with that newer one.

    The ids of one ticket are in order. Tickets are decided in parallel, so between two of them the lower id may be
    committed later.
    """
    earliest_of_ticket: dict[int, tuple[float, Row]] = {}
    earliest: tuple[float, Row] | None = None
    for at, row in sorted(arrived, key=lambda each: -each[1].place):
        same = earliest_of_ticket.get(row.ticket_id)
        if not row.overtaken and row.held_until is None:  # urgent ones may overtake what is held
            if same and same[0] < at:
                yield row, same[1]
            elif earliest and earliest[0] < at and row.created_at + LATE_S < earliest[0]:
                yield row, earliest[1]
        if not same or at < same[0]:
            earliest_of_ticket[row.ticket_id] = (at, row)
        if not earliest or at < earliest[0]:
            earliest = (at, row)
