"""The runtime configuration, which every server reads from the database whenever it needs it."""

from __future__ import annotations

import msgspec

from ticketbot import asked, db, shapes
from ticketbot.decide import plan
from ticketbot.jobs import housekeeping
from ticketbot.models import notifications, state
from ticketbot.server import access
from ticketbot.server.api import audit, operations

TABLE = operations.Table("config")

SHORTEST_CATCH_UP_S = 30


@TABLE.get("/config", "Show the runtime configuration")
def get_config() -> shapes.Config:
    return _config()


@TABLE.put("/config", "Change any part of the runtime configuration")
def update_config(body: asked.ConfigChanges, caller: access.Caller, desk: operations.Desk) -> shapes.Config:
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    if 0 < changes.get("catch_up_interval", 0) < SHORTEST_CATCH_UP_S:
        raise operations.wrong("catch_up_interval", "Give 0, or 30 to 86400 seconds")
    skipped = 0
    with db.transaction("update-config"):
        state.take_turns("config")
        before = _config()
        after = msgspec.structs.replace(before, **changes)
        state.write_config(changes)
        if before.attempt_notify and not after.attempt_notify:
            # Not left to the housekeeping: who switches on again a moment later must find nothing that waits (D1).
            skipped = notifications.skip_pending(plan.NOTIFICATIONS_OFF)
        if after != before:
            audit.record(caller, desk.now(), "update", "config", before=before, after=after)
    housekeeping.report_switched_off(skipped)
    return after


def _config() -> shapes.Config:
    return msgspec.convert(state.read_config(), shapes.Config, from_attributes=True)
