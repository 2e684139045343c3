"""Databases as the Go implementation lays them, version 1 (migration 5) and version 2 (migration 22), written by us."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import psycopg2
import pytest
from psycopg2 import extras, sql

_CLOCKS = "added_on timestamp NOT NULL DEFAULT now(), updated_on timestamp NOT NULL DEFAULT now()"
_CREATED = "created_on timestamp NOT NULL DEFAULT now(), updated_on timestamp NOT NULL DEFAULT now()"
_DELETED = "deleted boolean NOT NULL DEFAULT false"

_COMMON = f"""
CREATE TABLE goose_db_version (id serial PRIMARY KEY, version_id bigint NOT NULL, is_applied boolean NOT NULL,
    tstamp timestamp NOT NULL DEFAULT now());
CREATE TABLE webex_recipient (id serial PRIMARY KEY, webex_id text NOT NULL UNIQUE, name text NOT NULL, email text,
    type text NOT NULL, last_activity timestamp NOT NULL DEFAULT '0001-01-01', {_CLOCKS});
CREATE TABLE cw_board (id int PRIMARY KEY, name text NOT NULL, {_CLOCKS}, {_DELETED});
CREATE TABLE cw_ticket_status (id int PRIMARY KEY, board_id int NOT NULL REFERENCES cw_board (id), name text NOT NULL,
    default_status boolean NOT NULL DEFAULT false, display_on_board boolean NOT NULL DEFAULT true,
    inactive boolean NOT NULL DEFAULT false, closed boolean NOT NULL DEFAULT false, {_CLOCKS}, {_DELETED});
CREATE TABLE cw_company (id int PRIMARY KEY, name text NOT NULL, {_CLOCKS}, {_DELETED});
CREATE TABLE cw_contact (id int PRIMARY KEY, first_name text NOT NULL, last_name text,
    company_id int REFERENCES cw_company (id), {_CLOCKS}, {_DELETED});
CREATE TABLE cw_member (id int PRIMARY KEY, identifier text NOT NULL, first_name text NOT NULL, last_name text NOT NULL,
    primary_email text NOT NULL, {_CLOCKS}, {_DELETED});
CREATE TABLE cw_ticket (id int PRIMARY KEY, summary text NOT NULL, board_id int NOT NULL REFERENCES cw_board (id),
    status_id int NOT NULL REFERENCES cw_ticket_status (id), company_id int NOT NULL REFERENCES cw_company (id),
    owner_id int REFERENCES cw_member (id), contact_id int REFERENCES cw_contact (id), resources text, updated_by text,
    {_CLOCKS}, {_DELETED});
CREATE TABLE cw_ticket_note (id int PRIMARY KEY, ticket_id int NOT NULL REFERENCES cw_ticket (id) ON DELETE CASCADE,
    member_id int REFERENCES cw_member (id), contact_id int REFERENCES cw_contact (id), content text,
    {_CLOCKS}, {_DELETED});
CREATE TABLE ticket_notification (id serial PRIMARY KEY,
    ticket_id int NOT NULL REFERENCES cw_ticket (id) ON DELETE CASCADE,
    ticket_note_id int REFERENCES cw_ticket_note (id) ON DELETE CASCADE,
    recipient_id int REFERENCES webex_recipient (id) ON DELETE CASCADE,
    forwarded_from_id int REFERENCES webex_recipient (id) ON DELETE CASCADE,
    sent boolean NOT NULL DEFAULT false, skipped boolean NOT NULL DEFAULT true, {_CREATED});
CREATE TABLE notifier_forward (id serial PRIMARY KEY, source_id int NOT NULL REFERENCES webex_recipient (id),
    destination_id int NOT NULL REFERENCES webex_recipient (id), start_date timestamp, end_date timestamp,
    enabled boolean NOT NULL DEFAULT true, user_keeps_copy boolean NOT NULL DEFAULT true, {_CREATED},
    UNIQUE (source_id, destination_id, start_date, end_date), CHECK (source_id <> destination_id),
    CHECK (start_date < end_date));
