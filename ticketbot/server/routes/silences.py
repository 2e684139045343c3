"""Silences: periods in which matching notifications are skipped (N3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
import peewee

from ticketbot.api import calm_responses, requests
from ticketbot.database import db
from ticketbot.decide import calm, values
from ticketbot.models import recipients, rules, silences, tickets
from ticketbot.pipeline import backtest, load_facts, silence_preview
from ticketbot.present import reasons
from ticketbot.server import authentication, operations
from ticketbot.server.routes import audit
from ticketbot.server.routes import rules as rules_api

ROUTES = operations.Routes("silences")

_NAMED = ("board_id", "ticket_id", "company", "recipient_id", "rule_id")


@ROUTES.get("/notifiers/silences", "List silences")
def list_silences(
    query: requests.SilenceQuery, services: operations.Services
) -> operations.Listing[calm_responses.Silence]:
    wanted = query.state
    keep = None if wanted is None else lambda row: row.state == wanted
    return operations.listing(_silences(), silences.Silence.id, query, _presenter(services), keep=keep)


@ROUTES.get("/notifiers/silences/{silence_id}", "Show a silence")
def get_silence(silence_id: int, services: operations.Services) -> calm_responses.Silence:
    return _presenter(services)(_found(silence_id))


@ROUTES.post("/notifiers/silences", "Add a silence", scope="operate", status=201)
def create_silence(
    body: requests.NewSilence, caller: authentication.Caller, services: operations.Services
) -> calm_responses.Silence:
    with db.transaction("create-silence"):
        return add(body, caller, services)


@ROUTES.patch("/notifiers/silences/{silence_id}", "Change a silence", scope="operate")
def update_silence(
    silence_id: int, body: requests.SilenceChanges, caller: authentication.Caller, services: operations.Services
) -> calm_responses.Silence:
    with db.transaction("update-silence"):
        return replace(silence_id, operations.given(body), caller, services)


@ROUTES.delete("/notifiers/silences/{silence_id}", "End a silence; it stays in the list", scope="operate")
def delete_silence(silence_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    with db.transaction("end-silence"):
        end(silence_id, caller, services)


def add(
    body: requests.NewSilence, caller: authentication.Caller, services: operations.Services
) -> calm_responses.Silence:
    """Add a silence inside a transaction."""
    now = services.now()
    row = silences.Silence(start=now, created_by=caller.user.email, created_at=now)
    _change(row, msgspec.structs.asdict(body), services)
    row.save()
    silence = _presenter(services)(row)
    audit.record(caller, now, "create", "silence", silence.id, after=silence)
    return silence


def replace(
    silence_id: int, changes: Mapping[str, Any], caller: authentication.Caller, services: operations.Services
) -> calm_responses.Silence:
    """Change a silence inside a transaction."""
    shape, row = _presenter(services), _found(silence_id)
    before = shape(row)
    _change(row, changes, services)
    after = shape(row)
    if after != before:
        row.save()
        audit.record(caller, services.now(), "update", "silence", silence_id, before=before, after=after)
    return after


def end(silence_id: int, caller: authentication.Caller, services: operations.Services) -> None:
    """End a silence inside a transaction, unless it is over."""
    shape, now, row = _presenter(services), services.now(), _found(silence_id)
    before = shape(row)
    if before.state != "ended":
        _set_times(row, min(before.start, now), now)
        row.save()
        audit.record(caller, now, "end", "silence", silence_id, before=before, after=shape(row))


def check(body: requests.NewSilence, services: operations.Services) -> requests.NewSilence:
    """Return a silence to add with its times in UTC; raises `InvalidInput`."""
    start = operations.moment("start", body.start, services.timezone)
    until = operations.moment("until", body.until, services.timezone, is_end=True)
    assert until is not None
    if until <= (start or services.now()) and start is not None:
        raise operations.invalid_field("until", "The end is not after the start")
    if all(getattr(body, name) is None for name in _NAMED):
        raise operations.invalid_field("board_id", f"Give at least one of {', '.join(_NAMED)}")
    return msgspec.structs.replace(body, start=start and start.isoformat(), until=until.isoformat())


def stored(services: operations.Services) -> list[calm_responses.Silence]:
    """Return all silences, by id."""
    return list(map(_presenter(services), _silences().order_by(silences.Silence.id)))


@ROUTES.post(
    "/notifiers/silences/preview",
    "Show what a silence would have matched in the last 7 days",
    scope="read",
    refuses=(409,),
    has_session=False,
)
def preview_silence(body: requests.SilencePreview, services: operations.Services) -> calm_responses.SilencePreview:
    now = services.now()
    row = silences.Silence(id=0, start=now, until=now, comment="")
    with db.session():
        _name(row, msgspec.structs.asdict(body))
        silence = load_facts.silence_fact(row)
    with backtest.alone():
        return _preview(silence_preview.run(silence, now))


def _preview(found: silence_preview.Matched) -> calm_responses.SilencePreview:
    return calm_responses.SilencePreview(
        days=silence_preview.DAYS,
        events=found.events,
        left_out=found.left_out,
        matched=found.by_recipient.total(),
        by_recipient=[
            calm_responses.SilenceRecipient(recipient_name=name, matched=count)
            for name, count in found.by_recipient.most_common()
        ],
        samples=[
            calm_responses.SilenceSample(
                ticket_id=facts.ticket.id,
                event=draft.events[0],
                recipient_name=draft.name,
                at=facts.now,
                reason=reasons.text(draft.reasons),
            )
            for facts, draft in found.samples
        ],
    )


def _change(row: silences.Silence, changes: Mapping[str, Any], services: operations.Services) -> None:
    """Give a silence the fields of a request; raises `InvalidInput`."""
    _name(row, changes)
    start = operations.moment("start", changes.get("start"), services.timezone)
    until = operations.moment("until", changes.get("until"), services.timezone, is_end=True)
    row.comment = changes.get("comment", row.comment)
    if "start" in changes:
        start = start or services.now()
    _set_times(row, start or row.start, until or row.until)
    if row.until <= row.start:
        raise operations.invalid_field("until", "The end is not after the start")
    if until is not None and until <= services.now():
        raise operations.invalid_field("until", "This is over already. To end a silence now, delete it")


def _set_times(row: silences.Silence, start: datetime, until: datetime) -> None:
    for name, value in (("start", start), ("until", until)):
        setattr(row, name, value)


def _name(row: silences.Silence, changes: Mapping[str, Any]) -> None:
    """Have a silence name what a request does; raises `InvalidInput` for what is not known, or if it names nothing."""
    for name in ("ticket_id", "company", "rule_id"):
        if name in changes:
            setattr(row, name, changes[name])
    if "board_id" in changes:
        row.board = None if changes["board_id"] is None else rules_api.known_board(changes["board_id"])
    if "recipient_id" in changes:
        number = changes["recipient_id"]
        row.recipient = None if number is None else operations.known_recipient("recipient_id", number)
    if changes.get("rule_id") is not None and not rules.Rule.select().where(rules.Rule.id == row.rule_id).exists():
        raise operations.invalid_field("rule_id", f"There is no rule {row.rule_id}")
    if all(getattr(row, name) is None for name in _NAMED):
        raise operations.invalid_field("board_id", f"Give at least one of {', '.join(_NAMED)}")


def _silences() -> peewee.ModelSelect:
    return (
        silences.Silence.select(silences.Silence, tickets.Board, recipients.Recipient)
        .join(tickets.Board, peewee.JOIN.LEFT_OUTER)
        .switch(silences.Silence)
        .join(recipients.Recipient, peewee.JOIN.LEFT_OUTER)
    )


def _found(silence_id: int) -> silences.Silence:
    row = _silences().where(silences.Silence.id == silence_id).first()
    found: silences.Silence = operations.or_not_found(row, "silence", silence_id)
    return found


def _presenter(services: operations.Services) -> Callable[[silences.Silence], calm_responses.Silence]:
    """Return how silences are shown at this moment."""
    now = services.now()

    def shape(row: silences.Silence) -> calm_responses.Silence:
        board, recipient = row.board, row.recipient
        return calm_responses.Silence(
            id=row.id,
            board_id=row.board_id,
            board_name=board.name if board else None,
            ticket_id=row.ticket_id,
            company=row.company,
            recipient_id=row.recipient_id,
            recipient_name=recipient.name if recipient else None,
            rule_id=row.rule_id,
            start=row.start,
            until=row.until,
            comment=row.comment,
            created_by=row.created_by,
            state=_state(load_facts.silence_fact(row), now),
        )

    return shape


def _state(silence: values.Silence, now: datetime) -> calm_responses.SilenceState:
    if silence.until <= now:
        return "ended"
    return "active" if calm.is_active(silence, now) else "upcoming"
