"""All operations of the HTTP API, and the application that serves them."""

from __future__ import annotations

import functools

import bottle
import msgspec

from ticketbot.server import openapi, operations
from ticketbot.server.routes import (
    audit,
    config,
    connectwise,
    endpoint,
    events,
    forwards,
    notifications,
    recipients,
    rules,
    syncs,
    users,
)

OWN = operations.Table("description")

TABLES = (
    OWN,
    users.TABLE,
    connectwise.TABLE,
    recipients.TABLE,
    rules.TABLE,
    forwards.TABLE,
    events.TABLE,
    notifications.TABLE,
    syncs.TABLE,
    config.TABLE,
    audit.TABLE,
)


@OWN.get("/openapi.json", "Describe this API")
def describe_api() -> msgspec.Raw:
    return _description()


def add_routes(app: bottle.Bottle, desk: operations.Desk) -> None:
    """Serve every operation of every table."""
    for operation in all_operations():
        endpoint.serve(app, operation, desk)


def all_operations() -> list[operations.Operation]:
    """Return every operation, in the order of the documentation."""
    return [operation for table in TABLES for operation in table.operations]


@functools.cache
def _description() -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(openapi.document(all_operations())))