CREATE TABLE api_user (id serial PRIMARY KEY, email_address text NOT NULL UNIQUE, {_CLOCKS}, password_hash bytea,
    totp_secret text);
CREATE TABLE api_key (id serial PRIMARY KEY, user_id int NOT NULL REFERENCES api_user (id) ON DELETE CASCADE,
    key_hash bytea NOT NULL, key_hint text, {_CLOCKS});
CREATE TABLE app_config (id int PRIMARY KEY DEFAULT 1 CHECK (id = 1), max_message_length int NOT NULL DEFAULT 300,
    max_concurrent_syncs int NOT NULL DEFAULT 5, require_totp boolean NOT NULL DEFAULT false,
    debug_logging boolean NOT NULL DEFAULT false, log_retention_days int NOT NULL DEFAULT 7);
"""
VERSION_1 = f"""{_COMMON}
CREATE TABLE notifier_rule (id serial PRIMARY KEY, cw_board_id int NOT NULL REFERENCES cw_board (id) ON DELETE CASCADE,
    webex_recipient_id int NOT NULL REFERENCES webex_recipient (id) ON DELETE CASCADE,
    notify_enabled boolean NOT NULL DEFAULT true, created_on timestamp NOT NULL DEFAULT now(),
    UNIQUE (cw_board_id, webex_recipient_id));
ALTER TABLE app_config ADD attempt_notify boolean NOT NULL DEFAULT false;
INSERT INTO goose_db_version (version_id, is_applied) SELECT generate_series(0, 5), true;
"""
VERSION_2 = f"""{_COMMON}
ALTER TABLE notifier_forward ADD only_if_sole_resource boolean NOT NULL DEFAULT false;
ALTER TABLE notifier_forward ADD public_only boolean NOT NULL DEFAULT false;
ALTER TABLE cw_ticket_note ADD internal_analysis_flag boolean NOT NULL DEFAULT false;
ALTER TABLE cw_ticket ADD raw jsonb, ADD priority_id int, ADD priority_name text, ADD type_id int, ADD type_name text,
    ADD subtype_id int, ADD subtype_name text, ADD item_id int, ADD item_name text,
    ADD closed_flag boolean NOT NULL DEFAULT false, ADD latest_note_id int;
ALTER TABLE app_config ADD master_dry_run boolean NOT NULL DEFAULT true, ADD ops_room_id int, ADD redirect_room_id int,
    ADD stale_alert_minutes int NOT NULL DEFAULT 60, ADD history_retention_days int NOT NULL DEFAULT 90,
    ADD catchup_interval_minutes int NOT NULL DEFAULT 15;
CREATE TABLE workflow (id serial PRIMARY KEY, board_id int NOT NULL UNIQUE REFERENCES cw_board (id) ON DELETE CASCADE,
    name text NOT NULL, enabled boolean NOT NULL DEFAULT true, dry_run boolean NOT NULL DEFAULT false,
    rules jsonb NOT NULL DEFAULT '[]', {_CREATED});
CREATE TABLE list (id serial PRIMARY KEY, name text NOT NULL, item_type text NOT NULL, {_CREATED});
CREATE TABLE list_item (list_id int NOT NULL REFERENCES list (id) ON DELETE CASCADE, item_id int NOT NULL,
    added_on timestamp NOT NULL DEFAULT now(), PRIMARY KEY (list_id, item_id));
CREATE TABLE ticket_event (id bigserial PRIMARY KEY, ticket_id int NOT NULL, run_id text NOT NULL, kind text NOT NULL,
    source text NOT NULL, dry_run boolean NOT NULL DEFAULT false, payload jsonb NOT NULL DEFAULT '{{}}',
    occurred_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE webhook_intake (id bigserial PRIMARY KEY, ticket_id int NOT NULL, action text NOT NULL,
    payload jsonb NOT NULL DEFAULT '{{}}', status text NOT NULL DEFAULT 'pending');
INSERT INTO goose_db_version (version_id, is_applied, tstamp) SELECT generate_series(0, 22), true, '2026-01-01';
"""

NOW = datetime.now(UTC).replace(tzinfo=None, microsecond=0)


class GoDatabase:
    """One such database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: Any = None

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()

    def execute(self, statement: Any, *values: Any) -> list[Any]:
        """Run a statement and return its rows, if it has any."""
        if self._connection is None:
            self._connection = psycopg2.connect(self.url)
            self._connection.autocommit = True
        with self._connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    def add(self, table: str, **columns: Any) -> None:
        """Insert a row; a dictionary or list is JSON."""
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        places = sql.SQL(", ").join(sql.Placeholder() * len(columns))
        values = [extras.Json(each) if isinstance(each, (dict, list)) else each for each in columns.values()]
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, places)
        self.execute(statement, *values)


