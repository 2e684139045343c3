"""A whole Ticketbot with simulated services, for flow tests."""

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

SETTLE_TIMEOUT_S = 20.0


class World:
    """Simulated ConnectWise and Webex with the cast of `cases.py` and two boards, and the settings to reach them."""

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
        """Return the environment variables of a server that uses these services."""
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
        """Run a server in this process, over real HTTP, with its callback registered."""
        settings = table.load({}, self.environ(**more))
        serve.prepare_database(settings, skip_missed=False, now=(now or _now)())
        server = serve.Server(settings, now)
        server.start()
        self.register_callback(server.hooks_url)
        try:
            yield server
        finally:
            server.stop()

    def register_callback(self, url: str) -> int:
        """Register the ticket callback of a server."""
        number: int = self.connectwise.next_id("callback")
        fields = {"url": f"{url}/hooks/cw/tickets?recordId=", "objectId": 1, "type": "ticket", "level": "owner"}
        self.connectwise.callbacks.add(number, fields, 1)
        return number

    def add_room(self, name: str) -> int:
        """Add a Webex room; return the recipient's id."""
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
        """Return the recipient row of a member of the cast; create it if missing."""
        member = CAST[identifier]
        with db.transaction("test"):
            row, _ = recipients.Recipient.get_or_create(
                webex_id=self.accounts[identifier],
                defaults={"type": recipients.PERSON, "name": member.name, "email": member.email(identifier)},
            )
        recipient: recipients.Recipient = row
        return recipient

    def configure(self, **values: Any) -> None:
        """Change the runtime configuration."""
        with db.transaction("test"):
            runtime_config.save(values)

    def settle(self) -> None:
        """Wait until all webhooks are accepted and all events and messages finished."""
        assert self.connectwise.wait_for_webhooks(SETTLE_TIMEOUT_S), "webhooks are still in flight"
        assert wait_for(is_idle, SETTLE_TIMEOUT_S), f"still busy: {events.open_counts()} {notifications.open_counts()}"


def post_webhook(url: str, world: World, body: bytes, **headers: str) -> requests.Response:
    """Post a webhook as ConnectWise does, signed unless the headers override that."""
    signed = {"x-content-signature": world.connectwise.sign(body), "Content-Type": "application/json", **headers}
    return requests.post(f"{url}/hooks/cw/tickets?recordId=1&action=updated", data=body, headers=signed, timeout=10)


def ledger() -> list[Entry]:
    """Return all notifications in the order they were decided."""
    with db.session():
        rows = notifications_api.with_recipients().order_by(notifications.Notification.id)
        return [Entry(row) for row in rows]


class Entry:
    """A notification with the attributes of its API object, its row and its message, in this order."""

    def __init__(self, row: notifications.Notification) -> None:
        self._sources = (notifications_api.notification(row), row, getattr(row, "carried_by", None))

    def __getattr__(self, name: str) -> Any:
        return getattr(next(each for each in self._sources if hasattr(each, name)), name)


def is_idle() -> bool:
    """Return whether no event and no notification is unfinished."""
    with db.session():
        event_counts, counts = events.open_counts(), notifications.open_counts()
    return not (event_counts["waiting"] or event_counts["running"] or counts["pending"] or counts["sending"])


def wait_for(condition: Callable[[], bool], timeout_s: float = SETTLE_TIMEOUT_S) -> bool:
    """Poll until a condition holds; return False after the timeout."""
    deadline, pause = time.monotonic() + timeout_s, threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.02)
    return True


def minutes_ago(minutes: float) -> datetime:
    """Return the time some minutes ago."""
    return _now() - timedelta(minutes=minutes)


def _now() -> datetime:
    return datetime.now(UTC)
