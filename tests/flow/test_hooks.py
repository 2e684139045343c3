"""What the hook takes in: committed before it is acknowledged, once, folded per ticket (W3 to W6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg2
import pytest
import requests

from tests.environment import World, is_idle, post_webhook, wait_for
from ticketbot.background import retention
from ticketbot.database import db
from ticketbot.models import events
from ticketbot.simulators import faults

GONE = 990_099  # no such ticket: looked up once, found gone, done


def _hook(world: World, ticket: int = GONE, **changes: Any) -> bytes:
    fields = json.loads(world.connectwise.callbacks.body(ticket, None, "updated", "ana", callback=1))
    return json.dumps({name: value for name, value in {**fields, **changes}.items() if value is not ...}).encode()


def _rows() -> list[events.Event]:
    with db.session():
        return list(events.Event.select().order_by(events.Event.id))


def _status(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["status"]


class TestCommit:
    """W3: the inbox row is committed before the 2xx, and without one there is no 2xx."""

    def test_acknowledged_webhook_is_in_the_database(self, world: World) -> None:
        """W3, O1: and the answer names the id that leads on from here."""
        with world.server(TBOT_WORKERS="1") as server:
            response = post_webhook(server.url, world, _hook(world, MessageId="once"))

            assert _status(response) == (200, "accepted")
            (event,) = _rows()
            assert (event.ticket_id, event.source, event.action) == (GONE, "hook", "updated")
            assert event.correlation == response.headers["X-Request-ID"]
            with db.session():
                assert [row.message_id for row in events.ProcessedMessage.select()] == ["once"]

    def test_unavailable_database_is_429_and_the_retry_is_accepted(
        self, world: World, caplog: pytest.LogCaptureFixture
    ) -> None:
        """W3, no-leaks: 429, with no word about what ails us; the same hook is taken in later."""
        with world.server(TBOT_WORKERS="1") as server:
            assert _status(post_webhook(server.url, world, _hook(world))) == (200, "accepted")
            body = _hook(world, GONE + 1)
            with gone():
                response = post_webhook(server.url, world, body)

            _assert_put_off(response)
            assert "answered a webhook with 429, the database cannot store it" in caplog.text
            assert [row.ticket_id for row in _rows()] == [GONE]
            assert _status(post_webhook(server.url, world, body)) == (200, "accepted")

    def test_unwritable_database_is_429(self, world: World) -> None:
        """W3: whatever its reason, such as being read-only after a failover; nothing of the hook is remembered."""
        body = _hook(world, MessageId="once")
        with world.server(TBOT_WORKERS="1") as server:
            with refusing_events():
                _assert_put_off(post_webhook(server.url, world, body))
            with db.session():
                assert events.ProcessedMessage.select().count() == 0
            assert _status(post_webhook(server.url, world, body)) == (200, "accepted")

    @pytest.mark.parametrize(
        "fault",
        [
            faults.down(),
            faults.status(500),
            faults.html(),
            faults.redirect("http://127.0.0.1:9/"),
            faults.half_a_body(),
        ],
    )
    def test_unavailable_key_is_429(self, fault: faults.Fault, sqlite: str) -> None:
        """W2: and leaves no row."""
        with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server:
            fault.path = "callbackkey"
            world.connectwise.faults.add(fault)

            _assert_put_off(post_webhook(server.url, world, _hook(world)))
            assert _rows() == []


class TestKeys:
    """W2: keys rotate, several are valid at once, and strangers do not come between them and us."""

    def test_webhooks_are_accepted_however_often_their_key_rotates(self, world: World) -> None:
        callbacks = world.connectwise.callbacks
        with world.server(TBOT_WORKERS="1") as server:
            outcomes = []
            for number in range(30):
                callbacks.rotate_key(f"id-{number}", f"key-{number}")
                outcomes.append(_status(post_webhook(server.url, world, _hook(world, GONE + number))))

        assert outcomes == [(200, "accepted")] * 30

    def test_a_stranger_who_names_many_keys_delays_no_webhook_of_another_client(self, sqlite: str) -> None:
        with World(sqlite) as world, world.server(TBOT_WORKERS="1", TBOT_TRUSTED_PROXIES="127.0.0.1") as server:
            genuine, own_key = _hook(world), world.connectwise.callbacks.key_url
            from_stranger = {"X-Forwarded-For": "198.51.100.7, 203.0.113.9"}
            forged = [_hook(world, Metadata={"key_url": f"{own_key}{number}"}) for number in range(15)]
            for body in forged:
                _assert_put_off(post_webhook(server.url, world, body, **from_stranger))

            response = post_webhook(server.url, world, genuine, **{"X-Forwarded-For": "192.0.2.1"})

            assert _status(response) == (200, "accepted")
            assert sum("callbackkey" in call.path for call in world.connectwise.calls.log()) == 11

    def test_after_a_restart_and_an_upgrade_of_connectwise_the_key_need_not_be_fetched(self, world: World) -> None:
        with world.server(TBOT_WORKERS="1") as server:
            assert _status(post_webhook(server.url, world, _hook(world))) == (200, "accepted")
        world.connectwise.faults.add(faults.status(503, path="callbackkey"))
        world.connectwise.callbacks.codebase = "v2099_1"

        with world.server(TBOT_WORKERS="1") as server:
            response = post_webhook(server.url, world, _hook(world))

        assert _status(response) == (200, "accepted")

    def test_key_that_cannot_be_stored_still_verifies(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        with world.server(TBOT_WORKERS="1") as server, without_kept_keys():
            response = post_webhook(server.url, world, _hook(world))

        assert _status(response) == (200, "accepted")
        assert "signing key" in caplog.text
        assert world.connectwise.callbacks.signing_key not in caplog.text


class TestNotCleanUtf8:
    """W1: the signature covers the raw bytes, so what cannot be read in a body is replaced in what is read of it."""

    @pytest.mark.parametrize(
        ("found", "replacement"),
        [
            (b'{"MessageId', b'\xef\xbb\xbf{"MessageId'),
            (b"Printer", b"Printer\xff"),
            (b"Printer", b"Pr\xe9nter"),
            (b"Printer", b"\xed\xa0\x80Printer"),
            (b"Printer", b"Printer\\\\ud800"),
            (b'"MemberId":"ana"', b'"MemberId":"ana\\udc00"'),
            (b'"MemberId":"ana"', b'"MemberId":"\\ud800\\ud83d\\ude00 \xff"'),
        ],
        ids=["byte order mark", "stray byte", "Latin-1", "encoded surrogate", "surrogate in the entity", "low", "high"],
    )
    def test_signed_webhook_with_invalid_utf_8_is_accepted(
        self, world: World, found: bytes, replacement: bytes
    ) -> None:
        entity = json.dumps({"summary": "Printer", "recordType": "ProjectTicket"})
        clean = _hook(world, MessageId="once", MemberId="ana", Entity=entity)
        body = clean.replace(b'": ', b'":').replace(found, replacement)
        assert body != clean
        with world.server(TBOT_WORKERS="1") as server:
            response = post_webhook(server.url, world, body)

        assert _status(response) == (200, "accepted")
        (event,) = _rows()
        assert (event.ticket_id, event.action, event.kind_hint) == (GONE, "updated", "project")

    @pytest.mark.parametrize("stray", [b"\xff", b"\\ud800", b"\xed\xb0\x80"])
    def test_message_id_with_replacement_characters_is_recognized_as_a_replay(self, world: World, stray: bytes) -> None:
        body = _hook(world, MessageId="once?").replace(b"once?", b"once" + stray)
        with world.server(TBOT_WORKERS="1") as server:
            outcomes = [_status(post_webhook(server.url, world, body)) for _ in range(2)]

        assert outcomes == [(200, "accepted"), (200, "replayed")]


class TestReplays:
    """W4: a MessageId seen in the last 7 days is acknowledged and dropped."""

    def test_a_replay_is_acknowledged_and_dropped(self, world: World) -> None:
        with world.server(TBOT_WORKERS="1") as server:
            body = _hook(world, MessageId="once")
            assert _status(post_webhook(server.url, world, body)) == (200, "accepted")
            assert _status(post_webhook(server.url, world, body)) == (200, "replayed")
            assert _status(post_webhook(server.url, world, _hook(world, GONE + 1, MessageId="once"))) == (
                200,
                "replayed",
            )

            assert [row.hooks for row in _rows()] == [1]

    def test_replay_after_seven_days_is_accepted(self, world: World) -> None:
        with world.server(TBOT_WORKERS="1") as server:
            body, now = _hook(world, MessageId="once"), datetime.now(UTC)
            post_webhook(server.url, world, body)

            retention.forget(now + timedelta(days=7) - timedelta(minutes=1), heartbeat=lambda: None)
            assert _status(post_webhook(server.url, world, body)) == (200, "replayed")
            retention.forget(now + timedelta(days=7, minutes=1), heartbeat=lambda: None)
            assert _status(post_webhook(server.url, world, body)) == (200, "accepted")

    def test_same_webhook_fifty_times_at_once_is_accepted_once(self, world: World) -> None:
        with world.server(TBOT_WORKERS="1") as server, ThreadPoolExecutor(16) as pool:
            body = _hook(world, MessageId="once")
            responses = list(pool.map(lambda _: _status(post_webhook(server.url, world, body)), range(50)))

            assert sorted(responses) == [(200, "accepted"), *[(200, "replayed")] * 49]
            assert sum(row.hooks for row in _rows()) == 1


class TestBursts:
    """W5: at most one waiting and one running event for a ticket; others never wait."""

    def test_fifty_webhooks_at_once_for_one_ticket_are_at_most_two_events(self, world: World) -> None:
        ticket = world.connectwise.add_ticket(world.board, "Printer on fire", notify=False)
        path = rf"/tickets/{ticket}$"
        world.connectwise.faults.add(faults.slow(1.5, path=path))
        world.configure(catch_up_interval=0)  # it would find the ticket, too
        with world.server(TBOT_WORKERS="2") as server, ThreadPoolExecutor(16) as pool:
            responses = list(
                pool.map(lambda _: _status(post_webhook(server.url, world, _hook(world, ticket))), range(50))
            )

            assert responses == [(200, "accepted")] * 50
            assert sum(row.hooks for row in _rows()) == 50
            assert [row.state for row in _rows()] == ["running", "waiting"]
            assert world.connectwise.calls.count("GET service/tickets/{id}/allNotes") == 1

    def test_hanging_ticket_delays_no_other(self, world: World) -> None:
        stuck, free = (world.connectwise.add_ticket(world.board, name, notify=False) for name in ("Stuck", "Free"))
        world.connectwise.faults.add(faults.slow(1, path=rf"/tickets/{stuck}$"))
        with world.server(TBOT_WORKERS="2") as server:
            for ticket in (stuck, free, stuck):
                post_webhook(server.url, world, _hook(world, ticket))

            assert wait_for(lambda: {row.ticket_id: row.state for row in _rows()}.get(free) == "done")
            assert "done" not in [row.state for row in _rows() if row.ticket_id == stuck]

    def test_action_of_a_webhook_decides_nothing(self, world: World) -> None:
        """W5, W7: each is looked up, and what is there counts."""
        with world.server(TBOT_WORKERS="2") as server:
            for number, action in enumerate(("added", "Updated", "DELETED")):
                assert _status(post_webhook(server.url, world, _hook(world, GONE + number, Action=action))) == (
                    200,
                    "accepted",
                )

            assert wait_for(is_idle)
            assert {row.state for row in _rows()} == {"done"}
            assert {row.decisions[0]["reasons"][0]["code"] for row in _rows()} == {"deleted"}


ODD = [
    None,
    ...,
    7,
    True,
    1.5,
    [],
    {},
    "",
    "x" * 5000,
    "a\0b",
    "\U0001f525",
    "[" * 2000,
    '{"recordType": 7}',
    "null",
    "7",
]


def test_webhook_is_accepted_whatever_its_other_fields_contain(sqlite: str) -> None:
    """W6: they are hints, and a hint that makes no sense is none."""
    with World(sqlite) as world, world.server(TBOT_WORKERS="2") as server:
        for field in (
            "MessageId",
            "FromUrl",
            "MemberId",
            "ProductInstanceId",
            "Entity",
            "CallbackObjectRecId",
            "Extra",
        ):
            for odd in ODD:
                body = _hook(world, **{"MessageId": ..., field: odd})
                assert _status(post_webhook(server.url, world, body)) == (200, "accepted"), (field, odd)


@pytest.mark.parametrize(
    ("record_type", "hint"),
    [("ProjectTicket", "project"), ("ProjectIssue", "project"), ("ServiceTicket", None), ("projectticket", None)],
)
def test_record_type_is_used_as_a_hint(record_type: str, hint: str | None, sqlite: str) -> None:
    """T1."""
    with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server:
        post_webhook(server.url, world, _hook(world, Entity=json.dumps({"recordType": record_type})))

        assert [row.kind_hint for row in _rows()] == [hint]


def test_largest_possible_id_is_accepted(world: World) -> None:
    """W6."""
    with world.server(TBOT_WORKERS="1") as server:
        assert _status(post_webhook(server.url, world, _hook(world, 2**63 - 1))) == (200, "accepted")
        assert [row.ticket_id for row in _rows()] == [2**63 - 1]


def _assert_put_off(response: requests.Response) -> None:
    """Hold an answer to what ConnectWise sends again, and to what strangers may know."""
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) >= 1
    assert response.headers["Content-Type"] == "application/problem+json"
    assert not [
        word
        for word in ("sqlite", "postgres", "/tmp", "127.0.0.1", "connect", "SQL")
        if word in response.json()["detail"]
    ]


@contextmanager
def gone() -> Iterator[None]:
    """Let the database be gone: PostgreSQL accepts nobody, and of the SQLite file the table is missing."""
    if not db.is_postgres():
        _run(["ALTER TABLE event RENAME TO away"])
        try:
            yield
        finally:
            _run(["ALTER TABLE away RENAME TO event"])
        return
    with db.session():
        (name,) = db.database.execute_sql("SELECT current_database()").fetchone()
    with closing(psycopg2.connect(str(db.database.obj.database), dbname="template1")) as beside:
        beside.autocommit = True
        with beside.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
            try:
                yield
            finally:
                cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


@contextmanager
def refusing_events() -> Iterator[None]:
    """Let the database itself refuse every new event."""
    reason = "cannot execute INSERT in a read-only transaction"
    if db.is_postgres():
        make = [
            f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{reason}'; END $$",
            "CREATE TRIGGER refusing BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION refuse()",
        ]
        drop = ["DROP TRIGGER refusing ON event", "DROP FUNCTION refuse()"]
    else:
        make = [f"CREATE TRIGGER refusing BEFORE INSERT ON event BEGIN SELECT RAISE(ABORT, '{reason}'); END"]
        drop = ["DROP TRIGGER refusing"]
    _run(make)
    try:
        yield
    finally:
        _run(drop)


@contextmanager
def without_kept_keys() -> Iterator[None]:
    """Let the table of proven signing keys be missing."""
    _run(["ALTER TABLE signing_key RENAME TO away"])
    try:
        yield
    finally:
        _run(["ALTER TABLE away RENAME TO signing_key"])


def _run(statements: list[str]) -> None:
    with db.transaction("test"):
        for statement in statements:
            db.database.execute_sql(statement)
