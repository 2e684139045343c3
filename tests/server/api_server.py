"""The HTTP API of one server on the open database, called in this process, with a clock that stands still."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import requests

from tests import ledger, wsgi
from tests.clock import Clock
from ticketbot.api import client
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import api_keys, events, notifications, recipients, servers, tickets, users
from ticketbot.panel import site as panel
from ticketbot.pipeline import people, sign_in_message
from ticketbot.server import application, authentication, health, operations
from ticketbot.server.routes import all_routes
from ticketbot.settings import types
from ticketbot.simulators.webex import Webex
from ticketbot.sync import sync_run, sync_service
from ticketbot.webex import webex_client

URL = "http://tbot.test"
TRUSTED_PROXY = "10.0.0.7"
NOBODY = connectwise_client.ConnectWise(
    url="http://127.0.0.1:9", company="none", public_key="none", private_key="none", client_id="none"
)
"""A ConnectWise that nobody serves."""


# Columns of the message that carries a notification.
OF_MESSAGE = {
    "attempts",
    "failures",
    "failing_since",
    "may_be_overtaken",
    "woken",
    "due_at",
    "overtaken",
    "possible_duplicate",
    "tracking_id",
    "webex_message_id",
    "error",
}


class Api:
    """One server's application. Several on one database are several servers that share it."""

    def __init__(
        self, organization: Webex, clock: Clock | None = None, site: connectwise_client.ConnectWise | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.webex = organization
        self.woken: Counter[str] = Counter()
        self.authenticator = authentication.Authenticator(
            trusted_proxies=types.networks(TRUSTED_PROXY),
            now=self.clock.now,
            clock=self.clock.monotonic,
            is_local_open=True,
        )
        self.syncs = _syncs(organization, self.clock, site or NOBODY)
        self.app = application.new_app()
        health.add_routes(
            self.app,
            authenticate_local=self.authenticator.authenticate_local,
            readiness=lambda: health.check([], self.clock.now()),
            now=self.clock.now,
        )
        webex = webex_client.Webex(url=organization.url, token=organization.token)
        self._remote = people.RemoteServices(site or NOBODY, webex, ThreadPoolExecutor(1))
        services = operations.Services(
            authenticator=self.authenticator,
            webex=webex,
            syncs=self.syncs,
            timezone=types.time_zone("Europe/Berlin"),
            now=self.clock.now,
            server=servers.Current(1),
            wake_events=lambda: self.woken.update(["events"]),
            wake_messages=lambda: self.woken.update(["messages"]),
            readiness=lambda: health.check([], self.clock.now()),
            send_sign_in_link=self._send_sign_in_link,
        )
        all_routes.add_routes(self.app, services)
        panel.add_routes(self.app, services, URL)
        self._numbers = itertools.count(1)

    def _send_sign_in_link(self, email: str) -> None:
        now, wake = self.clock.now, lambda: self.woken.update(["messages"])
        sign_in_message.send(email, functools.partial(people.find_account, self._remote, now), now, wake)

    def stop_syncs(self) -> None:
        """Let no sync outlive the database: it would end the process of the tests."""
        self.syncs.stop()
        assert self.syncs.join(20)

    def client(self, key: str, **environ: str) -> client.Client:
        """Return a client of this server."""
        return client.Client(URL, key, transport=wsgi.Adapter(self.app, **environ))

    def request(
        self, method: str, path: str, *, key: str = "", environ: dict[str, str] | None = None, **more: Any
    ) -> requests.Response:
        """Send a request as it stands, without the client's care."""
        with requests.Session() as session:
            session.mount(URL, wsgi.Adapter(self.app, **(environ or {})))
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            headers |= more.pop("headers", {})
            return session.request(method, f"{URL}{path}", headers=headers, **more)

    def administrator(self, email: str = "ana@example.com", scope: str = "admin") -> str:
        """Add a user with a key, past the API, and return the key."""
        with db.transaction("test"):
            user = users.add_user(email.partition("@")[0].title(), email, self.clock.now())
            return api_keys.add_key(user, api_keys.new_key(), self.clock.now(), scope=scope).key

    def board(self, name: str = "Service Desk") -> int:
        """Store a board and return its id."""
        with db.transaction("test"):
            return int(tickets.Board.create(id=100 + next(self._numbers), name=name).id)

    def recipient(self, name: str, *, room: bool = False) -> int:
        """Store a recipient that the simulated Webex knows, and return its id."""
        email = None if room else f"{name.lower().replace(' ', '.')}@msp.example"
        webex_id = self.webex.add_room(name) if room else self.webex.add_person(str(email), name)
        with db.transaction("test"):
            kind = recipients.ROOM if room else recipients.PERSON
            return int(recipients.Recipient.create(type=kind, webex_id=webex_id, name=name, email=email).id)

    def webex_id(self, recipient_id: int) -> str:
        """Return the id that Webex has for a recipient."""
        with db.session():
            return str(recipients.Recipient.get_by_id(recipient_id).webex_id)

    def ticket(self, **more: Any) -> int:
        """Store a ticket and return its id."""
        row = {"id": 1000 + next(self._numbers), "summary": "Printer on fire", "stored_at": self.clock.now(), **more}
        with db.transaction("test"):
            return int(tickets.Ticket.create(**row).id)

    def event(self, ticket_id: int, state: str = events.DONE, **more: Any) -> int:
        """Store an event of a ticket and return its id."""
        now = self.clock.now()
        row = {"source": "hook", "correlation": "c0ffee", "first_received_at": now, "received_at": now, "due_at": now}
        row |= {"finished_at": now} if state in (events.DONE, events.DEAD) else {}
        with db.transaction("test"):
            return int(events.Event.create(ticket_id=ticket_id, state=state, **{**row, **more}).id)

    def notification(self, recipient_id: int | None, state: str = notifications.SENT, **more: Any) -> int:
        """Store a notification and return its id."""
        number, now = next(self._numbers), self.clock.now()
        row = {
            "ticket_id": 7,
            "subject": f"note:TicketNote:{number}",
            "target": f"recipient:{recipient_id}",
            "events": ["team_note"],
            "note_id": number,
            "recipient": recipient_id,
            "recipient_name": "somebody",
            "reasons": ledger.ASSIGNED,
            "state": state,
            "created_at": now,
            "give_up_at": now + timedelta(hours=24),
            "died_at": now if state == notifications.DEAD else None,
        }
        of_message = {name: more.pop(name) for name in list(more) if name in OF_MESSAGE}
        with db.transaction("test"):
            if recipient_id is None or state == notifications.SKIPPED:
                return int(notifications.Notification.create(**{**row, **more}).id)
            return int(ledger.add_with_message({**row, **more}, now, **of_message).id)


def problem(response: requests.Response) -> dict[str, Any]:
    """Return the problem document of a response, after looking at what all of them have."""
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-ID"]
    body: dict[str, Any] = response.json()
    assert body["status"] == response.status_code
    assert body["type"] and body["title"] and body["detail"]
    return body


def wrong_fields(response: requests.Response) -> set[str]:
    """Return the names of the fields that a 422 complains about."""
    assert response.status_code == 422, response.text
    return {each["field"] for each in problem(response)["errors"]}


def _syncs(organization: Webex, clock: Clock, site: connectwise_client.ConnectWise) -> sync_service.Syncs:
    webex_api_client = webex_client.Webex(url=organization.url, token=organization.token)
    return sync_service.Syncs(sync_run.Services(site, webex_api_client, servers.Current(1), clock.now))
