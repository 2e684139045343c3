"""A small office whose Ticketbot always answers the same: what widget tests and the pictures of the docs look at.

It is a WSGI application with the routes that the TUI uses, and it can be made to fail. Whole-program tests use the
real server.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import bottle
import msgspec
from requests import PreparedRequest, Response
from requests.exceptions import ConnectionError as NoConnection

from tests import wsgi
from ticketbot.api import client, requests, responses

URL = "http://ticketbot.example:8080"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEW_KEY = "tbot_3f9c2ab1_5Qm8TzX0c7LwVhJ2eRk9NsYbUd4GpA6i"


class FakeServer:
    """All rows of all tabs. `fault` is an HTTP status, or `down`; while `gate` is cleared, no request is answered."""

    def __init__(self) -> None:
        self.fault: int | str | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[str] = []
        self.boards = [board(1, "Service Desk"), board(2, "Projects"), board(3, "客户支持 Asia")]
        self.recipients = [
            recipient(1, "Help Desk"),
            recipient(2, "Night Shift 🌙"),
            recipient(3, "Ana Alvarez", "ana@msp.example"),
            recipient(4, "Ben Bauer", "ben@msp.example"),
            recipient(5, "Zoë Żak", "zoe@msp.example"),
        ]
        self.rules = [
            rule(1, 1, "Service Desk", 1, "Help Desk"),
            rule(2, 3, "客户支持 Asia", 2, "Night Shift 🌙", False),
        ]
        self.forwards = [
            forward(1, 3, "Ana Alvarez", 4, "Ben Bauer", "2026-03-01", "2026-03-14", "active"),
            forward(2, 4, "Ben Bauer", 5, "Zoë Żak", "2026-07-06", None, "upcoming"),
        ]
        self.users = [
            responses.User(id=1, name="Ana Alvarez", email="ana@msp.example", created_at=NOW - timedelta(days=90)),
            responses.User(id=2, name="Ben Bauer", email="ben@msp.example", created_at=NOW - timedelta(days=3)),
        ]
        self.keys = [
            responses.Key(id=1, user_id=1, hint="x7Qp", created_at=NOW - timedelta(days=90), last_used_at=NOW),
            responses.Key(id=2, user_id=1, hint="b2Lw", created_at=NOW - timedelta(days=9), last_used_at=None),
        ]
        self.runs = [done_run(1)]
        self.notifications = [
            notification(41, 7001, "Help Desk", "sent", "rule 1", kind="new"),
            notification(42, 7001, "Ana Alvarez", "sent", "assigned (resource)", "person", kind="new"),
            notification(43, 7002, "Cora Chen", "skipped", "not on Webex", None),
            notification(
                44, 7003, "Help Desk", "dead", "rule 1", error="the bot is no longer in this room", attempts=1
            ),
        ]
        self.dead_events = 0
        self.synced_boards: list[int] | None = None
        self.settings = responses.Config(
            attempt_notify=True,
            max_message_length=300,
            max_concurrent_syncs=5,
            require_board_rule=False,
            catch_up_interval=300,
            retention_days=90,
        )
        self.checks: dict[str, Any] = {"database": "ok", "schema": "ok", "webex": "ok"}
        self.app = _app(self)

    def connect(self) -> client.Client:
        """Return a client of this office."""
        return client.Client(URL, "a-key", transport=_Adapter(self))

    def next_id(self, rows: list[Any]) -> int:
        """Return an id that no row has."""
        return max((row.id for row in rows), default=0) + 1


class _Adapter(wsgi.Adapter):
    def __init__(self, office: FakeServer) -> None:
        super().__init__(office.app)
        self._office = office

    def send(self, request: PreparedRequest, *more: Any, **named: Any) -> Response:
        self._office.asked.append(f"{request.method} {request.path_url}")
        if self._office.fault == "down":
            raise NoConnection
        return super().send(request, *more, **named)


def board(number: int, name: str) -> responses.Board:
    """Return a board."""
    return responses.Board(id=number, name=name, inactive=False, project=False, deleted=False)


def recipient(number: int, name: str, email: str | None = None) -> responses.Recipient:
    """Return a person, or a room when there is no address."""
    kind: Any = "person" if email else "room"
    return responses.Recipient(id=number, type=kind, name=name, email=email, active=True, last_activity=None)


def rule(number: int, board_id: int, board_name: str, to: int, name: str, enabled: bool = True) -> responses.Rule:
    """Return a rule that tells a room."""
    return responses.Rule(
        id=number,
        board_id=board_id,
        board_name=board_name,
        recipient_id=to,
        recipient_name=name,
        recipient_type="room",
        enabled=enabled,
    )


def forward(
    number: int, source: int, name: str, to: int, to_name: str, start: str | None, end: str | None, state: str
) -> responses.Forward:
    """Return a forward."""
    return responses.Forward(
        id=number,
        source_id=source,
        source_name=name,
        destination_id=to,
        destination_name=to_name,
        start=start,
        end=end,
        keep_copy=False,
        enabled=state != "disabled",
        state=state,  # type: ignore[arg-type]
    )


def done_run(number: int, wrong: int = 0) -> responses.SyncRun:
    """Return a sync that is over."""
    errors = [f"ticket {7000 + each}: ConnectWise answers 500" for each in range(wrong)]
    return responses.SyncRun(
        id=number,
        state="done",
        phases=[phase("boards", 3, 3), phase("recipients", 5, 5), phase("tickets", 120, 120, wrong)],
        error_count=wrong,
        errors=errors,
        requested_by="ana@msp.example",
        started_at=NOW - timedelta(hours=2),
        finished_at=NOW - timedelta(hours=2) + timedelta(seconds=12),
    )


def phase(name: str, total: int | None, done: int, errors: int = 0) -> responses.SyncPhase:
    """Return how far a phase has come."""
    return responses.SyncPhase(name=name, total=total, done=done, errors=errors)


def notification(
    number: int,
    ticket: int,
    name: str,
    state: str,
    reason: str,
    kind_of_recipient: str | None = "room",
    *,
    kind: str = "update",
    error: str | None = None,
    attempts: int = 0,
) -> responses.Notification:
    """Return a notification."""
    at = NOW - timedelta(minutes=60 - number)
    return responses.Notification(
        id=number,
        ticket_id=ticket,
        note_id=None if kind == "new" else 9000 + number,
        kind=kind,  # type: ignore[arg-type]
        recipient_id=number if kind_of_recipient else None,
        recipient_name=name,
        recipient_type=kind_of_recipient,  # type: ignore[arg-type]
        state=state,  # type: ignore[arg-type]
        reason=reason,
        forwarded_from=[],
        attempts=attempts,
        error=error,
        possible_duplicate=False,
        overtaken=False,
        webex_message_id="Y2lzY29zcGFyazovL3VzL01FU1NBR0UvMQ" if state == "sent" else None,
        tracking_id="ROUTER_6f3a" if state == "dead" else None,
        created_at=at,
        next_try_at=None,
        sent_at=at + timedelta(seconds=1) if state == "sent" else None,
        died_at=at + timedelta(seconds=2) if state == "dead" else None,
    )


def _app(office: FakeServer) -> bottle.Bottle:
    app = bottle.Bottle()

    def answer(value: object, status: int = 200) -> bottle.HTTPResponse:
        return bottle.HTTPResponse(msgspec.json.encode(value), status, {"Content-Type": "application/json"})

    def refuse(status: int, detail: str, *wrong: tuple[str, str]) -> bottle.HTTPResponse:
        named = [responses.FieldError(field=field, message=message) for field, message in wrong]
        title = bottle.HTTP_CODES[status]
        return answer(
            responses.Problem(type="about:blank", title=title, status=status, detail=detail, errors=named), status
        )

    def body(kind: Any) -> Any:
        return msgspec.json.decode(bottle.request.body.read(), type=kind)

    def named(rows: list[Any], number: int) -> str:
        return next(row.name for row in rows if row.id == number)

    @app.hook("before_request")
    def fail() -> None:
        assert office.gate.wait(20), "nobody opened the gate"
        if isinstance(office.fault, int):
            words = {401: "This API key is not known", 500: "Something went wrong"}
            raise refuse(office.fault, words[office.fault])

    def lists(path: str, rows: Callable[[], list[Any]]) -> None:
        def listed() -> bottle.HTTPResponse:
            query = bottle.request.query
            found = [row for row in rows() if not query.state or row.state == query.state]
            return answer(found[::-1] if query.order == "desc" else found)

        app.route(path, "GET", listed)

    def deletes(path: str, rows: Callable[[], list[Any]]) -> None:
        def deleted(number: int) -> bottle.HTTPResponse:
            rows()[:] = [row for row in rows() if row.id != number]
            return bottle.HTTPResponse(b"", 204)

        app.route(f"{path}/<number:int>", "DELETE", deleted)

    for path, rows in {
        "/cw/boards": lambda: office.boards,
        "/webex/rooms": lambda: office.recipients,
        "/notifiers/rules": lambda: office.rules,
        "/notifiers/forwards": lambda: office.forwards,
        "/users": lambda: office.users,
        "/users/keys": lambda: office.keys,
        "/sync/runs": lambda: office.runs,
        "/notifications": lambda: office.notifications,
    }.items():
        lists(path, rows)
        deletes(path, rows)

    app.get("/readyz", callback=lambda: answer({"status": _worst(office.checks), "checks": office.checks}))
    app.get("/users/me", callback=lambda: answer(office.users[0]))
    app.get("/config", callback=lambda: answer(office.settings))

    @app.post("/notifiers/rules")
    def add_rule() -> bottle.HTTPResponse:
        new = body(requests.NewRule)
        if any((row.board_id, row.recipient_id) == (new.board_id, new.recipient_id) for row in office.rules):
            return refuse(409, "This rule exists already")
        names = named(office.boards, new.board_id), named(office.recipients, new.recipient_id)
        office.rules.append(rule(office.next_id(office.rules), new.board_id, names[0], new.recipient_id, names[1]))
        return answer(office.rules[-1], 201)

    @app.route("/notifiers/rules/<number:int>", "PATCH")
    def change_rule(number: int) -> bottle.HTTPResponse:
        row = next(row for row in office.rules if row.id == number)
        row.enabled = body(requests.RuleChanges).enabled
        return answer(row)

    @app.post("/notifiers/forwards")
    def add_forward() -> bottle.HTTPResponse:
        new = body(requests.NewForward)
        if new.source_id == new.destination_id:
            return refuse(422, "The request is not valid", ("destination_id", "This is the source itself"))
        names = named(office.recipients, new.source_id), named(office.recipients, new.destination_id)
        if any((row.source_id, row.destination_id) == (new.destination_id, new.source_id) for row in office.forwards):
            return refuse(409, f"This would close a circle: {names[0]} > {names[1]} > {names[0]}")
        number = office.next_id(office.forwards)
        office.forwards.append(
            forward(number, new.source_id, names[0], new.destination_id, names[1], new.start, new.end, "active")
        )
        office.forwards[-1].keep_copy = new.keep_copy
        return answer(office.forwards[-1], 201)

    @app.route("/notifiers/forwards/<number:int>", "PATCH")
    def change_forward(number: int) -> bottle.HTTPResponse:
        row = next(row for row in office.forwards if row.id == number)
        row.enabled = body(requests.ForwardChanges).enabled
        row.state = "active" if row.enabled else "disabled"
        return answer(row)

    @app.get("/notifiers/forwards/preview")
    def preview() -> bottle.HTTPResponse:
        who = next(row for row in office.recipients if row.id == int(bottle.request.query.recipient_id))
        told = responses.PreviewDelivery(
            recipient_id=4,
            recipient_name="Ben Bauer",
            recipient_type="person",
            chain=[who.name, "Ben Bauer"],
            forward_ids=[1],
        )
        return answer(responses.Preview(recipient_id=who.id, recipient_name=who.name, at=NOW, deliveries=[told]))

    @app.post("/users")
    def add_user() -> bottle.HTTPResponse:
        new = body(requests.NewUser)
        if any(row.email == new.email for row in office.users):
            return refuse(409, "There is a user with this e-mail address")
        row = responses.User(id=office.next_id(office.users), name=new.name, email=new.email, created_at=NOW)
        office.users.append(row)
        return answer(row, 201)

    @app.post("/users/keys")
    def add_key() -> bottle.HTTPResponse:
        number, owner = office.next_id(office.keys), body(requests.NewKey).user_id
        common = {"id": number, "user_id": owner, "hint": NEW_KEY[-4:], "created_at": NOW, "last_used_at": None}
        office.keys.append(responses.Key(**common))
        return answer(responses.CreatedKey(**common, key=NEW_KEY), 201)

    @app.get("/sync/status")
    def sync_status() -> bottle.HTTPResponse:
        latest = office.runs[-1] if office.runs else None
        return answer(responses.SyncStatus(syncing=latest is not None and latest.state == "running", run=latest))

    @app.post("/sync")
    def start_sync() -> bottle.HTTPResponse:
        new = body(requests.SyncRequest)
        office.synced_boards = new.board_ids
        phases = [phase(name, None, 0) for name in ("boards", "recipients", "tickets") if getattr(new, name)]
        run = done_run(office.next_id(office.runs))
        run.state, run.phases, run.started_at, run.finished_at = "running", phases, NOW, None
        office.runs.append(run)
        return answer(run, 202)

    @app.post("/sync/cancel")
    def cancel_sync() -> bottle.HTTPResponse:
        office.runs[-1].state, office.runs[-1].finished_at = "cancelled", NOW
        return answer(office.runs[-1], 202)

    @app.post("/notifications/<number:int>/retry")
    def retry(number: int) -> bottle.HTTPResponse:
        row = next(row for row in office.notifications if row.id == number)
        row.state, row.error = "pending", None
        return answer(row, 202)

    @app.post("/notifications/retry")
    def retry_all() -> bottle.HTTPResponse:
        raw = bottle.request.body.read()
        is_dry = bool(raw) and msgspec.json.decode(raw, type=requests.RetryRequest).dry_run
        dead = [row for row in office.notifications if row.state == "dead"]
        for row in [] if is_dry else dead:
            row.state, row.error = "pending", None
        return answer(responses.RetryResult(notifications=len(dead), events=office.dead_events), 202)

    @app.get("/cw/tickets/<number:int>/explain")
    def explain(number: int) -> bottle.HTTPResponse:
        names = [row.recipient_name for row in office.notifications if row.ticket_id == number and row.kind == "new"]
        decisions = [
            responses.Decision(subject=f"new:{number}", who=name, outcome="told", reason="rule 1") for name in names
        ]
        event = responses.Event(
            id=5,
            ticket_id=number,
            state="done",
            source="hook",
            action="updated",
            hooks=1,
            correlation="c-5",
            first_received_at=NOW,
            received_at=NOW,
            due_at=NOW,
            finished_at=NOW,
            attempts=1,
            error=None,
            decisions=decisions,
        )
        rows = [row for row in office.notifications if row.ticket_id == number]
        return answer(responses.Explanation(ticket_id=number, ticket=None, events=[event], notifications=rows))

    return app


def _worst(checks: dict[str, Any]) -> str:
    return next((state for state in ("failed", "degraded") if state in checks.values()), "ok")
