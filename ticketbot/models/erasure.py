"""What tickets are made to forget."""

from __future__ import annotations

from ticketbot.database import sql


def forget_compared() -> None:
    """Let what has changed since tickets were last decided be unknown, which is no change (T8)."""
    sql.execute("UPDATE ticket SET compared = NULL WHERE compared IS NOT NULL")
