"""Alive, ready, and in numbers (O2, O3): each failure, each case of waiting for others, and no details outside."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.environment import World, wait_for
from tests.ledger import add_with_message, draft
from tests.wsgi import Adapter
from ticketbot import errors
from ticketbot.database import availability, db
from ticketbot.models import events, facts, holds, notifications, recipients, runtime_config
from ticketbot.server import application, health
from ticketbot.simulators import faults

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
URL = "http://tbot.example"


class Server:
    """The health routes alone: nobody works anything off, and threads are dead when a test says so."""

    def __init__(self) -> None:
        self.dead: list[str] = []
        self.stranger = False
        self.failing_services: set[str] = set()
        self.seconds = 0.0
        self.clock_is_wrong = False
        app = application.new_app()
        health.add_routes(
            app,
            authenticate_local=self._admit,
            readiness=health.Cached(self._check, health.READY_FOR_S, lambda: self.seconds),
            now=lambda: NOW,
        )
        self._session = requests.Session()
        self._session.mount(URL, Adapter(app))

    def _check(self) -> dict[str, str]:
        return health.check(self.dead, NOW, self.failing_services, clock_is_wrong=self.clock_is_wrong)

    def _admit(self, environ: Mapping[str, Any]) -> None:
        if self.stranger:
            raise errors.NotAllowed("Not for strangers")

    def get(self, path: str) -> requests.Response:
        response = self._session.get(f"{URL}{path}")
        assert response.headers["X-Request-ID"]
        return response

    def ready(self) -> tuple[int, str, dict[str, str]]:
        """Return status, what it says of the whole, and the checks that are not well, all looked at again."""
        self.seconds += health.READY_FOR_S
        response = self.get("/readyz")
        body = response.json()
        assert set(body) == {"status", "checks"}
        return (
            response.status_code,
            body["status"],
            {name: each for name, each in body["checks"].items() if each != "ok"},
        )


@pytest.fixture
def server(database: str) -> Iterator[Server]:
    """Return the health routes on both kinds of database."""
    yield Server()


def _event(seconds_ago: float = 0, **more: Any) -> None:
    then = NOW - timedelta(seconds=seconds_ago)
    row = {
        "ticket_id": 1,
        "source": "hook",
        "correlation": "c",
        "first_received_at": then,
        "received_at": then,
        "due_at": then,
    }
    with db.transaction("test"):
        events.Event.create(**{**row, **more})


def _notification(seconds_ago: float = 0, **more: Any) -> None:
    then = NOW - timedelta(seconds=seconds_ago)
    with db.transaction("test"):
        recipient = recipients.Recipient.create(type="person", webex_id="w", name="Ana")
        row = draft(1, recipient.id, then, state=more.pop("state", notifications.PENDING))
        add_with_message(row, then, **more)


def _hold(service: str, until: datetime) -> None:
    with db.transaction("test"):
        holds.begin(service, until=until, now=NOW, reason="401 from https://secret.example")


def test_idle_server_is_ready(server: Server) -> None:
    """O2."""
    assert server.ready() == (200, "ok", {})
    assert set(server.get("/readyz").json()["checks"]) == {
        "database",
        "schema",
        "workers",
        "queues",
        "clock",
        "connectwise",
        "webex",
        "callback",
        "notifications",
    }


def test_a_dead_worker_is_a_failure(server: Server) -> None:
    """O2."""
    server.dead = ["events-1"]
    assert server.ready() == (503, "failed", {"workers": "failed"})


@pytest.mark.parametrize("add", [_event, _notification])
def test_work_due_but_unclaimed_for_a_minute_is_a_failure(server: Server, add: Callable[[float], None]) -> None:
    """O2: somebody should have taken it."""
    add(61)
    assert server.ready() == (503, "failed", {"queues": "failed"})


@pytest.mark.parametrize("add", [_event, _notification])
def test_work_due_for_less_than_a_minute_is_no_failure(server: Server, add: Callable[[float], None]) -> None:
    """O2."""
    add(59)
    assert server.ready() == (200, "ok", {})


def test_claimed_work_is_no_failure_however_long_it_takes(server: Server) -> None:
    """O2: its ticket's next event waits for it, too."""
    _event(600, state=events.RUNNING, server_id=1)
    _event(500)
    _notification(600, state=notifications.SENDING, server_id=1)
    assert server.ready() == (200, "ok", {})


