"""Quiet hours: recurring hours in which a recipient's notifications wait (N4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, get_args

import msgspec
import peewee

from ticketbot.api import calm_responses, requests
from ticketbot.database import db, sql
from ticketbot.decide import calm
from ticketbot.models import quiet_hours, recipients
from ticketbot.pipeline import calm_hours
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit
from ticketbot.server.routes import rules as rules_api
from ticketbot.settings import types

ROUTES = operations.Routes("quiet hours")

QuietHours = quiet_hours.QuietHours

_COLUMNS = {"days": "days", "from_": "start", "to": "end", "urgent": "urgent", "enabled": "enabled"}
"""The columns of fields that are stored as they are given."""


@ROUTES.get("/notifiers/quiet-hours", "List quiet hours")
def list_quiet_hours(query: requests.Page) -> operations.Listing[calm_responses.QuietHours]:
    return operations.listing(_rows(), QuietHours.id, query, _quiet_hours)


@ROUTES.get("/notifiers/quiet-hours/{quiet_hours_id}", "Show quiet hours")
def get_quiet_hours(quiet_hours_id: int) -> calm_responses.QuietHours:
    return _quiet_hours(_found(quiet_hours_id))


@ROUTES.post("/notifiers/quiet-hours", "Add quiet hours", scope="operate", status=201)
def create_quiet_hours(
    body: requests.NewQuietHours, caller: authentication.Caller, services: operations.Services
) -> calm_responses.QuietHours:
    rules_api.check_condition(body.urgent, "urgent")
    with db.transaction("create-quiet-hours"):
        sql.advisory_lock("quiet-hours")
        made = add(body, caller, services)
        refuse_endless(made.id, services)
    services.wake_messages()
    return made


@ROUTES.patch(
    "/notifiers/quiet-hours/{quiet_hours_id}", "Change quiet hours; what is held moves with them", scope="operate"
)
def update_quiet_hours(
    quiet_hours_id: int,
    body: requests.QuietHoursChanges,
    caller: authentication.Caller,
    services: operations.Services,
) -> calm_responses.QuietHours:
    changes = operations.given(body)
    rules_api.check_condition(changes.get("urgent"), "urgent")
    with db.transaction("update-quiet-hours"):
        sql.advisory_lock("quiet-hours")
        before, after = _quiet_hours(_found(quiet_hours_id)), replace(quiet_hours_id, changes, caller, services)
        if after != before:
            refuse_endless(quiet_hours_id, services)
    services.wake_messages()
    return after


@ROUTES.delete("/notifiers/quiet-hours/{quiet_hours_id}", "Delete quiet hours; what they held is sent", scope="operate")
def delete_quiet_hours(quiet_hours_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    with db.transaction("delete-quiet-hours"):
        sql.advisory_lock("quiet-hours")
        remove(quiet_hours_id, caller, services)
    services.wake_messages()


def check(body: requests.NewQuietHours, services: operations.Services) -> requests.NewQuietHours:
    """Return quiet hours to add as they are stored; raises `InvalidInput`."""
    rules_api.check_condition(body.urgent, "urgent")
    days, zone = _in_order(body.days), _time_zone(body.timezone, services)
    return msgspec.structs.replace(body, days=days, timezone=zone)


def add(
    body: requests.NewQuietHours, caller: authentication.Caller, services: operations.Services
) -> calm_responses.QuietHours:
    """Add quiet hours inside a transaction, which has still to refuse endless ones."""
    row = QuietHours(created_at=services.now())
    _change(row, msgspec.structs.asdict(body), services)
    row.save()
    made = _quiet_hours(row)
    audit.record(caller, services.now(), "create", "quiet_hours", made.id, after=made)
    calm_hours.move_held(row.recipient_id, services.now())
    return made


def replace(
    row_id: int, changes: Mapping[str, Any], caller: authentication.Caller, services: operations.Services
) -> calm_responses.QuietHours:
    """Change quiet hours inside a transaction, which has still to refuse endless ones."""
    row = _found(row_id)
    before = _quiet_hours(row)
    _change(row, changes, services)
    after = _quiet_hours(row)
    if after != before:
        row.save()
        audit.record(caller, services.now(), "update", "quiet_hours", row_id, before=before, after=after)
        calm_hours.move_held(_everybody(before, after), services.now())
    return after


def remove(row_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    """Delete quiet hours inside a transaction."""
    row = _found(row_id)
    audit.record(caller, services.now(), "delete", "quiet_hours", row_id, before=_quiet_hours(row))
    row.delete_instance()
    calm_hours.move_held(row.recipient_id, services.now())


def stored() -> list[calm_responses.QuietHours]:
    """Return all quiet hours, by id."""
    return list(map(_quiet_hours, _rows().order_by(QuietHours.id)))


def _everybody(before: calm_responses.QuietHours, after: calm_responses.QuietHours) -> int | None:
    """Return the recipient whose quiet hours were changed, None if that concerns others, too."""
    return after.recipient_id if before.recipient_id == after.recipient_id else None


def _change(row: QuietHours, changes: Mapping[str, Any], services: operations.Services) -> None:
    """Give quiet hours the fields of a request; raises `InvalidInput`."""
    given = dict(changes)
    if "days" in given:
        given["days"] = _in_order(given["days"])
    for name, column in _COLUMNS.items():
        if name in given:
            setattr(row, column, given[name])
    if "recipient_id" in changes:
        number = changes["recipient_id"]
        row.recipient = None if number is None else operations.known_recipient("recipient_id", number)
    if "timezone" in changes:
        row.timezone = _time_zone(changes["timezone"], services)


def _in_order(days: Collection[str]) -> list[str]:
    return [day for day in get_args(calm_responses.Weekday) if day in days]


def _time_zone(name: str | None, services: operations.Services) -> str:
    if name is None:
        return str(services.timezone)
    try:
        return types.time_zone(name).key
    except types.InvalidSetting as error:
        raise operations.invalid_field("timezone", str(error)) from error


def refuse_endless(row_id: int, services: operations.Services) -> None:
    """Raise `InvalidInput` if the hours of a recipient together leave a week without any other time (N4)."""
    row = _found(row_id)
    together = [each for each in calm_hours.current() if each.recipient_id == row.recipient_id]
    if calm.leave_no_time(together, services.now()):
        others = [str(each.id) for each in together if each.id != row.id]
        with_ = f" together with quiet hours {', '.join(others)}" if others else ""
        raise operations.invalid_field("days", f"This leaves a week without any other time{with_}")


def _rows() -> peewee.ModelSelect:
    return QuietHours.select(QuietHours, recipients.Recipient).join(recipients.Recipient, peewee.JOIN.LEFT_OUTER)


def _found(row_id: int) -> QuietHours:
    found: QuietHours = operations.or_not_found(_rows().where(QuietHours.id == row_id).first(), "quiet hours", row_id)
    return found


def _quiet_hours(row: QuietHours) -> calm_responses.QuietHours:
    return calm_responses.QuietHours(
        id=row.id,
        recipient_id=row.recipient_id,
        recipient_name=row.recipient.name if row.recipient_id is not None else None,
        days=row.days,
        from_=row.start,
        to=row.end,
        timezone=row.timezone,
        urgent=row.urgent,
        enabled=row.enabled,
    )