def fresh(postgres_url: str, name: str, tables: str) -> GoDatabase:
    """Return an empty schema of this name with these tables: for who connects by its address, a database of its own."""
    database = GoDatabase(with_option(postgres_url, f"search_path={name}"))
    database.execute(f"DROP SCHEMA IF EXISTS {name} CASCADE")
    database.execute(f"CREATE SCHEMA {name}")
    database.execute(tables)
    return database


def with_option(url: str, option: str) -> str:
    """Return an address whose connections have a setting of PostgreSQL."""
    before, options, after = url.partition("options=")
    if options:
        return f"{before}options={quote(f'-c{option} ')}{after}"
    return f"{url}{'&' if '?' in url else '?'}options={quote(f'-c{option}')}"


@pytest.fixture
def version_1(postgres_url: str) -> Iterator[GoDatabase]:
    """Return a version 1 database with awkward data."""
    database = fresh(postgres_url, "go_version_1", VERSION_1)
    _fill(database)
    database.add("notifier_rule", cw_board_id=1, webex_recipient_id=1)
    database.add("notifier_rule", cw_board_id=1, webex_recipient_id=3, notify_enabled=False)
    database.add("app_config", attempt_notify=True, max_message_length=20, max_concurrent_syncs=7)
    yield database
    database.close()


def _fill(database: GoDatabase) -> None:
    """Add people, tickets, notes, forwards and notifications such as years of use leave behind."""
    add = database.add
    add("webex_recipient", webex_id="room", name=" Help  Desk ", type="room")
    add("webex_recipient", webex_id="ana", name="Ana Alvarez", email=" Ana.Alvarez@MSP.example", type="person")
    add("webex_recipient", webex_id="ben", name="Ben Bauer", email="ben@msp.example", type="person")
    add("webex_recipient", webex_id="odd", name="Odd", type="hologram")
    add("cw_board", id=1, name="Service Desk")
    add("cw_board", id=2, name="Gone", deleted=True)
    add("cw_ticket_status", id=11, board_id=1, name="New")
    add("cw_ticket_status", id=12, board_id=1, name="Closed", closed=True)
    add("cw_company", id=21, name="Hanrahan Logistics")
    add("cw_contact", id=31, first_name="Gus", last_name=None, company_id=21)
    for number, identifier, email in (
        (41, "ana", "ana.alvarez@msp.example"),
        (42, "Ben", ""),
        (43, "ANA", "a@x.example"),
    ):
        older = NOW - timedelta(days=number)
        add(
            "cw_member",
            id=number,
            identifier=identifier,
            first_name="Ana",
            last_name="A",
            primary_email=email,
            updated_on=older,
        )
    common = {"board_id": 1, "company_id": 21, "added_on": NOW - timedelta(days=3)}
    add(
        "cw_ticket",
        id=101,
        summary="Printer 'on' \"fire\"",
        status_id=11,
        owner_id=41,
        resources=" ana ,ben,,",
        **common,
    )
    add("cw_ticket", id=102, summary="", status_id=12, contact_id=31, **common)
    add("cw_ticket", id=103, summary="Deleted", status_id=11, deleted=True, **common)
    add("cw_ticket_note", id=1001, ticket_id=101, member_id=41, content="Secret?")
    add("cw_ticket_note", id=1002, ticket_id=102, contact_id=31, content=None)
    for start, end in ((None, None), (None, None), ("2026-03-01", "2026-03-08"), ("2026-03-01 08:30", None)):
        add("notifier_forward", source_id=2, destination_id=3, start_date=start, end_date=end, user_keeps_copy=False)
    add("notifier_forward", source_id=3, destination_id=2, user_keeps_copy=True)
    new, later = NOW - timedelta(days=3), NOW - timedelta(days=2)
    for ticket, note, recipient, source, sent, at in (
        (101, None, 1, None, True, new),
        (101, None, 2, None, True, new),
        (101, 1001, 3, 2, True, later),
        (101, 1001, 3, 2, True, later),
        (102, 1002, None, None, False, later),
        (102, 1001, 2, None, True, later),
    ):
        add(
            "ticket_notification",
            ticket_id=ticket,
            ticket_note_id=note,
            recipient_id=recipient,
            forwarded_from_id=source,
            sent=sent,
            skipped=not sent,
            created_on=at,
        )
    add("api_user", email_address="ana@msp.example", totp_secret="do-not-read")
    add("api_key", user_id=1, key_hash=b"do-not-read", key_hint="abcd")


