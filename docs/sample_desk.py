"""A small service desk whose Ticketbot always answers the same, for the pictures of the documentation."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests

from ticketbot.api import client, responses

URL = "https://tbot.example.com"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEW_KEY = "tbot_OnlyAnExampleOfAKey-0123456789abcdefghijklmnopqr"

_SHARED = {"active": True, "last_activity": None}
_RECIPIENTS = [
    responses.Recipient(id=1, type="room", name="Help Desk", email=None, **_SHARED),
    responses.Recipient(id=2, type="room", name="Night Shift", email=None, **_SHARED),
    responses.Recipient(id=3, type="room", name="Old War Room", email=None, **_SHARED),
    responses.Recipient(id=4, type="person", name="Ana Alvarez", email="ana@msp.example", **_SHARED),
    responses.Recipient(id=5, type="person", name="Ben Bauer", email="ben@msp.example", **_SHARED),
    responses.Recipient(id=6, type="person", name="Cora Chen", email="cora@msp.example", **_SHARED),
]
_BOARDS = [
    responses.Board(id=number, name=name, inactive=False, project=name == "Projects", deleted=False)
    for number, name in ((1, "Service Desk"), (2, "Projects"), (3, "Network Operations"))
]
_USERS = [
    responses.User(id=1, name="Ana Alvarez", email="ana@msp.example", created_at=NOW - timedelta(days=90)),
    responses.User(id=2, name="Ben Bauer", email="ben@msp.example", created_at=NOW - timedelta(days=3)),
]
_MADE = {"id": 3, "user_id": 2, "hint": NEW_KEY[-4:], "created_at": NOW, "last_used_at": None}
_KEYS = [
    responses.Key(id=1, user_id=1, hint="x7Qp", created_at=NOW - timedelta(days=90), last_used_at=NOW),
    responses.Key(id=2, user_id=2, hint="b2Lw", created_at=NOW - timedelta(days=3), last_used_at=None),
]


def _rule(number: int, board: responses.Board, to: responses.Recipient, *, enabled: bool = True) -> responses.Rule:
    return responses.Rule(
        id=number,
        board_id=board.id,
        board_name=board.name,
        recipient_id=to.id,
        recipient_name=to.name,
        recipient_type=to.type,
        enabled=enabled,
    )


def _forward(
    number: int,
    source: responses.Recipient,
    to: responses.Recipient,
    *,
    start: str,
    end: str | None,
    state: responses.ForwardState,
) -> responses.Forward:
    return responses.Forward(
        id=number,
        source_id=source.id,
        source_name=source.name,
        destination_id=to.id,
        destination_name=to.name,
        start=start,
        end=end,
        keep_copy=state == "active",
        enabled=True,
        state=state,
    )


def _run(number: int, state: responses.SyncState, began: timedelta, *phases: tuple[str, int, int]) -> responses.SyncRun:
    return responses.SyncRun(
        id=number,
        state=state,
        phases=[responses.SyncPhase(name=name, total=total, done=done, errors=0) for name, done, total in phases],
        error_count=0,
        errors=[],
        requested_by="ana@msp.example",
        started_at=NOW - began,
        finished_at=None if state == "running" else NOW - began + timedelta(seconds=12),
    )


def _notification(number: int, about: str, name: str, state: str, reason: str, **more: str) -> responses.Notification:
    ticket, kind = about.split()
    at = NOW - timedelta(minutes=50 - number)
    return responses.Notification(
        id=number,
        ticket_id=int(ticket),
        note_id=None if kind == "new" else 5000 + number,
        kind=kind,  # type: ignore[arg-type]
        recipient_id=1,
        recipient_name=name,
        recipient_type="room" if reason.startswith("rule") else "person",
        state=state,  # type: ignore[arg-type]
        reason=reason,
        forwarded_from=[],
        attempts=0 if state == "skipped" else 1,
        error=more.get("error"),
        possible_duplicate=False,
        overtaken=False,
        webex_message_id=None,
        tracking_id=more.get("tracking_id"),
        created_at=at,
        next_try_at=None,
        sent_at=at + timedelta(seconds=1) if state == "sent" else None,
        died_at=at + timedelta(seconds=1) if state == "dead" else None,
    )


_HELP_DESK, _NIGHT_SHIFT, _WAR_ROOM, _ANA, _BEN, _CORA = _RECIPIENTS
_GONE = {
    "error": "Webex: POST /messages answered 404: Could not find a room with provided ID.",
    "tracking_id": "ROUTER_6f3a51d2",
}
_RUNNING = _run(
    8,
    "running",
    timedelta(seconds=9),
    ("boards", 3, 3),
    ("statuses", 3, 3),
    ("service tickets", 312, 780),
)
_ANSWERS: dict[str, Any] = {
    "/readyz": responses.Readiness(status="ok", checks={"database": "ok", "webex": "ok"}),
    "/users/me": _USERS[0],
    "/config": responses.Config(
        attempt_notify=True,
        max_message_length=300,
        max_concurrent_syncs=5,
        require_board_rule=False,
        catch_up_interval=300,
        retention_days=90,
    ),
    "/cw/boards": _BOARDS,
    "/webex/rooms": _RECIPIENTS,
    "/notifiers/rules": [
        _rule(1, _BOARDS[0], _HELP_DESK),
        _rule(2, _BOARDS[2], _NIGHT_SHIFT),
        _rule(3, _BOARDS[2], _WAR_ROOM),
        _rule(4, _BOARDS[1], _CORA, enabled=False),
    ],
    "/notifiers/forwards": [
        _forward(1, _ANA, _CORA, start="2026-03-01", end="2026-03-14", state="active"),
        _forward(2, _BEN, _HELP_DESK, start="2026-07-06", end=None, state="upcoming"),
    ],
    "/users": _USERS,
    "/users/keys": _KEYS,
    "POST /users/keys": responses.CreatedKey(**_MADE, key=NEW_KEY),
    "/sync/runs": [
        _RUNNING,
        _run(7, "done", timedelta(days=1), ("rooms", 48, 48), ("room members", 48, 48), ("members", 61, 61)),
        _run(6, "cancelled", timedelta(days=2), ("service tickets", 91, 780)),
    ],
    "/sync/status": responses.SyncStatus(syncing=True, run=_RUNNING),
    "/notifications": [
        _notification(46, "4712 update", "Ana Alvarez", "skipped", "author of the note"),
        _notification(45, "4712 update", "Ben Bauer", "sent", "assigned (resource)"),
        _notification(44, "4712 new", "Old War Room", "dead", "rule 3", **_GONE),
        _notification(43, "4712 new", "Night Shift", "sent", "rule 2"),
        _notification(42, "4711 new", "Ben Bauer", "sent", "assigned (owner)"),
        _notification(41, "4711 new", "Help Desk", "sent", "rule 1"),
    ],
}


class Desk:
    """The desk; while `is_up` is false, its server does not answer."""

    def __init__(self) -> None:
        self.is_up = True

    def connect(self) -> client.Client:
        """Return a client of this desk."""
        return client.Client(URL, "a-key", transport=_Transport(self))


class _Transport(requests.adapters.BaseAdapter):
    """Answers in this process, without a network."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        if not self._desk.is_up:
            raise requests.ConnectionError
        path = urlsplit(request.url or "").path
        found = _ANSWERS[path if request.method == "GET" else f"{request.method} {path}"]
        answer = requests.Response()
        answer.status_code, answer.raw, answer.request = 200, io.BytesIO(msgspec.json.encode(found)), request
        return answer

    def close(self) -> None:
        """Nothing is kept open."""
