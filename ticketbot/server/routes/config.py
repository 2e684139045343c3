"""The runtime configuration, which every server reads from the database whenever it needs it."""

from __future__ import annotations

import msgspec

from ticketbot.api import requests, responses
from ticketbot.background import outbox_upkeep
from ticketbot.database import db, sql
from ticketbot.decide.reasons import NOTIFICATIONS_OFF
from ticketbot.models import messages, runtime_config
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

ROUTES = operations.Routes("config")

SHORTEST_CATCH_UP_S = 30


@ROUTES.get("/config", "Show the runtime configuration")
def get_config() -> responses.Config:
    return _config()


@ROUTES.put("/config", "Change any part of the runtime configuration")
def update_config(
    body: requests.ConfigChanges, caller: authentication.Caller, services: operations.Services
) -> responses.Config:
    changes = operations.given(body)
    if 0 < changes.get("catch_up_interval", 0) < SHORTEST_CATCH_UP_S:
        raise operations.invalid_field("catch_up_interval", "Give 0, or 30 to 86400 seconds")
    skipped = 0
    with db.transaction("update-config"):
        sql.advisory_lock("config")
        before = _config()
        after = msgspec.structs.replace(before, **changes)
        runtime_config.save(changes)
        if before.attempt_notify and not after.attempt_notify:
            # Not left to the housekeeping: who switches on again a moment later must find nothing that waits (D1).
            skipped = messages.skip_pending([NOTIFICATIONS_OFF])
        if after != before:
            audit.record(caller, services.now(), "update", "config", before=before, after=after)
    outbox_upkeep.report_switched_off(skipped)
    return after


def _config() -> responses.Config:
    return msgspec.convert(runtime_config.load(), responses.Config, from_attributes=True)