def graph(*nodes: dict[str, Any], edges: list[tuple[str, str, str]]) -> dict[str, Any]:
    """Return a workflow of the newer shape; an edge is (from, port, to)."""
    drawn = [{"id": f"e{number}", "from": a, "port": port, "to": b} for number, (a, port, b) in enumerate(edges)]
    return {
        "version": 2,
        "nodes": [{"enabled": True, "x": 0, "y": 0, "title": node["id"], **node} for node in nodes],
        "edges": drawn,
    }


@pytest.fixture
def version_2(postgres_url: str) -> Iterator[GoDatabase]:
    """Return a version 2 database with awkward data."""
    database = fresh(postgres_url, "go_version_2", VERSION_2)
    _fill(database)
    workflow = graph(
        {"id": "t", "kind": "trigger", "events": ["created", "updated"]},
        {"id": "if", "kind": "if", "condition": "company/name = 'Hanrahan Logistics'"},
        {"id": "room", "kind": "notify", "notify": {"channel": "webex_room", "recipient_id": 1, "message": "Hi {{x}}"}},
        {"id": "people", "kind": "notify", "notify": {"channel": "resources_owner"}},
        {"id": "set", "kind": "set_status", "set_status": {"status_id": 12}},
        {"id": "gone", "kind": "notify", "notify": {"channel": "webex_person", "recipient_id": 99}},
        edges=[
            ("t", "out", "if"),
            ("if", "yes", "room"),
            ("room", "out", "set"),
            ("if", "no", "people"),
            ("people", "out", "gone"),
        ],
    )
    database.add("workflow", board_id=1, name="Desk", rules=workflow)
    raw = {
        "id": 101,
        "summary": "Printer on fire",
        "board": {"id": 1, "name": "Service Desk"},
        "status": {"id": 11, "name": "New"},
        "priority": {"id": 5, "name": "Priority 1", "sort": 1},
        "company": {"id": 21, "identifier": "hanrahan", "name": "Hanrahan Logistics"},
        "resources": "ana",
        "_info": {"dateEntered": "0001-01-01T00:00:00Z", "lastUpdated": "2026-02-01T10:00:00Z"},
    }
    database.execute(
        "UPDATE cw_ticket SET raw = %s, priority_id = 5, priority_name = 'Priority 1' WHERE id = 101", extras.Json(raw)
    )
    database.execute("UPDATE cw_ticket_note SET updated_on = '2025-01-01' WHERE id = 1002")
    for number, payload in (
        (1, {"result": "sent"}),
        (2, {"result": "error"}),
        (3, {"result": "sent", "redirected_to": "R", "forwarded_from": ["Eve", "Ana"]}),
    ):
        event = {"notification_id": number, **payload}
        database.add("ticket_event", ticket_id=101, run_id="r", kind="notification", source="webhook", payload=event)
    database.add("webhook_intake", ticket_id=101, action="updated")
    database.add(
        "app_config", master_dry_run=False, history_retention_days=30, catchup_interval_minutes=0, redirect_room_id=1
    )
    yield database
    database.close()
