"""What an import did, in columns (M1)."""

from __future__ import annotations

from operator import attrgetter

from ticketbot.present.entities import Column


def _columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name.replace("_", " "), attrgetter(name)) for name in names)


TABLES = (
    Column("table", attrgetter("table")),
    *(Column(name, attrgetter(name), "id") for name in ("read", "imported", "known")),
)
FORWARDS = _columns("source", "destination", "start_there", "end_there", "start", "end")
LEFT_OUT = _columns("table", "what", "why")
