"""M1: a database of the Go implementation is imported, once and for all."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest

from tests.importer.go_database import GoDatabase, fresh, version_1, version_2, with_option
from ticketbot import errors
from ticketbot.api.responses import Notification
from ticketbot.database import db, fields
from ticketbot.importer import run
from ticketbot.models import (
    facts,
    forwards,
    imported,
    notifications,
    recipients,
    rules,
    runtime_config,
    tickets,
)
from ticketbot.present import documents
from ticketbot.server.routes import notifications as notifications_api

__all__ = ("version_1", "version_2")

NOW = datetime.now(UTC)


def _import(source: GoDatabase, *, is_dry_run: bool = False, zone: str = "", now: datetime = NOW) -> documents.Import:
    dates_zone = zoneinfo.ZoneInfo(zone) if zone else None
    return run.run(source.url, zoneinfo.ZoneInfo("Europe/Berlin"), dates_zone, now, is_dry_run=is_dry_run)


def _counts(done: documents.Import) -> dict[str, tuple[int, int, int]]:
    return {each.table: (each.read, each.imported, each.known) for each in done.tables}


def _reasons(done: documents.Import, table: str) -> list[str]:
    return [f"{each.what}: {each.why}" for each in done.left_out if each.table == table]


def _history() -> dict[tuple[str, str], Notification]:
    with db.session():
        rows = list(notifications_api.with_recipients())
        return {(row.subject, row.recipient_name): notifications_api.notification(row) for row in rows}


def _everything() -> dict[str, list[object]]:
    models = (facts.Fact, forwards.Forward, imported.Imported, notifications.Notification, recipients.Recipient)
    more = (recipients.PersonEmail, rules.Rule, runtime_config.ConfigValue, tickets.Board, tickets.Status)
    with db.session():
        found: dict[str, list[object]] = {}
        for model in (*models, *more, tickets.Member, tickets.Ticket, tickets.Note):
            assert issubclass(model, fields.Model)
            found[model.__name__] = sorted(map(repr, model.select().tuples()))
        return found


def test_version_1_is_imported(database: str, version_1: GoDatabase) -> None:
    done = _import(version_1)
    assert done.source == "version 1 (migration 5)"
    assert _counts(done) == {
        "webex_recipient": (4, 3, 0),
        "cw_board": (2, 2, 0),
        "cw_ticket_status": (2, 2, 0),
        "cw_member": (3, 2, 0),
        "cw_ticket": (3, 3, 0),
        "cw_ticket_note": (2, 2, 0),
        "notifier_rule": (2, 2, 0),
        "notifier_forward": (5, 4, 0),
        "app_config": (5, 5, 0),
        "ticket_notification": (6, 6, 0),
        "api_user": (1, 0, 0),
        "api_key": (1, 0, 0),
    }
    with db.session():
        people = {row.webex_id: (row.name, row.email, row.last_activity) for row in recipients.Recipient.select()}
        assert people == {
            "room": ("Help Desk", None, None),
            "ana": ("Ana Alvarez", "ana.alvarez@msp.example", None),
            "ben": ("Ben Bauer", "ben@msp.example", None),
        }
        assert set(recipients.people_by_email(["ana.alvarez@msp.example"])) == {"ana.alvarez@msp.example"}
        members = {row.lookup: (row.id, row.email) for row in tickets.Member.select()}
        assert members == {"ana": (41, "ana.alvarez@msp.example"), "ben": (42, None)}  # the one written last
        found = {row.id: row for row in tickets.Ticket.select()}
        first = found[101]
        assert (first.resources, first.owner, first.status, first.open) == (["ana", "ben"], "ana", "New", True)
        assert (first.announced_at, first.decided_at, first.decided_at_update) == (NOW, NOW, NOW)
        assert set(first.compared) == {"owner", "resources", "closed", "summary", "status", "board", "company"}
        assert (found[102].open, found[103].deleted_at) == (False, NOW)
        notes = {row.note_id: (row.internal, row.member, row.author) for row in tickets.Note.select()}
        assert notes == {1001: (True, "ana", "Ana A"), 1002: (True, None, "Gus")}  # internal until fetched
        rows = [(row.board_id, row.recipient.name, row.events, row.enabled) for row in rules.Rule.select()]
        assert rows == [(1, "Help Desk", ["new"], True), (1, "Ben Bauer", ["new"], False)]
        config = runtime_config.load()
    assert (config.attempt_notify, config.max_message_length, config.max_concurrent_syncs) == (True, 50, 7)
    assert (config.require_board_rule, "assigned" in config.assigned_events) == (True, False)
    assert _reasons(done, "app_config") == ["max_message_length: 20 is out of range here: 50"]
    assert _reasons(done, "webex_recipient") == ["Odd: its type is 'hologram'"]
    assert _reasons(done, "cw_member") == ["43: member 41 is also 'ana'"]


def test_history_is_imported_as_decided(database: str, version_1: GoDatabase) -> None:
    _import(version_1)
    found = _history()
    assert {key: (row.state, row.reason, row.forwarded_from) for key, row in found.items()} == {
        ("new:101", "Help Desk"): ("skipped", "imported: sent by the Go implementation, not proven", []),
        ("new:101", "Ana Alvarez"): ("skipped", "imported: sent by the Go implementation, not proven", []),
        ("note:TicketNote:1001", "Ben Bauer"): (
            "skipped",
            "imported: sent by the Go implementation, not proven",
            ["Ana Alvarez"],
        ),
        ("imported:4", "Ben Bauer"): (
            "skipped",
            "imported: sent by the Go implementation, not proven",
            ["Ana Alvarez"],
        ),
        ("note:TicketNote:1002", "everybody"): ("skipped", "imported: skipped by the Go implementation", []),
        ("note:TicketNote:1001", "Ana Alvarez"): (
            "skipped",
            "imported: sent by the Go implementation, not proven",
            [],
        ),
    }


def test_it_sets_the_marks_as_skip_missed_does(database: str, version_1: GoDatabase) -> None:
    assert _import(version_1).history_until == NOW
    with db.session():
        marks = {
            facts.read_time(name) for name in (facts.WATCHING_SINCE, facts.CATCH_UP_WATERMARK, facts.SKIPPED_UNTIL)
        }
    assert marks == {NOW}


@pytest.mark.parametrize("name", ["version_1", "version_2"])
def test_a_second_import_changes_nothing(database: str, name: str, request: pytest.FixtureRequest) -> None:
    source = request.getfixturevalue(name)
    _import(source)
    before = _everything()
    again = _import(source, now=NOW + timedelta(days=1))
    assert _everything() == before
    assert all(count.imported == 0 for count in again.tables)
    assert again.history_until == NOW


def test_a_dry_run_reports_the_same_and_stores_nothing(database: str, version_1: GoDatabase) -> None:
    before = _everything()
    planned = _import(version_1, is_dry_run=True)
    assert _everything() == before
    done = _import(version_1)
    assert (planned.dry_run, done.dry_run) == (True, False)
    assert (planned.tables, planned.left_out, planned.forwards) == (done.tables, done.left_out, done.forwards)


def test_what_a_person_changed_here_survives(database: str, version_1: GoDatabase) -> None:
    _import(version_1)
    with db.transaction("test"):
        rules.Rule.update(condition="closed").where(rules.Rule.id == 1).execute()
        rules.Rule.delete().where(rules.Rule.id == 2).execute()
        forwards.Forward.update(keep_copy=True).where(forwards.Forward.id == 1).execute()
        runtime_config.save({"max_message_length": 1000})
    version_1.execute("UPDATE notifier_rule SET notify_enabled = NOT notify_enabled")
    version_1.execute("UPDATE notifier_forward SET enabled = false")
    version_1.execute("UPDATE app_config SET max_message_length = 2000, max_concurrent_syncs = 9")
    done = _import(version_1)
    with db.session():
        assert [(row.id, row.condition, row.enabled) for row in rules.Rule.select()] == [(1, "closed", True)]
        kept = forwards.Forward.get_by_id(1)
        assert (kept.keep_copy, kept.enabled) == (True, True)
        assert not forwards.Forward.get_by_id(2).enabled  # nobody had touched it
        config = runtime_config.load()
    assert (config.max_message_length, config.max_concurrent_syncs) == (1000, 9)
    assert "Ana Alvarez > Ben Bauer: it was changed here, and stays as it is" in _reasons(done, "notifier_forward")
    assert _reasons(done, "app_config") == ["max_message_length: it is set here: 1000 stays, 2000 was there"]


def test_what_is_here_already_stays(database: str, version_1: GoDatabase) -> None:
    with db.transaction("test"):
        tickets.Board.create(id=1, name="Renamed")
        room = recipients.Recipient.create(type="room", webex_id="room", name="Synced")
        rules.Rule.create(board=1, recipient=room, created_at=NOW)
        runtime_config.save({"require_board_rule": False})
        tickets.Ticket.create(id=101, summary="Synced", updated_at=NOW, stored_at=NOW)
        tickets.Note.create(kind="TicketNote", note_id=1001, ticket_id=101, text="Synced", stored_at=NOW)
    done = _import(version_1)
    assert _counts(done)["cw_board"] == (2, 1, 1)
    assert _counts(done)["notifier_rule"] == (2, 1, 1)
    with db.session():
        assert [tickets.Board.get_by_id(1).name, recipients.Recipient.get_by_id(1).name] == ["Renamed", "Synced"]
        ticket, note = tickets.Ticket.get_by_id(101), tickets.Note.get(tickets.Note.note_id == 1001)
        assert (ticket.summary, ticket.decided_at_update, ticket.announced_at) == ("Synced", NOW, NOW)
        assert (note.text, note.decided_at) == ("Synced", NOW)
        assert runtime_config.load().require_board_rule is False
    assert _reasons(done, "app_config")[-1] == "require_board_rule: it is set here: False stays, True was there"


def test_forwards_get_their_dates_and_cycles_are_disabled(database: str, version_1: GoDatabase) -> None:
    done = _import(version_1)
    with db.session():
        found = [(row.source.name, row.start, row.end, row.enabled) for row in forwards.Forward.select()]
    assert found == [
        ("Ana Alvarez", None, None, True),
        ("Ana Alvarez", "2026-03-01", "2026-03-07", True),
        ("Ana Alvarez", "2026-03-01T08:30:00Z", None, True),
        ("Ben Bauer", None, None, False),
    ]
    assert _reasons(done, "notifier_forward") == [
        "forward 2: it is there twice",
        "Ben Bauer > Ana Alvarez: it closes a cycle of forwards: imported as disabled",
    ]
    assert [(each.start_there, each.start, each.end_there, each.end) for each in done.forwards] == [
        ("2026-03-01 00:00", "2026-03-01", "2026-03-08 00:00", "2026-03-07"),
        ("2026-03-01 08:30", "2026-03-01T08:30:00Z", None, None),
    ]


def test_dates_of_forwards_can_be_given_a_zone(database: str, version_1: GoDatabase) -> None:
    done = _import(version_1, zone="America/Chicago")
    assert [(each.start, each.end) for each in done.forwards] == [
        ("2026-03-01T00:00:00-06:00", "2026-03-08T00:00:00-06:00"),
        ("2026-03-01T08:30:00-06:00", None),
    ]


def test_version_2_is_imported(database: str, version_2: GoDatabase) -> None:
    done = _import(version_2)
    assert done.source == "version 2 (migration 22)"
    with db.session():
        found = [(row.recipient and row.recipient.name, row.events, row.condition) for row in rules.Rule.select()]
        company = '(company ?? "").as_lower == "hanrahan logistics"'
        events = ["new", "customer_note", "team_note", "internal_note", "changed"]
        assert sorted(found, key=str) == [("Help Desk", events, company), (None, events, f"not ({company})")]
        ticket = tickets.Ticket.get_by_id(101)
        assert ticket.compared["priority"] == [5, "Priority 1"]
        assert (ticket.entered_at, ticket.details["priority_sort"]) == (None, 1)
        assert ticket.decided_at_update == datetime(2026, 2, 1, 10, tzinfo=UTC)
        internal = {row.note_id: row.internal for row in tickets.Note.select()}
        assert internal == {1001: False, 1002: True}  # only what was written since migration 7 is trusted
        config = runtime_config.load()
    assert (config.assigned_events, config.retention_days, config.catch_up_interval) == ((), 30, 0)
    assert config.require_board_rule is False
    assert sorted(_reasons(done, "workflow")) == [
        "workflow 1 (Desk): it notifies recipient 99, which is gone",
        "workflow 1 (Desk): room: it has a message text of its own; tbot's messages are all alike",
        "workflow 1 (Desk): set: it sets the status; tbot only notifies",
    ]
    history = _history()
    assert history["new:101", "Help Desk"].reason == "imported: sent by the Go implementation"
    assert history["new:101", "Ana Alvarez"].reason == "imported: the Go implementation failed to send it"
    redirected = history["note:TicketNote:1001", "Ben Bauer"]
    assert "redirect room" in redirected.reason
    assert redirected.forwarded_from == ["Eve", "Ana"]
    assert [each.what for each in done.left_out if each.table == "webhook_intake"] == ["1 row"]


def test_new_history_moves_the_marks(database: str, version_1: GoDatabase) -> None:
    _import(version_1)
    version_1.add("ticket_notification", ticket_id=101, recipient_id=3, sent=True, skipped=False)
    later = NOW + timedelta(hours=1)
    assert _import(version_1, now=later).history_until == later


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("CREATE TABLE something (id int)", "it has none of its tables"),
        ("CREATE TABLE webex_room (id int); CREATE TABLE app_config (id int)", "before 1.2"),
    ],
)
def test_another_database_is_refused(sqlite: str, postgres_url: str, statement: str, error: str) -> None:
    source = fresh(postgres_url, "go_other", statement)
    with pytest.raises(errors.InvalidInput, match=error):
        _import(source)


def test_a_source_that_does_not_answer_is_unreachable_and_its_password_is_not_shown(sqlite: str) -> None:
    with pytest.raises(errors.Unreachable) as failed:
        _import(GoDatabase("postgresql://tbot:secret-password@127.0.0.1:1/go"))
    assert "PostgreSQL database go at 127.0.0.1:1" in str(failed.value)
    assert "secret-password" not in str(failed.value)


def test_the_source_is_not_written(sqlite: str, version_1: GoDatabase) -> None:
    read_only = GoDatabase(with_option(version_1.url, "default_transaction_read_only=on"))
    assert _import(read_only).tables
