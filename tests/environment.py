"""A whole Ticketbot between simulated services: what flow tests are written with."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from tests.cases import CAST, CONTACT
from ticketbot.database import db
from ticketbot.models import events, notifications, recipients, rules, runtime_config, tickets
from ticketbot.server import serve
from ticketbot.server.routes import notifications as notifications_api
from ticketbot.settings import table
from ticketbot.simulators import connectwise_api, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

SETTLES_WITHIN_S = 20.0


class World:
    """Simulated ConnectWise and Webex with the cast of `cases.py`, one board, and the settings that lead to them."""

    def __init__(
        self, database_url: str, now: Callable[[], datetime] | None = None, *, explicit_nulls: bool = False
    ) -> None:
        self.database_url = database_url
        self.connectwise = ConnectWise(now=now or _now, explicit_nulls=explicit_nulls)
        self.webex = Webex(now=now or _now)
        self.board = self.connectwise.add_board("Service Desk")
        self.project_board = self.connectwise.add_board("Projects", project=True)
        self.company = self.connectwise.add_company("Hanrahan Logistics")
        first, last = CONTACT.split()
        self.contact = self.connectwise.add_contact(first, last, company=self.company)
        self.accounts: dict[str, str] = {}
        for identifier, member in CAST.items():
            first, last = member.name.split()
            self.connectwise.add_member(
                identifier,
                first,
                last,
                email=member.email(identifier),
                inactive=member.inactive,
                license_class=member.license_class,
            )
            if member.on_webex:
                self.accounts[identifier] = self.webex.add_person(member.email(identifier), member.name)
        self._stack = ExitStack()
        self._numbers = itertools.count(1)

    def __enter__(self) -> World:
        self._stack.enter_context(connectwise_api.serve(self.connectwise))
        self._stack.enter_context(webex_api.serve(self.webex))
        self._stack.callback(self.connectwise.callbacks.sender.stop)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment of a server in this world."""
        return {
            "TBOT_DATABASE_URL": self.database_url,
            "TBOT_PORT": "0",
            "TBOT_CW_URL": self.connectwise.callbacks.url,
            "TBOT_CW_COMPANY": self.connectwise.company,
            "TBOT_CW_PUBLIC_KEY": self.connectwise.public_key,
            "TBOT_CW_PRIVATE_KEY": self.connectwise.private_key,
            "TBOT_CW_CLIENT_ID": self.connectwise.client_id,
            "TBOT_WEBEX_URL": self.webex.url,
            "TBOT_WEBEX_TOKEN": self.webex.token,
            **more,
        }

    @contextmanager
    def server(self, now: Callable[[], datetime] | None = None, **more: str) -> Iterator[serve.Server]:
        """Run one server in this process, over real HTTP, with its callback registered."""
        settings = table.load({}, self.environ(**more))
        serve.prepare_database(settings, skip_missed=False, now=(now or _now)())
        server = serve.Server(settings, now)
        server.start()
        self.call_back(server.url)
        try:
            yield server
        finally:
            server.stop()

    def call_back(self, url: str) -> int:
        """Register the ticket callback at a server, as ConnectWise would hold it."""
        number: int = self.connectwise.next_id("callback")
        asked = {"url": f"{url}/hooks/cw/tickets?recordId=", "objectId": 1, "type": "ticket", "level": "owner"}
        self.connectwise.callbacks.add(number, asked, 1)
        return number

    def add_room(self, name: str) -> int:
        """Add a Webex room; returns the recipient's id."""
        webex_id = self.webex.add_room(name)
        with db.transaction("test"):
            return int(recipients.Recipient.create(type=recipients.ROOM, webex_id=webex_id, name=name).id)

    def add_rule(self, to: str | int | None, *, board: int | None = -1, **columns: Any) -> int:
        """Add a rule to a new room or a known recipient, on our board unless another one is named; returns its id."""
        board_id = self.board if board == -1 else board
        recipient = self.add_room(to) if isinstance(to, str) else to
        with db.transaction("test"):
            if board_id is not None:
                tickets.Board.insert(id=board_id, name="Service Desk").on_conflict_ignore().execute()
            rules.Rule.create(board=board_id, recipient=recipient, created_at=_now(), **columns)
        return int(recipient or 0)

    def recipient(self, identifier: str) -> recipients.Recipient:
        """Return the recipient row of a member of the cast, made when it is missing."""
        member = CAST[identifier]
        with db.transaction("test"):
            row, _ = recipients.Recipient.get_or_create(
                webex_id=self.accounts[identifier],
                defaults={"type": recipients.PERSON, "name": member.name, "email": member.email(identifier)},
            )
        found: recipients.Recipient = row
        return found

    def configure(self, **values: Any) -> None:
        """Change the runtime configuration."""
        with db.transaction("test"):
            runtime_config.save(values)

    def settle(self) -> None:
        """Wait until all hooks are taken in, all events done and all messages have met their fate."""
        assert self.connectwise.wait_for_webhooks(SETTLES_WITHIN_S), "hooks are still on their way"
        assert wait_for(is_quiet, SETTLES_WITHIN_S), f"still busy: {events.open_counts()} {notifications.open_counts()}"


def post_hook(url: str, world: World, body: bytes, **headers: str) -> requests.Response:
    """Post a hook as ConnectWise would, signed unless the headers say otherwise."""
    signed = {"x-content-signature": world.connectwise.sign(body), "Content-Type": "application/json", **headers}
    return requests.post(f"{url}/hooks/cw/tickets?recordId=1&action=updated", data=body, headers=signed, timeout=10)


def ledger() -> list[Entry]:
    """Return all notifications in the order they were decided."""
    with db.session():
        rows = notifications_api.with_recipients().order_by(notifications.Notification.id)
        return [Entry(row) for row in rows]


class Entry:
    """A notification as the API shows it, and behind that its row and its message."""

    def __init__(self, row: notifications.Notification) -> None:
        self._row, self._shown = row, notifications_api.notification(row)

    def __getattr__(self, name: str) -> Any:
        behind = (self._shown, self._row, getattr(self._row, "carried_by", None))
        return getattr(next(each for each in behind if hasattr(each, name)), name)


def is_quiet() -> bool:
    """Return whether nothing waits and nothing runs."""
    with db.session():
        inbox, outbox = events.open_counts(), notifications.open_counts()
    return not (inbox["waiting"] or inbox["running"] or outbox["pending"] or outbox["sending"])


def wait_for(condition: Callable[[], bool], timeout_s: float = SETTLES_WITHIN_S) -> bool:
    """Wait until a condition holds, looking often; False when it does not within the time."""
    deadline, pause = time.monotonic() + timeout_s, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.02)
    return True


def minutes_ago(minutes: float) -> datetime:
    """Return a moment before now."""
    return _now() - timedelta(minutes=minutes)


def _now() -> datetime:
    return datetime.now(UTC)
