"""Have the servers of 1.x stop before their tables are rebuilt (O5).

Servers of 1.1.0 look every 5 s whether the database still allows them, release what they claimed, and stop. Servers of
1.0.0 do not look; their leases give them away, and last a minute at most once their server is gone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from ticketbot import errors
from ticketbot.database import db, sql
from ticketbot.models import facts

SERVERS_LOOK_WITHIN_S = 10.0  # 5 s, and the time to finish what is in flight
LOOK_AGAIN_AFTER_S = 5.0
LEASES_LAST_S = 75.0

_LIVING = (
    "SELECT lease_owner FROM event WHERE state = 'running' AND lease_until > ?",
    "SELECT lease_owner FROM notification WHERE state = 'sending' AND lease_until > ?",
    "SELECT owner FROM sync_run WHERE state = 'running' AND lease_until > ?",
    "SELECT owner FROM lease WHERE until > ?",
)

_logger = logging.getLogger(__name__)


def stop_servers(pause: Callable[[float], object]) -> None:
    """Return once no server of 1.x works on the database, at once if the database is not of 1.x.

    Raises `Conflict` if one goes on; it may then do so unhindered.
    """
    if not db.database.table_exists("lease"):
        return
    before = facts.Fact.get_or_none(facts.Fact.name == facts.OLDEST_PROGRAM)
    _allow("2.0.0")
    _logger.warning("this database is of 1.x: waiting for its servers to stop")
    pause(SERVERS_LOOK_WITHIN_S)
    waited_s = 0.0
    while owners := _owners():
        if waited_s > LEASES_LAST_S:
            _allow(before.value)
            raise errors.Conflict(
                f"A server of tbot 1.0.0 still uses this database ({', '.join(owners)}). Nothing was changed. "
                "Stop it, then start again"
            )
        pause(LOOK_AGAIN_AFTER_S)
        waited_s += LOOK_AGAIN_AFTER_S


def _owners() -> list[str]:
    now = datetime.now(UTC)
    with db.session():
        return sorted({str(owner) for query in _LIVING for (owner,) in sql.execute(query, now).fetchall()})


def _allow(oldest: str) -> None:
    with db.transaction("oldest-program"):
        facts.Fact.update(value=oldest).where(facts.Fact.name == facts.OLDEST_PROGRAM).execute()
