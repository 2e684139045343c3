"""A small service desk in the database: what tests and the pictures of the documentation look at.

Ids: boards 1-3; recipients 1-6 (Help Desk, Night Shift, Old War Room, Ana, Ben, Cora); users 1, 2; tickets 4711, 4712.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from tests import ledger
from ticketbot.database import db
from ticketbot.models import (
    api_keys,
    audit,
    events,
    forwards,
    notifications,
    recipients,
    rules,
    syncs,
    tickets,
    users,
)
from ticketbot.simulators.webex import Webex

KEY = "tbot_OnlyAnExampleOfAKey-0123456789abcdefghijklmnopqr"
GONE = "Webex: POST /messages answered 404: Could not find a room with provided ID."

ROOMS = ("Help Desk", "Night Shift 🌙", "Old War Room")
PEOPLE = ("Ana Alvarez", "Ben Bauer", "Cora Chen")
BOARDS = ("Service Desk", "Projects", "客户支持 Asia")
_REASONS = {
    "rule": lambda number: [{"code": "rule", "ids": [number]}],
    "assigned": lambda role: [{"code": "assigned", "names": [role]}],
    "author": lambda _: [{"code": "author"}],
}


def fill(now: datetime, webex: Webex | None = None) -> str:
    """Store the rows; with a simulated Webex, recipients exist there, too. Returns the key of Ana, user 1."""
    with db.transaction("seed"):
        for number, name in enumerate(BOARDS, 1):
            tickets.Board.create(id=number, name=name, project=name == "Projects")
        _recipients(now, webex)
        _rules_and_forwards(now)
        key = _users(now)
        _tickets(now)
        _syncs(now)
        audit.Audit.create(
            at=now - timedelta(hours=2),
            user_id=1,
            user_email="ana@msp.example",
            action="update",
            object="rule",
            object_id="3",
            before={"enabled": True},
            after={"enabled": False},
        )
    return key


def _recipients(now: datetime, webex: Webex | None) -> None:
    for name in ROOMS:
        webex_id = webex.add_room(name) if webex else name
        recipients.Recipient.create(type="room", webex_id=webex_id, name=name, last_activity=now - timedelta(minutes=4))
    for name in PEOPLE:
        email = f"{name.partition(' ')[0].lower()}@msp.example"
        webex_id = webex.add_person(email, name) if webex else name
        recipients.Recipient.create(type="person", webex_id=webex_id, name=name, email=email)


def _rules_and_forwards(now: datetime) -> None:
    for board, recipient, enabled in ((1, 1, True), (3, 2, True), (2, 3, False)):
        rules.Rule.create(board=board, recipient=recipient, enabled=enabled, created_at=now)
    for source, destination, start, end in ((4, 6, "2026-03-01", "2026-03-14"), (5, 1, "2026-07-06", None)):
        forwards.Forward.create(source=source, destination=destination, start=start, end=end, created_at=now)


def _users(now: datetime) -> str:
    ana = users.add_user("Ana Alvarez", "ana@msp.example", now - timedelta(days=90))
    users.add_user("Ben Bauer", "ben@msp.example", now - timedelta(days=3))
    return api_keys.add_key(ana, KEY, now - timedelta(days=90)).key


def _tickets(now: datetime) -> None:
    for number, summary, company in ((4711, "Printer on fire", "Hanrahan"), (4712, "No e-mail since noon", "Contoso")):
        ticket(now, number, summary, company)
    event(now, 4711, told={"Help Desk": ("rule", 1), "Ben Bauer": ("assigned", "owner"), "Old War Room": ("rule", 3)})
    event(now, 4712, told={"Ana Alvarez": ("author", "")})
    event(now, 4713, events.DEAD, error="ConnectWise: GET /service/tickets/4713 answered 500")
    notify(now, 1, "Help Desk", rule=1)
    notify(now, 5, "Ben Bauer", assigned="owner")
    notify(now, 3, "Old War Room", rule=3, state="dead", error=GONE, tracking_id="ROUTER_6f3a51d2", attempts=1)
    notify(now, None, "Ana Alvarez", author="", state="skipped", ticket_id=4712)


def _syncs(now: datetime) -> None:
    sync_run(now - timedelta(hours=3), boards=(3, 3), recipients=(6, 6))


def ticket(now: datetime, number: int, summary: str, company: str) -> None:
    """Store an open ticket."""
    tickets.Ticket.create(
        id=number,
        summary=summary,
        board_id=1,
        board_name="Service Desk",
        status="New",
        company=company,
        owner="ana",
        resources=["ana", "ben"],
        stored_at=now,
    )


def event(
    now: datetime,
    ticket_id: int,
    state: str = "done",
    *,
    told: Mapping[str, tuple[str, Any]] = MappingProxyType({}),
    **more: Any,
) -> None:
    """Store an event of a new ticket, half an hour old, with who was told and why."""
    at = now - timedelta(minutes=30)
    subject = {"subject": f"new:{ticket_id}", "outcome": "told"}
    decisions = [{**subject, "who": who, "reasons": _REASONS[code](value)} for who, (code, value) in told.items()]
    events.Event.create(
        ticket_id=ticket_id,
        state=state,
        source="hook",
        action="added",
        correlation="c0ffee",
        first_received_at=at,
        received_at=at,
        due_at=at,
        finished_at=at,
        decisions=decisions,
        **more,
    )


def notify(now: datetime, recipient: int | None, name: str, *, state: str = "sent", **more: Any) -> int:
    """Store a notification about ticket 4711 or `ticket_id`, decided half an hour ago; `rule=1` and so on is why."""
    at = now - timedelta(minutes=30)
    reason = next(each for each in _REASONS if each in more)
    row = ledger.draft(
        more.pop("ticket_id", 4711),
        recipient,
        at,
        recipient_name=name,
        target=f"recipient:{recipient}:{name}:{more.pop('number', 0)}",
        reasons=_REASONS[reason](more.pop(reason)),
        state=state,
        sent_at=at + timedelta(seconds=2) if state == "sent" else None,
        died_at=at + timedelta(seconds=2) if state == "dead" else None,
    )
    if state == "skipped":
        return int(notifications.Notification.create(**row, **more).id)
    return int(ledger.add_with_message(row, at, **more).id)


def sync_run(started_at: datetime, state: str = "done", errors: int = 0, **phases: tuple[int, int | None]) -> int:
    """Store a sync that took 12 s, with `errors` in its last phase; a phase is how many are done, of how many."""
    made = [{"name": name, "done": done, "total": total, "errors": 0} for name, (done, total) in phases.items()]
    made[-1]["errors"] = errors
    row = syncs.SyncRun.create(
        state=state,
        phases=made,
        error_count=errors,
        errors=[f"ticket {7000 + number}: ConnectWise answered 500" for number in range(errors)],
        requested_by="ana@msp.example",
        started_at=started_at,
        finished_at=None if state == "running" else started_at + timedelta(seconds=12),
        server_id=1,
    )
    return int(row.id)
