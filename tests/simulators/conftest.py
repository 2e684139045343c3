"""Fixtures: served simulators, a clock that tests advance, and a receiver of webhooks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from tests.clock import Clock
from ticketbot.simulators import connectwise_api, http_server, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex


@dataclass
class Caller:
    """A client with credentials; paths are relative to the API."""

    root: str
    session: requests.Session = field(default_factory=requests.Session)

    def __call__(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        return self.session.request(method, self.root + path, timeout=10, **more)

    def get(self, path: str, *, headers: dict[str, str] | None = None, **query: Any) -> requests.Response:
        return self(path, params=query, headers=headers)


@dataclass
class Receiver:
    """Receives webhooks and answers with the next of `statuses`, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    received: list[tuple[str, str, bytes]] = field(default_factory=list)  # address, signature, body
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        address = f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        with self.lock:
            self.received.append((address, environ.get("HTTP_X_CONTENT_SIGNATURE", ""), body))
            status = self.statuses.pop(0) if self.statuses else 200
        start_response(f"{status} Answered", [])
        return [b""]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def system(clock: Clock) -> Iterator[ConnectWise]:
    """Serve a tenant with the board 1 and the project board 2, a company, a contact and two members."""
    system = ConnectWise(now=clock)
    with connectwise_api.serve(system):
        system.add_board("Help Desk")
        system.add_board("Projects", project=True)
        system.add_contact("Alex", "Sample", "alex@acme.example", system.add_company("Acme"))
        system.add_member("ana", "Ana", "Alvarez", "ana@msp.example")
        system.add_member("ben", "Ben", "Bauer", office_email="ben@msp.example")
        system.calls.clear()
        yield system
        system.callbacks.sender.stop()


@pytest.fixture
def cw(system: ConnectWise) -> Iterator[Caller]:
    """Return a client of the tenant's API."""
    caller = Caller(f"{system.callbacks.url}/v4_6_release/apis/3.0")
    with caller.session:
        caller.session.trust_env = False
        caller.session.auth = (f"{system.company}+{system.public_key}", system.private_key)
        caller.session.headers["clientId"] = system.client_id
        yield caller


@pytest.fixture
def organization(clock: Clock) -> Iterator[Webex]:
    """Serve an organization with nobody in it but the bot."""
    organization = Webex(now=clock, monotonic=clock.monotonic)
    with webex_api.serve(organization):
        yield organization


@pytest.fixture
def webex(organization: Webex) -> Iterator[Caller]:
    """Return a client of the organization's API."""
    caller = Caller(organization.url)
    with caller.session:
        caller.session.trust_env = False
        caller.session.headers["Authorization"] = f"Bearer {organization.token}"
        yield caller


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with http_server.serve(receiver) as running:
        receiver.url = f"{running.url}/hooks/cw/tickets?recordId="
        yield receiver