@pytest.mark.parametrize(("service", "add"), [("connectwise", _event), ("webex", _notification)])
def test_hold_is_degraded(server: Server, service: str, add: Callable[[float], None]) -> None:
    """O2: it waits for an outside service."""
    add(600)
    _hold(service, NOW + timedelta(minutes=5))
    assert server.ready() == (200, "degraded", {service: "degraded"})


@pytest.mark.parametrize(("service", "add"), [("connectwise", _event), ("webex", _notification)])
def test_ended_hold_leaves_a_minute_to_claim(server: Server, service: str, add: Callable[[float], None]) -> None:
    """O2: and it is degraded until a success ends it."""
    add(600)
    _hold(service, NOW - timedelta(seconds=30))
    assert server.ready() == (200, "degraded", {service: "degraded"})


@pytest.mark.parametrize(("service", "add"), [("connectwise", _event), ("webex", _notification)])
def test_retried_work_is_degraded(server: Server, service: str, add: Callable[..., None]) -> None:
    """O2."""
    later = NOW + timedelta(minutes=1)
    add(**({"attempts": 1, "due_at": later} if service == "connectwise" else {"attempts": 1, "next_try_at": later}))
    assert server.ready() == (200, "degraded", {service: "degraded"})


@pytest.mark.parametrize("service", ["connectwise", "webex"])
def test_service_that_fails_for_a_background_job_is_degraded(server: Server, service: str) -> None:
    """O2: with no event waiting, a revoked key would show nowhere else."""
    server.failing_services = {service}
    assert server.ready() == (200, "degraded", {service: "degraded"})


def test_refused_credentials_are_reported_although_nothing_waits(world: World) -> None:
    """O2, C1: over the whole server."""
    world.connectwise.faults.add(faults.status(401))
    with world.server() as running:
        found = f"{running.url}/readyz"
        assert wait_for(lambda: requests.get(found, timeout=5).json()["checks"]["connectwise"] == "attention")
        assert requests.get(found, timeout=5).status_code == 200
        assert requests.get(f"{found}?strict=1", timeout=5).status_code == 503


def test_what_needs_a_person_is_attention_and_strict_monitors_see_it(server: Server) -> None:
    """O2: refused credentials, and notifications that are off."""
    with db.transaction("test"):
        holds.begin("webex", until=NOW, now=NOW, reason="401", needs_person=True)
        runtime_config.save({"attempt_notify": False})
    assert server.ready() == (200, "attention", {"webex": "attention", "notifications": "attention"})
    assert server.get("/readyz?strict=1").status_code == 503


def test_strict_is_503_for_what_waits_and_200_for_what_is_well(server: Server) -> None:
    """O2"""
    assert server.get("/readyz?strict=1").status_code == 200
    _hold("webex", NOW)
    server.seconds += health.READY_FOR_S
    assert [server.get(f"/readyz{query}").status_code for query in ("", "?strict=0", "?strict=1")] == [200, 200, 503]


def test_failure_takes_precedence_over_degraded(server: Server) -> None:
    """O2."""
    server.dead = ["messages-3"]
    _hold("webex", NOW + timedelta(minutes=5))
    assert server.ready() == (503, "failed", {"workers": "failed", "webex": "degraded"})


def test_server_without_its_database_is_alive_but_not_ready_and_shows_no_details(server: Server, database: str) -> None:
    """O2, O3: what was counted in memory is still told."""
    with tempfile.TemporaryDirectory(prefix="secret-place") as folder:
        db.close_database()
        db.open_database("postgresql://secret.example.invalid:1/x" if db.is_postgres() else f"sqlite:///{folder}")
        assert server.get("/healthcheck").json() == {"status": "ok"}
        assert server.ready() == (503, "failed", {"database": "failed"})
        assert "secret" not in server.get("/readyz").text
        assert server.get("/readyz?strict=1").status_code == 503
        assert "tbot_hooks_total" in server.get("/metrics").text
        db.open_database(database)
    assert server.ready() == (200, "ok", {})


def test_a_migration_that_is_missing_is_a_failure(sqlite: str) -> None:
    """O2."""
    with db.transaction("test"):
        db.database.execute_sql("DELETE FROM schema_migration")
    assert Server().ready() == (503, "failed", {"schema": "failed"})


def test_a_database_without_tables_is_a_failure(sqlite: str) -> None:
    """O2: not one in our code."""
    with db.transaction("test"):
        db.database.execute_sql("DROP TABLE hold")
    assert Server().ready() == (503, "failed", {"schema": "failed"})


