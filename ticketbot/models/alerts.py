"""Alerts that are open, one row per problem, and what `alert_url` has yet to be sent (O10)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import peewee

from ticketbot.database import fields, sql
from ticketbot.models import messages
from ticketbot.models.notifications import SENDING


class Alert(fields.Model):
    """A problem that exists. The server whose change of the row succeeds is the one that tells of it."""

    problem = peewee.TextField(primary_key=True)
    since = fields.UtcField()
    detail = peewee.TextField()
    waiting_events = peewee.IntegerField(default=0)  # the most that waited at any time
    waiting_messages = peewee.IntegerField(default=0)
    told_at = fields.UtcField(null=True)  # the last time; null as long as nobody was to be told
    message_id = peewee.BigIntegerField(null=True)  # the last one sent to `alert_recipient_id`


class AlertPost(fields.Model):
    """A post to `alert_url` that has not succeeded yet."""

    id = fields.IdField()
    body = fields.JsonField()
    attempts = peewee.IntegerField(default=0)
    due_at = fields.UtcField()
    created_at = fields.UtcField()


def all_alerts() -> list[Alert]:
    """Return the open alerts."""
    return list(Alert.select().order_by(Alert.since, Alert.problem))


def open_alert(problem: str, since: datetime, detail: str) -> None:
    """Open the alert of a problem, unless it is open."""
    Alert.insert(problem=problem, since=since, detail=detail).on_conflict_ignore().execute()


def mark_told(problem: str, now: datetime, *, before: datetime | None) -> Alert | None:
    """Record that a problem is told of, and return its alert; None if another server has told of it meanwhile."""
    was_told = Alert.told_at.is_null() if before is None else Alert.told_at == before
    if not Alert.update(told_at=now).where(Alert.problem == problem, was_told).execute():
        return None
    found: Alert | None = Alert.get_or_none(Alert.problem == problem)
    return found


def close(problem: str) -> Alert | None:
    """Close an alert and return it; None if another server has closed it, or its message is being sent.

    While that may still fail and be repeated, the end of the problem could overtake its start.
    """
    found: Alert | None = sql.for_update(Alert.select().where(Alert.problem == problem)).first()
    if found is None or _is_sending(found.message_id):
        return None
    Alert.delete().where(Alert.problem == problem).execute()
    return found


def _is_sending(message_id: int | None) -> bool:
    """Return whether a message is being sent; its state stays the same until the transaction ends."""
    row = sql.for_update(messages.Message.select().where(messages.Message.id == message_id)).first()
    return row is not None and row.state == SENDING


def replace_message(message_id: int | None, recipient_id: int, markdown: str, now: datetime) -> bool:
    """Give a message that waits for a recipient another text, as if it were new; return False if none waits."""
    changes = {"markdown": markdown, "not_before": now, "possible_duplicate": False}
    waits = "id = ? AND recipient_id = ? AND state = 'pending'"
    return bool(sql.update_where(messages.Message, changes, waits, message_id, recipient_id))


def set_message(problem: str, message_id: int) -> None:
    """Remember the last message about a problem."""
    Alert.update(message_id=message_id).where(Alert.problem == problem).execute()


def record_waiting(events: int, messages: int) -> None:
    """Record how much waits at this moment with the alerts that have seen less."""
    for column, count in ((Alert.waiting_events, events), (Alert.waiting_messages, messages)):
        Alert.update({column: count}).where(column < count).execute()


def add_post(body: Mapping[str, Any], now: datetime) -> None:
    """Have something posted to `alert_url`."""
    AlertPost.create(body=dict(body), due_at=now, created_at=now)


def next_post() -> AlertPost | None:
    """Return the oldest post that has not succeeded; the others wait for it, which keeps their order."""
    found: AlertPost | None = AlertPost.select().order_by(AlertPost.id).first()
    return found


def remove_post(post_id: int) -> None:
    """Remove a post that has succeeded or is given up."""
    AlertPost.delete().where(AlertPost.id == post_id).execute()


def postpone_post(post_id: int, due_at: datetime) -> None:
    """Try a post again later."""
    AlertPost.update(attempts=AlertPost.attempts + 1, due_at=due_at).where(AlertPost.id == post_id).execute()
