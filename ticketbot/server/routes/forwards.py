"""Forwards: who gets another recipient's notifications, and when (F1 to F7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db, sql
from ticketbot.decide import forwarding, values
from ticketbot.models import forwards, plain_messages, recipients, runtime_config
from ticketbot.pipeline import calm_hours, load_facts, people
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit
from ticketbot.webex import markdown

ROUTES = operations.Routes("forwards")

_NAME_CHARS = 120
_WITHOUT_OFFSET = re.compile(r".*[T ][0-9:.]+")


@ROUTES.get("/notifiers/forwards", "List forwards")
def list_forwards(query: requests.ForwardQuery, services: operations.Services) -> operations.Listing[responses.Forward]:
    shape, wanted = _presenter(services), query.state
    keep = None if wanted is None else lambda row: row.state == wanted
    return operations.listing(forwards.all_forwards(), forwards.Forward.id, query, shape, keep=keep)


@ROUTES.get("/notifiers/forwards/preview", "Show who would get a notification for a recipient, and by which way")
def preview_forwards(query: requests.PreviewQuery, services: operations.Services) -> responses.Preview:
    asked_about = people.recipient(operations.known_recipient("recipient_id", query.recipient_id))
    at = operations.moment("at", query.at, services.timezone) or services.now()
    enabled = [load_facts.forward_fact(row, services.timezone) for row in forwards.enabled_forwards()]
    routed = forwarding.route([asked_about], enabled, at)
    return responses.Preview(
        recipient_id=asked_about.id,
        recipient_name=asked_about.name,
        at=at,
        deliveries=[
            responses.PreviewDelivery(
                recipient_id=each.recipient.id,
                recipient_name=each.recipient.name,
                recipient_type=each.recipient.type,
                chain=[*each.chain, each.recipient.name],
                forward_ids=[step.id for step in each.path],
            )
            for each in routed.deliveries
        ],
    )


@ROUTES.get("/notifiers/forwards/{forward_id}", "Show a forward")
def get_forward(forward_id: int, services: operations.Services) -> responses.Forward:
    return _presenter(services)(_found(forward_id))


@ROUTES.post("/notifiers/forwards", "Add a forward", scope="operate", status=201, refuses=(409,))
def create_forward(
    body: requests.NewForward, caller: authentication.Caller, services: operations.Services
) -> responses.Forward:
    checked = check(body, services)
    with db.transaction("create-forward"):
        sql.advisory_lock("forwards")
        forward = add(checked, caller, services)
        refuse_cycle(forward.id, services)
    services.wake_messages()
    return forward


@ROUTES.patch("/notifiers/forwards/{forward_id}", "Change a forward", scope="operate", refuses=(409,))
def update_forward(
    forward_id: int, body: requests.ForwardChanges, caller: authentication.Caller, services: operations.Services
) -> responses.Forward:
    with db.transaction("update-forward"):
        sql.advisory_lock("forwards")
        before, forward = _found(forward_id), replace(forward_id, operations.given(body), caller, services)
        if forward != _presenter(services)(before):
            refuse_cycle(forward_id, services)
    services.wake_messages()
    return forward


@ROUTES.delete("/notifiers/forwards/{forward_id}", "Delete a forward", scope="operate")
def delete_forward(forward_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    with db.transaction("delete-forward"):
        sql.advisory_lock("forwards")
        remove(forward_id, caller, services)


def check(body: requests.NewForward, services: operations.Services) -> requests.NewForward:
    """Return a forward to add with its times as they are stored; raises `InvalidInput`."""
    _ensure_ends_differ(body.source_id, body.destination_id)
    return msgspec.structs.replace(body, **_times(body.start, body.end, services.timezone))


def add(
    checked: requests.NewForward, caller: authentication.Caller, services: operations.Services
) -> responses.Forward:
    """Add a forward inside a transaction, which has still to refuse cycles."""
    columns = msgspec.structs.asdict(checked)
    source = operations.known_recipient("source_id", columns.pop("source_id"))
    destination = operations.known_recipient("destination_id", columns.pop("destination_id"))
    row = forwards.Forward(source=source, destination=destination, created_at=services.now(), **columns)
    row.save()
    forward = _presenter(services)(row)
    audit.record(caller, services.now(), "create", "forward", forward.id, after=forward)
    _inform_source(row, "set up", caller, services)
    return forward


def replace(
    forward_id: int, changes: Mapping[str, Any], caller: authentication.Caller, services: operations.Services
) -> responses.Forward:
    """Change a forward inside a transaction, which has still to refuse cycles."""
    shape, row = _presenter(services), _found(forward_id)
    before, changes = shape(row), dict(changes)
    for name in ("source", "destination"):
        if f"{name}_id" in changes:
            changes[name] = operations.known_recipient(f"{name}_id", changes.pop(f"{name}_id"))
    times = _times(changes.get("start", row.start), changes.get("end", row.end), services.timezone)
    for name, value in (*changes.items(), *times.items()):
        setattr(row, name, value)
    _ensure_ends_differ(row.source.id, row.destination.id)
    after = shape(row)
    if after != before:
        row.save()
        audit.record(caller, services.now(), "update", "forward", forward_id, before=before, after=after)
        _inform_source(row, "changed", caller, services)
    return after


def _ensure_ends_differ(source_id: int, destination_id: int) -> None:
    if source_id == destination_id:
        raise operations.invalid_field("destination_id", "Source and destination must differ")


def remove(forward_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    """Delete a forward inside a transaction."""
    row = _found(forward_id)
    audit.record(caller, services.now(), "delete", "forward", forward_id, before=_presenter(services)(row))
    row.delete_instance()


def stored(services: operations.Services) -> list[responses.Forward]:
    """Return all forwards, by id."""
    return list(map(_presenter(services), forwards.all_forwards().order_by(forwards.Forward.id)))


def _times(start: str | None, end: str | None, zone: tzinfo) -> dict[str, str | None]:
    """Return the times as they are stored: as they were given, but for an offset where a moment had none."""
    from_, until = operations.moment("start", start, zone), operations.moment("end", end, zone, is_end=True)
    if from_ is not None and until is not None and until <= from_:
        raise operations.invalid_field("end", "The end is not after the start")
    return {"start": _with_offset(start, from_, zone), "end": _with_offset(end, until, zone)}


def _with_offset(text: str | None, moment: datetime | None, zone: tzinfo) -> str | None:
    if text is None or moment is None or not _WITHOUT_OFFSET.fullmatch(text):
        return text
    return moment.astimezone(zone).isoformat()


def refuse_cycle(forward_id: int, services: operations.Services) -> None:
    """Raise `Conflict` when a forward creates a cycle with others that are not over yet (F4)."""
    row = _found(forward_id)
    now, new = services.now(), load_facts.forward_fact(row, services.timezone)
    if not row.enabled or _is_over(new, now):
        return
    others = [load_facts.forward_fact(each, services.timezone) for each in forwards.enabled_forwards()]
    cycle = forwarding.find_cycle(new, [each for each in others if not _is_over(each, now)])
    if cycle:
        names = " > ".join([*(step.source.name for step in cycle), cycle[0].source.name])
        with_ = ", ".join(f"forward {step.id}" for step in cycle[1:])
        raise errors.Conflict(f"This would create a cycle: {names}, together with {with_}")


def _inform_source(
    row: forwards.Forward, what: str, caller: authentication.Caller, services: operations.Services
) -> None:
    """Send the source one message about what somebody else has done to their notifications (F8)."""
    now, source = services.now(), row.source
    if recipients.has_email(source, caller.user.email) or not runtime_config.load().attempt_notify:
        return
    if calm_hours.silence_of_plain(source, now):
        return
    names = [caller.user.name, source.name, row.destination.name]
    by, whose, destination = (markdown.one_line(name, _NAME_CHARS) for name in names)
    period = "".join(f" {word} {date}" for word, date in (("from", row.start), ("until", row.end)) if date)
    effect = f"go to {destination}{period}" if row.enabled else f"no longer go to {destination}"
    too = " You get them, too." if row.keep_copy and row.enabled else ""
    text = f"**Forward {what}** by {by}: notifications for {whose} {effect}.{too}"
    until = calm_hours.end_for_plain(source, now)
    later = {"not_before": until, "due_at": until, "may_be_overtaken": True} if until else {}
    plain_messages.add(source, text, now, about_forward=True, **later)


def _is_over(forward: values.Forward, now: datetime) -> bool:
    return forward.end is not None and forward.end <= now


def _found(forward_id: int) -> forwards.Forward:
    row = forwards.all_forwards().where(forwards.Forward.id == forward_id).first()
    found: forwards.Forward = operations.or_not_found(row, "forward", forward_id)
    return found


def _presenter(services: operations.Services) -> Callable[[forwards.Forward], responses.Forward]:
    """Return how forwards are shown at this moment."""
    now = services.now()

    def shape(row: forwards.Forward) -> responses.Forward:
        return responses.Forward(
            id=row.id,
            source_id=row.source.id,
            source_name=row.source.name,
            destination_id=row.destination.id,
            destination_name=row.destination.name,
            start=row.start,
            end=row.end,
            keep_copy=row.keep_copy,
            public_only=row.public_only,
            only_if_sole=row.only_if_sole,
            enabled=row.enabled,
            state=_state(load_facts.forward_fact(row, services.timezone), enabled=row.enabled, now=now),
        )

    return shape


def _state(forward: values.Forward, *, enabled: bool, now: datetime) -> responses.ForwardState:
    if not enabled:
        return "disabled"
    if _is_over(forward, now):
        return "expired"
    return "active" if forwarding.is_active(forward, now) else "upcoming"
