"""All operations of the HTTP API, and the application that serves them."""

from __future__ import annotations

import functools

import bottle
import msgspec

from ticketbot.server import openapi, operations
from ticketbot.server.routes import (
    alerts,
    audit,
    config,
    connectwise,
    endpoint,
    events,
    export,
    forwards,
    notifications,
    quiet_hours,
    recipients,
    rules,
    silences,
    status,
    syncs,
    trials,
    users,
)

API_DESCRIPTION = operations.Routes("description")

GROUPS = (
    API_DESCRIPTION,
    status.ROUTES,
    users.ROUTES,
    connectwise.ROUTES,
    recipients.ROUTES,
    rules.ROUTES,
    trials.ROUTES,
    forwards.ROUTES,
    silences.ROUTES,
    quiet_hours.ROUTES,
    events.ROUTES,
    notifications.ROUTES,
    syncs.ROUTES,
    config.ROUTES,
    alerts.ROUTES,
    export.ROUTES,
    audit.ROUTES,
)


@API_DESCRIPTION.get("/openapi.json", "Describe this API")
def describe_api() -> msgspec.Raw:
    return _description()


def add_routes(app: bottle.Bottle, services: operations.Services) -> None:
    """Serve every operation of every table."""
    for operation in all_operations():
        endpoint.serve(app, operation, services)


def all_operations() -> list[operations.Operation]:
    """Return every operation, in the order of the documentation."""
    return [operation for table in GROUPS for operation in table.operations]


@functools.cache
def _description() -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(openapi.document(all_operations())))
