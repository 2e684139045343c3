"""The runtime configuration, which every server reads from the database whenever it needs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ticketbot import log
from ticketbot.api import requests, responses
from ticketbot.background import outbox_upkeep
from ticketbot.database import db, sql
from ticketbot.models import facts, runtime_config
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

ROUTES = operations.Routes("config")

SHORTEST_CATCH_UP_S = 30


@ROUTES.get("/config", "Show the runtime configuration")
def get_config() -> responses.Config:
    return stored()


@ROUTES.put("/config", "Change any part of the runtime configuration", scope="admin")
def update_config(
    body: requests.ConfigChanges, caller: authentication.Caller, services: operations.Services
) -> responses.Config:
    changes = check(body)
    with db.transaction("update-config"):
        sql.advisory_lock("config")
        skipped = change(changes, caller, services)
        after = stored()
    outbox_upkeep.report_switched_off(skipped)
    return after


def check(body: requests.ConfigChanges) -> dict[str, Any]:
    """Return the changes of the configuration by name; raises `InvalidInput`."""
    changes = operations.given(body)
    for name in runtime_config.SECRETS:
        if changes.get(name) == log.HIDDEN:
            del changes[name]
    if changes.get("alert_recipient_id") is not None:
        operations.known_recipient("alert_recipient_id", changes["alert_recipient_id"])
    if 0 < changes.get("catch_up_interval", 0) < SHORTEST_CATCH_UP_S:
        raise operations.invalid_field("catch_up_interval", "Give 0, or 30 to 86400 seconds")
    return changes


def change(changes: Mapping[str, Any], caller: authentication.Caller, services: operations.Services) -> int:
    """Change the configuration inside a transaction. Return how many notifications this has skipped."""
    before, shown_before = runtime_config.load(), stored()
    runtime_config.save(changes)
    after = runtime_config.load()
    if after != before:
        audit.record(caller, services.now(), "update", "config", before=shown_before, after=stored())
    if after.sync_schedule != before.sync_schedule:  # a time of today that has passed is not meant (S5)
        facts.write_time(facts.SCHEDULED_SYNC, services.now())
    # Not left to the housekeeping: who switches on again a moment later must find nothing that waits (D1).
    is_switched_off = before.attempt_notify and not after.attempt_notify
    return outbox_upkeep.switch_off() if is_switched_off else 0


def stored() -> responses.Config:
    """Return the runtime configuration, secrets hidden."""
    config = msgspec.convert(runtime_config.load(), responses.Config, from_attributes=True)
    hidden = {name: log.HIDDEN for name in runtime_config.SECRETS if getattr(config, name) is not None}
    return msgspec.structs.replace(config, **hidden)
