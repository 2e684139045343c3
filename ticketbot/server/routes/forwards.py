"""Forwards: who gets the notifications of somebody else, and when (F1 to F7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, tzinfo

import msgspec

from ticketbot import errors
from ticketbot.api import requests, responses
from ticketbot.database import db, sql
from ticketbot.decide import forwarding as deciding
from ticketbot.decide import values
from ticketbot.models import forwards
from ticketbot.pipeline import load_facts, people
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit

TABLE = operations.Table("forwards")

_WITHOUT_OFFSET = re.compile(r".*[T ][0-9:.]+")


@TABLE.get("/notifiers/forwards", "List forwards")
def list_forwards(query: requests.ForwardQuery, desk: operations.Desk) -> operations.Listing[responses.Forward]:
    shape, wanted = _shaping(desk), query.state
    keep = None if wanted is None else lambda row: row.state == wanted
    return operations.listing(forwards.all_forwards(), forwards.Forward.id, query, shape, keep=keep)


@TABLE.get("/notifiers/forwards/preview", "Show who would get a notification for a recipient, and by which way")
def preview_forwards(query: requests.PreviewQuery, desk: operations.Desk) -> responses.Preview:
    asked_about = people.recipient(operations.known_recipient("recipient_id", query.recipient_id))
    at = operations.moment("at", query.at, desk.timezone) or desk.now()
    enabled = [load_facts.forward_fact(row, desk.timezone) for row in forwards.enabled_forwards()]
    routed = deciding.follow([asked_about], enabled, at)
    return responses.Preview(
        recipient_id=asked_about.id,
        recipient_name=asked_about.name,
        at=at,
        deliveries=[
            responses.PreviewedDelivery(
                recipient_id=each.recipient.id,
                recipient_name=each.recipient.name,
                recipient_type=each.recipient.type,
                chain=[*each.chain, each.recipient.name],
                forward_ids=[step.id for step in each.path],
            )
            for each in routed.deliveries
        ],
    )


@TABLE.get("/notifiers/forwards/{forward_id}", "Show a forward")
def get_forward(forward_id: int, desk: operations.Desk) -> responses.Forward:
    return _shaping(desk)(_found(forward_id))


@TABLE.post("/notifiers/forwards", "Add a forward", status=201, refuses=(409,))
def create_forward(
    body: requests.NewForward, caller: authentication.Caller, desk: operations.Desk
) -> responses.Forward:
    if body.source_id == body.destination_id:
        raise operations.wrong("destination_id", "Nobody can be forwarded to himself")
    columns = msgspec.structs.asdict(body) | _times(body.start, body.end, desk.timezone)
    with db.transaction("create-forward"):
        sql.take_turns("forwards")
        source = operations.known_recipient("source_id", columns.pop("source_id"))
        destination = operations.known_recipient("destination_id", columns.pop("destination_id"))
        row = forwards.Forward(source=source, destination=destination, created_at=desk.now(), **columns)
        _refuse_circle(row, desk)
        row.save()
        forward = _shaping(desk)(row)
        audit.record(caller, desk.now(), "create", "forward", forward.id, after=forward)
    return forward


@TABLE.patch("/notifiers/forwards/{forward_id}", "Change a forward", refuses=(409,))
def update_forward(
    forward_id: int, body: requests.ForwardChanges, caller: authentication.Caller, desk: operations.Desk
) -> responses.Forward:
    changes = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not msgspec.UNSET}
    shape = _shaping(desk)
    with db.transaction("update-forward"):
        sql.take_turns("forwards")
        row = _found(forward_id)
        before = shape(row)
        changes |= _times(changes.get("start", row.start), changes.get("end", row.end), desk.timezone)
        for name, value in changes.items():
            setattr(row, name, value)
        after = shape(row)
        if after != before:
            _refuse_circle(row, desk)
            row.save()
            audit.record(caller, desk.now(), "update", "forward", forward_id, before=before, after=after)
    return after


@TABLE.delete("/notifiers/forwards/{forward_id}", "Delete a forward")
def delete_forward(forward_id: int, caller: authentication.Caller, desk: operations.Desk) -> None:
    with db.transaction("delete-forward"):
        row = _found(forward_id)
        audit.record(caller, desk.now(), "delete", "forward", forward_id, before=_shaping(desk)(row))
        row.delete_instance()


def _times(start: str | None, end: str | None, zone: tzinfo) -> dict[str, str | None]:
    """Return the times as they are stored: as they were given, but for an offset where a moment had none."""
    from_, until = operations.moment("start", start, zone), operations.moment("end", end, zone, is_end=True)
    if from_ is not None and until is not None and until <= from_:
        raise operations.wrong("end", "The end is not after the start")
    return {"start": _with_offset(start, from_, zone), "end": _with_offset(end, until, zone)}


def _with_offset(text: str | None, moment: datetime | None, zone: tzinfo) -> str | None:
    if text is None or moment is None or not _WITHOUT_OFFSET.fullmatch(text):
        return text
    return moment.astimezone(zone).isoformat()


def _refuse_circle(row: forwards.Forward, desk: operations.Desk) -> None:
    """Raise `Conflict` when a forward would close a circle with others that are not over yet (F4)."""
    now, new = desk.now(), load_facts.forward_fact(row, desk.timezone)
    if not row.enabled or _is_over(new, now):
        return
    others = [load_facts.forward_fact(each, desk.timezone) for each in forwards.enabled_forwards()]
    circle = deciding.find_circle(new, [each for each in others if not _is_over(each, now)])
    if circle:
        names = " > ".join([*(step.source.name for step in circle), circle[0].source.name])
        with_ = ", ".join(f"forward {step.id}" for step in circle[1:])
        raise errors.Conflict(f"This would close a circle: {names}, together with {with_}")


def _is_over(forward: values.Forward, now: datetime) -> bool:
    return forward.end is not None and forward.end <= now


def _found(forward_id: int) -> forwards.Forward:
    row = forwards.all_forwards().where(forwards.Forward.id == forward_id).first()
    found: forwards.Forward = operations.found(row, "forward", forward_id)
    return found


def _shaping(desk: operations.Desk) -> Callable[[forwards.Forward], responses.Forward]:
    """Return how forwards are shown at this moment."""
    now = desk.now()

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
            enabled=row.enabled,
            state=_state(load_facts.forward_fact(row, desk.timezone), enabled=row.enabled, now=now),
        )

    return shape


def _state(forward: values.Forward, *, enabled: bool, now: datetime) -> responses.ForwardState:
    if not enabled:
        return "disabled"
    if _is_over(forward, now):
        return "expired"
    return "active" if deciding.is_active(forward, now) else "upcoming"
