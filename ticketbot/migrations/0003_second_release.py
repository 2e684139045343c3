"""Lay every table of 2.0, and bring over the rows of a 1.x database (O5, O16).

The tables of 1.x, whichever release made them, are set aside, dropped, and their rows written into the new ones.
Whatever ran when the last 1.x server ended waits again; what was being sent is flagged as a possible duplicate.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from ticketbot.database import db, sql
from ticketbot.models import (
    alerts,
    api_keys,
    audit,
    events,
    facts,
    forwards,
    holds,
    imported,
    messages,
    notifications,
    outages,
    panel_sessions,
    policies,
    quiet_hours,
    recipients,
    rules,
    runtime_config,
    servers,
    sign_in_links,
    signing_keys,
    silences,
    syncs,
    threads,
    tickets,
    users,
)

TABLES = (
    *(tickets.Board, tickets.Status, tickets.Priority, tickets.TicketType),
    *(tickets.Member, tickets.Ticket, tickets.Note),
    *(recipients.Recipient, recipients.PersonEmail, rules.Rule, forwards.Forward),
    *(silences.Silence, quiet_hours.QuietHours),
    *(users.User, api_keys.ApiKey, panel_sessions.PanelSession),
    *(audit.Audit, runtime_config.ConfigValue, facts.Fact),
    imported.Imported,
    *(holds.Hold, outages.Outage, servers.Server, servers.Job, signing_keys.SigningKey, syncs.SyncRun),
    *(policies.Policies, events.Event, events.ProcessedMessage),
    *(messages.Message, notifications.Notification, threads.Thread, sign_in_links.SignInLink),
    *(alerts.Alert, alerts.AlertPost),
)
# Those that refer to others first.
TABLES_OF_1X = (
    *("notification", "event_crash", "event", "rule", "forward", "person_email", "recipient", "api_key", "user"),
    *("audit", "board", "status", "company", "contact", "member", "ticket", "note", "config_value", "fact", "hold"),
    *("lease", "seen_message", "signing_key", "sync_run"),
)
RENAMED = {"processed_message": "seen_message", "message": "notification"}
_AS_JSON_ON_SQLITE = "json_array(json_object('code', 'recorded', 'names', json_array(reason)))"
_AS_JSON_ON_POSTGRES = (
    "json_build_array(json_build_object('code', 'recorded', 'names', json_build_array(reason)))::text"
)
_IS_INTERNAL = "SELECT 1 FROM note WHERE note.kind = note_kind AND note.note_id = old_notification.note_id AND internal"
_EVENTS = f"""CASE WHEN kind = 'new' THEN '["new"]' WHEN EXISTS ({_IS_INTERNAL}) THEN '["internal_note"]'
    ELSE '["team_note"]' END"""
VANISHED = "the server running the sync has ended"


def up(migrator: Any, database: Any) -> None:  # noqa: ARG001  (the runner's signature)
    old = [name for name in TABLES_OF_1X if name in database.get_tables()]
    for name in old:
        sql.execute(f'CREATE TEMPORARY TABLE old_{name} AS SELECT * FROM "{name}"')  # noqa: S608
    for name in old:
        sql.execute(f'DROP TABLE "{name}"')
    database.create_tables(TABLES, safe=False)
    if old:
        _prepare(old)
        for model in TABLES:
            _bring_over(model, old, database)
        _finish()
        for name in old:
            sql.execute(f"DROP TABLE old_{name}")
    _mark(facts.Fact)


def _prepare(old: list[str]) -> None:
    """Fold what arrived for a ticket while its event was running into that event: both may not wait."""
    later = "SELECT {} FROM old_event AS later WHERE later.ticket_id = old_event.ticket_id AND later.state = 'waiting'"
    sets = ", ".join(f"{name} = ({later.format(name)})" for name in ("action", "received_at"))
    sql.execute(
        f"UPDATE old_event SET hooks = hooks + ({later.format('hooks')}), {sets}"  # noqa: S608
        f" WHERE state = 'running' AND EXISTS ({later.format('1')})"
    )
    sql.execute(
        "DELETE FROM old_event WHERE state = 'waiting' AND EXISTS (SELECT 1 FROM old_event AS running"
        " WHERE running.ticket_id = old_event.ticket_id AND running.state = 'running')"
    )
    if "person_email" not in old:
        sql.execute("CREATE TEMPORARY TABLE old_person_email (email TEXT, recipient_id BIGINT)")
        old.append("person_email")
    sql.execute(
        "INSERT INTO old_person_email (email, recipient_id) SELECT email, id FROM old_recipient"
        " WHERE email IS NOT NULL AND NOT EXISTS (SELECT 1 FROM old_person_email AS known"
        " WHERE known.email = old_recipient.email AND known.recipient_id = old_recipient.id)"
    )


def _bring_over(model: Any, old: list[str], database: Any) -> None:
    name = model._meta.table_name
    source = RENAMED.get(name, name)
    if source not in old:
        return
    columns = {column.name for column in database.get_columns(name)}
    cursor = sql.execute(f"SELECT * FROM old_{source} LIMIT 0")  # noqa: S608
    shared = {column[0]: f'"{column[0]}"' for column in cursor.description if column[0] in columns}
    values = shared | _changed(name, old)
    names = ", ".join(f'"{column}"' for column in values)
    which = " WHERE state <> 'skipped'" if name == "message" else ""
    sql.execute(f'INSERT INTO "{name}" ({names}) SELECT {", ".join(values.values())} FROM old_{source}{which}')  # noqa: S608
    if db.is_postgres() and model._meta.auto_increment:
        sql.execute(f"SELECT setval(pg_get_serial_sequence('\"{name}\"', 'id'), MAX(id)) FROM \"{name}\"")  # noqa: S608


def _changed(name: str, old: list[str]) -> dict[str, str]:
    """Return the columns whose values are not simply those of 1.x, as SQL."""
    if name == "event":
        crashes = "(SELECT alone FROM old_event_crash WHERE event_id = old_event.id)"
        return {
            "state": "CASE state WHEN 'running' THEN 'waiting' ELSE state END",
            "rank": "1",
            **({"crashes_alone": crashes} if "event_crash" in old else {}),
        }
    waits_again = "CASE state WHEN 'sending' THEN 'pending' ELSE state END"
    if name == "message":
        return {
            "place": "id",
            **dict.fromkeys(("is_digest", "about_forward"), "possible_duplicate AND NOT possible_duplicate"),
            "state": waits_again,
            "not_before": "COALESCE(next_try_at, created_at)",
            "due_at": "COALESCE(next_try_at, created_at)",
            "possible_duplicate": "possible_duplicate OR state = 'sending'",
            "thread_refused": "overtaken AND NOT overtaken",
        }
    if name == "notification":
        return {
            "state": waits_again,
            "events": _EVENTS,
            "changes": "'[]'",
            "earlier_notes": "0",
            "shown": "state = state",
            "reasons": _AS_JSON_ON_POSTGRES if db.is_postgres() else _AS_JSON_ON_SQLITE,
            "message_id": "CASE WHEN state = 'skipped' THEN NULL ELSE id END",
            "died_at": "CASE WHEN state = 'dead' THEN give_up_at END",
        }
    if name == "ticket":
        return {"decided_at": "COALESCE(announced_at, decided_at_update)", "details": "'{}'"}
    return {
        "hold": {"needs_person": "failures < 0"},
        "note": {"is_markdown": "internal AND NOT internal"},
        "rule": {"events": "'[\"new\"]'", "dry_run": "enabled AND NOT enabled"},
        "api_key": {"scope": "'admin'"},
        "forward": dict.fromkeys(("public_only", "only_if_sole"), "keep_copy AND NOT keep_copy"),
    }.get(name, {})


def _finish() -> None:
    """Bring over what takes more than a statement: sentences that 1.x stored, and the sync that ran.

    When a notification died was not recorded by 1.0.0: at the latest now.
    """
    now = datetime.now(UTC)
    for number, text in sql.execute("SELECT id, decisions FROM event WHERE decisions <> '[]'").fetchall():
        decisions = [
            {"subject": each["subject"], "who": each["who"], "outcome": each["outcome"]}
            | {"reasons": [{"code": "recorded", "names": [each["reason"]]}]}
            for each in json.loads(text)
        ]
        sql.execute("UPDATE event SET decisions = ? WHERE id = ?", json.dumps(decisions), number)
    for run in sql.select(syncs.SyncRun, "SELECT * FROM sync_run WHERE state = 'running'"):
        errors = json.dumps([*run.errors, VANISHED])
        sql.execute(
            "UPDATE sync_run SET state = 'failed', finished_at = ?, errors = ?, error_count = error_count + 1"
            " WHERE id = ?",
            *(now, errors, run.id),
        )
    sql.execute("UPDATE notification SET died_at = ? WHERE state = 'dead' AND died_at > ?", now, now)


def _mark(fact: Any) -> None:
    fact.insert(name="oldest_program", value="2.0.0").on_conflict(
        conflict_target=[fact.name], preserve=[fact.value]
    ).execute()
