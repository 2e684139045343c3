"""What the demo runs on: simulated services, a database of its own, and a real server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import requests

from ticketbot import errors
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import api_keys, forwards, recipients, rules, schema, tickets
from ticketbot.simulators import connectwise_api, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

STARTS_WITHIN_S = 30.0
ADMIN_EMAIL = "demo@example.com"

POLL_S = 0.05


class DemoEnvironment:
    """Everything the story plays on: the simulated services with their people and rooms, and one server process."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.say = say
        self.connectwise = ConnectWise()
        self.webex = Webex()
        self.database_url = f"sqlite:///{folder / 'demo.sqlite3'}"
        self.key = api_keys.new_key()
        self.url = f"http://127.0.0.1:{_free_port()}"
        self.recipients: dict[str, int] = {}
        self.board = self.connectwise.add_board("Service Desk")
        self.company = self.connectwise.add_company("Hanrahan Logistics")
        self.contact = self.connectwise.add_contact(
            "Gus", "Hanrahan", company=self.company, email="gus@hanrahan.example"
        )
        self.rooms = {name: self.webex.add_room(name) for name in ("Help Desk", "Night Shift", "Old War Room")}
        for first, last in (("Ana", "Alvarez"), ("Ben", "Bauer"), ("Cora", "Chen")):
            email = f"{first.lower()}@msp.example"
            self.connectwise.add_member(first.lower(), first, last, email=email)
            self.webex.add_person(email, f"{first} {last}")

    @contextmanager
    def open(self) -> Iterator[None]:
        """Start the simulators, prepare the database, run `tbot serve`; stop all of it at the end."""
        with ExitStack() as stack:
            stack.enter_context(connectwise_api.serve(self.connectwise))
            stack.enter_context(webex_api.serve(self.webex))
            self._prepare_database()
            stack.callback(db.close_database)
            stack.enter_context(self._server())
            self.client = client.Client(self.url, self.key)
            stack.callback(self.client.close)
            self._register_callback()
            yield

    def _prepare_database(self) -> None:
        db.open_database(self.database_url)
        schema.migrate()
        now = datetime.now(UTC)
        with db.transaction("demo"):
            api_keys.add_first_administrator(ADMIN_EMAIL, self.key, now)
            tickets.Board.create(id=self.board, name="Service Desk")
            for name, webex_id in self.rooms.items():
                room = recipients.Recipient.create(type=recipients.ROOM, webex_id=webex_id, name=name, fetched_at=now)
                self.recipients[name] = room.id
                rules.Rule.create(board=self.board, recipient=room, created_at=now)

    @contextmanager
    def _server(self) -> Iterator[None]:
        program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "ticketbot"]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(  # noqa: S603  (our own program)
                [*program, "serve"], env=self.settings(), stdout=log, stderr=log
            )
            try:
                self._wait_until_ready(process, log)
                yield
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(timeout=30)

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: object) -> None:
        def is_ready() -> bool:
            if process.poll() is not None:
                raise errors.Unreachable(f"tbot serve ended with {process.returncode}:\n{_tail(log)}")
            try:
                return requests.get(f"{self.url}/readyz", timeout=2).ok
            except requests.ConnectionError:
                return False

        if not wait_for(is_ready, STARTS_WITHIN_S):
            raise errors.Unreachable(f"tbot serve was not ready within {STARTS_WITHIN_S:.0f} s:\n{_tail(log)}")

    def settings(self) -> dict[str, str]:
        """Return the environment of the server: our own without any other Ticketbot's settings."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TBOT_")}
        return inherited | {
            "TBOT_DATABASE_URL": self.database_url,
            "TBOT_HOST": "127.0.0.1",
            "TBOT_PORT": self.url.rpartition(":")[2],
            "TBOT_CW_URL": self.connectwise.callbacks.url,
            "TBOT_CW_COMPANY": self.connectwise.company,
            "TBOT_CW_PUBLIC_KEY": self.connectwise.public_key,
            "TBOT_CW_PRIVATE_KEY": self.connectwise.private_key,
            "TBOT_CW_CLIENT_ID": self.connectwise.client_id,
            "TBOT_WEBEX_URL": self.webex.url,
            "TBOT_WEBEX_TOKEN": self.webex.token,
        }

    def forward(self, source: str, destination: str) -> None:
        """Let what is for one person go to another from now on."""
        with db.transaction("demo"):
            first, second = (self._recipient(name) for name in (source, destination))
            forwards.Forward.create(source=first, destination=second, created_at=datetime.now(UTC))

    def _recipient(self, name: str) -> recipients.Recipient:
        person = next(row for row in self.webex.people.values() if row["displayName"] == name)
        found = recipients.FoundPerson(person["id"], name, person["emails"], None)
        recipients.store_people(found.emails[0], [found], datetime.now(UTC))
        row: recipients.Recipient = recipients.Recipient.get(recipients.Recipient.webex_id == found.webex_id)
        return row

    def _register_callback(self) -> None:
        url = f"{self.url}/hooks/cw/tickets?recordId="
        asked = {"url": url, "objectId": 1, "type": "ticket", "level": "owner"}
        self.connectwise.callbacks.add(self.connectwise.next_id("callback"), asked, 1)


def wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait until a condition holds; False when it does not within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _tail(log: object) -> str:
    log.seek(0)  # type: ignore[attr-defined]
    content: bytes = log.read()  # type: ignore[attr-defined]
    return content.decode(errors="replace")[-2000:]