def test_a_database_that_cannot_be_written_to_is_a_failure_until_it_can(
    sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O2: nobody would notice on an idle server."""
    server = Server()
    monkeypatch.setattr(db, "writes", availability.Writes(lambda: server.seconds))
    assert server.ready() == (200, "ok", {})
    with db.session():
        db.database.execute_sql("PRAGMA query_only = 1")
        server.seconds += health.WRITTEN_WITHIN_S
        assert server.ready() == (503, "failed", {"database": "failed"})
        db.database.execute_sql("PRAGMA query_only = 0")
        assert server.ready() == (200, "ok", {})


@pytest.mark.postgres
def test_a_read_only_postgres_is_a_failure_and_can_still_be_read(
    postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """O2: such as a standby; and no bug of ours."""
    server = Server()
    with db.session():
        db.database.execute_sql("SET default_transaction_read_only = on")
        monkeypatch.setattr(db, "writes", availability.Writes(lambda: server.seconds))
        assert server.ready() == (503, "failed", {"database": "failed"})
        with pytest.raises(errors.Unreachable, match="read-only transaction"), db.transaction("test"):
            facts.write_time(facts.LAST_PROBE, NOW)
        assert not runtime_config.load().require_board_rule
        db.database.execute_sql("SET default_transaction_read_only = off")
        assert server.ready() == (200, "ok", {})


def test_readiness_is_checked_once_a_second_however_many_requests() -> None:
    """O2: anybody may ask, as often as they like."""
    looks: list[None] = []
    begun, go_on = threading.Event(), threading.Event()
    seconds = 0.0

    def compute() -> dict[str, str]:
        looks.append(None)
        begun.set()
        assert go_on.wait(10)
        return {"database": "ok"}

    cached = health.Cached(compute, 1.0, lambda: seconds)
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(cached) for _ in range(4)]
        assert begun.wait(10)
        go_on.set()
        assert [each.result(10) for each in results] == [{"database": "ok"}] * 4
    assert len(looks) == 1
    seconds = 1.0
    cached()
    assert len(looks) == 2


def test_metrics_are_prometheus_text_and_match_the_queues(server: Server) -> None:
    """O3."""
    _event(90)
    _event(30, state=events.DEAD, ticket_id=2)
    _notification(120)

    response = server.get("/metrics")

    assert response.headers["Content-Type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    assert {"tbot_hooks", "tbot_events", "tbot_notifications", "tbot_api_call_seconds", "tbot_catch_up_finds"} <= set(
        families
    )
    rows = {(s.labels["queue"], s.labels["state"]): s.value for s in families["tbot_queue_rows"].samples}
    assert rows == {
        ("event", "waiting"): 1, ("event", "running"): 0, ("event", "dead"): 1,
        ("notification", "pending"): 1, ("notification", "sending"): 0, ("notification", "dead"): 0,
        ("notification", "held"): 0,
    }  # fmt: skip
    ages = {sample.labels["queue"]: sample.value for sample in families["tbot_queue_oldest_seconds"].samples}
    assert ages == {"event": 90, "notification": 120}


def test_metrics_need_authentication(server: Server) -> None:
    """A2: health is."""
    server.stranger = True
    assert [server.get(path).status_code for path in ("/metrics", "/healthcheck", "/readyz")] == [401, 200, 200]
    assert server.get("/metrics").headers["Content-Type"] == application.PROBLEM


@pytest.mark.parametrize("path", ["/healthcheck", "/readyz", "/metrics"])
def test_running_server_is_healthy_and_refuses_forwarded_requests(path: str, sqlite: str) -> None:
    """O2, A2: over real HTTP."""
    with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server:
        assert wait_for(lambda: requests.get(f"{server.url}/readyz", timeout=5).json()["status"] == "ok")
        assert requests.get(server.url + path, timeout=5).status_code == 200
        for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
            response = requests.get(server.url + path, headers={header: "127.0.0.1"}, timeout=5)
            assert response.status_code == (401 if path == "/metrics" else 200)
        refused = requests.post(server.url + path, timeout=5)
        assert (refused.status_code, refused.headers["Content-Type"]) == (405, application.PROBLEM)
        assert refused.headers["X-Request-ID"]


def test_a_worker_that_has_died_is_noticed(sqlite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """O2: such as by a thread that the system has ended."""
    monkeypatch.setattr("ticketbot.background.workers.Worker._repeat", lambda *_: None)
    with World(sqlite) as world, world.server(TBOT_WORKERS="1") as server:
        assert wait_for(lambda: requests.get(f"{server.url}/readyz", timeout=5).status_code == 503)
        assert requests.get(f"{server.url}/readyz", timeout=5).json()["checks"]["workers"] == "failed"
