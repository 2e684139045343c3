"""Lay every table of the first release: a frozen copy, independent of `ticketbot.models` as they are today."""

from __future__ import annotations

from typing import Any

import peewee

from ticketbot.database import fields


class Board(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    name = peewee.TextField()
    inactive = peewee.BooleanField()
    project = peewee.BooleanField()
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Status(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    board_id = peewee.BigIntegerField(index=True)
    name = peewee.TextField()
    closed = peewee.BooleanField()
    inactive = peewee.BooleanField()
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Company(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    name = peewee.TextField()
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Contact(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    name = peewee.TextField()
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Member(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    identifier = peewee.TextField()
    lookup = peewee.TextField(index=True)
    name = peewee.TextField()
    email = peewee.TextField(null=True)
    inactive = peewee.BooleanField()
    license_class = peewee.TextField(null=True)
    fetched_at = fields.UtcField(null=True)
    deleted_at = fields.UtcField(null=True)


class Ticket(fields.Model):
    id = peewee.BigIntegerField(primary_key=True)
    kind = peewee.TextField()
    summary = peewee.TextField()
    board_id = peewee.BigIntegerField(null=True, index=True)
    board_name = peewee.TextField(null=True)
    status = peewee.TextField(null=True)
    company_id = peewee.BigIntegerField(null=True)
    company = peewee.TextField(null=True)
    contact_id = peewee.BigIntegerField(null=True)
    contact = peewee.TextField(null=True)
    priority = peewee.TextField(null=True)
    owner = peewee.TextField(null=True)
    resources = fields.JsonField()
    open = peewee.BooleanField()
    entered_at = fields.UtcField(null=True)
    updated_at = fields.UtcField(null=True)
    stored_at = fields.UtcField()
    deleted_at = fields.UtcField(null=True)
    announced_at = fields.UtcField(null=True)
    decided_at_update = fields.UtcField(null=True)
    notes_read_at_update = fields.UtcField(null=True)


class Note(fields.Model):
    kind = peewee.TextField()
    note_id = peewee.BigIntegerField()
    ticket_id = peewee.BigIntegerField(index=True)
    text = peewee.TextField()
    internal = peewee.BooleanField()
    resolution = peewee.BooleanField()
    member = peewee.TextField(null=True)
    author = peewee.TextField(null=True)
    entered_at = fields.UtcField(null=True)
    updated_at = fields.UtcField(null=True)
    stored_at = fields.UtcField()
    decided_at = fields.UtcField(null=True)

    class Meta:
        indexes = ((("kind", "note_id"), True),)


class Recipient(fields.Model):
    type = peewee.TextField()
    webex_id = peewee.TextField(unique=True)
    name = peewee.TextField()
    email = peewee.TextField(null=True, index=True)
    active = peewee.BooleanField()
    last_activity = fields.UtcField(null=True)
    fetched_at = fields.UtcField(null=True)


class Rule(fields.Model):
    board = peewee.ForeignKeyField(Board, on_delete="RESTRICT", backref="+")
    recipient = peewee.ForeignKeyField(Recipient, on_delete="RESTRICT", backref="+")
    enabled = peewee.BooleanField()
    created_at = fields.UtcField()

    class Meta:
        indexes = ((("board", "recipient"), True),)


class Forward(fields.Model):
    source = peewee.ForeignKeyField(Recipient, on_delete="RESTRICT", backref="+")
    destination = peewee.ForeignKeyField(Recipient, on_delete="RESTRICT", backref="+")
    start = peewee.TextField(null=True)
    end = peewee.TextField(null=True)
    keep_copy = peewee.BooleanField()
    enabled = peewee.BooleanField()
    created_at = fields.UtcField()


class Event(fields.Model):
    ticket_id = peewee.BigIntegerField(index=True)
    state = peewee.TextField()
    source = peewee.TextField()
    action = peewee.TextField(null=True)
    kind_hint = peewee.TextField(null=True)
    correlation = peewee.TextField()
    hooks = peewee.IntegerField()
    first_received_at = fields.UtcField()
    received_at = fields.UtcField()
    due_at = fields.UtcField()
    attempts = peewee.IntegerField()
    bugs = peewee.IntegerField()
    lease_owner = peewee.TextField(null=True)
    lease_until = fields.UtcField(null=True)
    error = peewee.TextField(null=True)
    decisions = fields.JsonField()
    finished_at = fields.UtcField(null=True)


class SeenMessage(fields.Model):
    message_id = peewee.TextField(primary_key=True)
    received_at = fields.UtcField(index=True)


class Notification(fields.Model):
    ticket_id = peewee.BigIntegerField(index=True)
    event = peewee.ForeignKeyField(Event, on_delete="SET NULL", backref="+", null=True)
    correlation = peewee.TextField()
    subject = peewee.TextField()
    target = peewee.TextField()
    kind = peewee.TextField()
    note_kind = peewee.TextField(null=True)
    note_id = peewee.BigIntegerField(null=True)
    recipient = peewee.ForeignKeyField(Recipient, on_delete="RESTRICT", backref="+", null=True)
    recipient_name = peewee.TextField()
    state = peewee.TextField()
    reason = peewee.TextField()
    forwarded_from = fields.JsonField()
    markdown = peewee.TextField()
    attempts = peewee.IntegerField()
    failures = peewee.IntegerField()
    error = peewee.TextField(null=True)
    possible_duplicate = peewee.BooleanField()
    overtaken = peewee.BooleanField()
    may_be_overtaken = peewee.BooleanField()
    woken = peewee.BooleanField()
    webex_message_id = peewee.TextField(null=True)
    tracking_id = peewee.TextField(null=True)
    created_at = fields.UtcField()
    failing_since = fields.UtcField(null=True)
    give_up_at = fields.UtcField()
    next_try_at = fields.UtcField(null=True)
    lease_owner = peewee.TextField(null=True)
    lease_until = fields.UtcField(null=True)
    sent_at = fields.UtcField(null=True)

    class Meta:
        indexes = ((("subject", "target"), True),)


class Fact(fields.Model):
    name = peewee.TextField(primary_key=True)
    value = fields.JsonField()


class ConfigValue(fields.Model):
    name = peewee.TextField(primary_key=True)
    value = fields.JsonField()


class Hold(fields.Model):
    service = peewee.TextField(primary_key=True)
    until = fields.UtcField()
    since = fields.UtcField()
    failures = peewee.IntegerField()
    reason = peewee.TextField()


class Lease(fields.Model):
    name = peewee.TextField(primary_key=True)
    owner = peewee.TextField()
    until = fields.UtcField()


class User(fields.Model):
    name = peewee.TextField()
    email = peewee.TextField()
    email_lookup = peewee.TextField(unique=True)
    created_at = fields.UtcField()


class ApiKey(fields.Model):
    user = peewee.ForeignKeyField(User, on_delete="CASCADE", backref="+")
    prefix = peewee.TextField(unique=True)
    hash = peewee.TextField()
    hint = peewee.TextField()
    created_at = fields.UtcField()
    last_used_at = fields.UtcField(null=True)


class Audit(fields.Model):
    at = fields.UtcField(index=True)
    user_id = peewee.BigIntegerField(null=True)
    user_email = peewee.TextField(null=True)
    key_id = peewee.BigIntegerField(null=True)
    action = peewee.TextField()
    object = peewee.TextField()
    object_id = peewee.TextField(null=True)
    before = fields.JsonField(null=True)
    after = fields.JsonField(null=True)


class SyncRun(fields.Model):
    state = peewee.TextField()
    request = fields.JsonField()
    phases = fields.JsonField()
    error_count = peewee.IntegerField()
    errors = fields.JsonField()
    requested_by = peewee.TextField(null=True)
    cancel_requested = peewee.BooleanField()
    owner = peewee.TextField(null=True)
    lease_until = fields.UtcField(null=True)
    started_at = fields.UtcField()
    finished_at = fields.UtcField(null=True)


TABLES = (
    Board,
    Status,
    Company,
    Contact,
    Member,
    Ticket,
    Note,
    Recipient,
    Rule,
    Forward,
    Event,
    SeenMessage,
    Notification,
    Fact,
    ConfigValue,
    Hold,
    Lease,
    User,
    ApiKey,
    Audit,
    SyncRun,
)

INDEXES = (
    "CREATE INDEX ticket_open ON ticket (id) WHERE open AND deleted_at IS NULL",
    "CREATE UNIQUE INDEX event_one_waiting ON event (ticket_id) WHERE state = 'waiting'",
    "CREATE UNIQUE INDEX event_one_running ON event (ticket_id) WHERE state = 'running'",
    "CREATE INDEX event_due ON event (due_at, id) WHERE state = 'waiting'",
    "CREATE INDEX event_lease ON event (lease_until) WHERE state = 'running'",
    "CREATE INDEX event_state ON event (state, id)",
    "CREATE INDEX notification_due ON notification (next_try_at, id) WHERE state = 'pending'",
    "CREATE INDEX notification_queue ON notification (recipient_id, id) WHERE state IN ('pending', 'sending')",
    "CREATE INDEX notification_lease ON notification (lease_until) WHERE state = 'sending'",
    "CREATE INDEX notification_state ON notification (state, id)",
    "CREATE INDEX notification_created ON notification (created_at)",
    "CREATE UNIQUE INDEX sync_run_one_running ON sync_run (state) WHERE state = 'running'",
)


def up(migrator: Any, database: Any) -> None:  # noqa: ARG001  (the runner's signature)
    database.create_tables(TABLES, safe=False)
    for statement in INDEXES:
        database.execute_sql(statement)
    Fact.create(name="oldest_program", value="0.1.0")
