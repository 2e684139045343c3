"""The query language of ConnectWise: `conditions` that select records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from ticketbot.connectwise import records

LONGEST_CONDITIONS = 1400  # the vendor advises against addresses of more than 2,000 characters; the rest needs room
LONGEST_IDENTIFIER = 60  # 15 today; whatever is longer than this is no member
# No way to escape a quote inside a literal is documented, and [ ] % are wildcards.
UNQUOTABLE = frozenset("\"'\\[]%*")


def ticket_conditions(
    boards: frozenset[int] | None, open_only: bool, updated_after: datetime | None, after_id: int
) -> str:
    """Return conditions for tickets, empty for all."""
    parts = ["closedFlag=false"] if open_only else []
    parts += [f"id>{after_id}"] if after_id else []
    if updated_after is not None:
        # Whole seconds with Z: fractions are refused, and offsets were once misread (reference: "API timezone bug").
        parts.append(f"lastUpdated>=[{updated_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}]")
    if boards is not None:
        on_boards = f"board/id in ({','.join(str(id_) for id_ in sorted(boards))})"
        # Too many boards for one address: all are asked for, and those not wanted left out afterwards.
        parts += [on_boards] if len(quote(on_boards)) <= LONGEST_CONDITIONS else []
    return " and ".join(parts)


def is_on_board(ticket: records.Ticket, boards: frozenset[int]) -> bool:
    """Return whether a ticket is on one of some boards."""
    return ticket.board is not None and ticket.board.id in boards


def identifier_conditions(identifiers: Sequence[str]) -> Iterator[str]:
    """Yield conditions that together name all identifiers, each short enough for an address."""
    chunk: list[str] = []
    length = 0
    for identifier in identifiers:
        literal = f'"{identifier}"'
        added = len(quote(f"{literal},", safe=""))
        if chunk and length + added > LONGEST_CONDITIONS:
            yield f"identifier in ({','.join(chunk)})"
            chunk, length = [], 0
        chunk.append(literal)
        length += added
    if chunk:
        yield f"identifier in ({','.join(chunk)})"
