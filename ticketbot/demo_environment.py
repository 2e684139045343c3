"""What the demo runs on: simulated services, and a real server with a database of its own."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import requests

from ticketbot import errors
from ticketbot.api import client
from ticketbot.simulators import connectwise_api, remote_control, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

STARTS_WITHIN_S = 30.0
POLL_S = 0.05


class DemoEnvironment:
    """The simulated services with their people and rooms, and one server process, set up through its API."""

    def __init__(self, folder: Path) -> None:
        self.connectwise = ConnectWise()
        self.webex = Webex()
        self.database_url = f"sqlite:///{folder / 'demo.sqlite3'}"
        self.key = f"tbot_{secrets.token_urlsafe(32)}"
        self.url = f"http://127.0.0.1:{_free_port()}"
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
        """Start the simulators and `tbot serve`, sync, and add a rule for each room; stop everything at the end."""
        with ExitStack() as stack:
            stack.enter_context(
                connectwise_api.serve(self.connectwise, control=remote_control.of_connectwise(self.connectwise))
            )
            stack.enter_context(webex_api.serve(self.webex))
            stack.enter_context(self._server())
            self.client = client.Client(self.url, self.key)
            stack.callback(self.client.close)
            self._set_up()
            yield

    def _set_up(self) -> None:
        run = self.client.start_sync(boards=True, recipients=True)
        wait_for(lambda: self.client.sync_run(run.id).finished_at is not None, STARTS_WITHIN_S)
        for name in self.rooms:
            self.client.create_rule(self.board, self._recipient(name))
        wait_for(lambda: bool(self.connectwise.callbacks.entries), STARTS_WITHIN_S)

    def add_ticket(self) -> int:
        """Open the ticket that the story is about."""
        return self.connectwise.add_ticket(
            self.board,
            "Printer on fire",
            owner="ana",
            resources=["ana", "ben"],
            contact=self.contact,
            company=self.company,
            note="Smoke comes out of the tray. Please hurry!",
        )

    @property
    def new_ticket_command(self) -> str:
        """Return the shell command that opens another ticket in the simulated ConnectWise."""
        ticket = f'{{"board": {self.board}, "summary": "Coffee machine is down", "owner": "ben"}}'
        return f"curl {self.connectwise.callbacks.url}/_sim/add_ticket -d '{ticket}'"

    def forward(self, source: str, destination: str) -> None:
        """Send what is for one person to another from now on."""
        self.client.create_forward(self._recipient(source), self._recipient(destination))

    def is_quiet(self) -> bool:
        """Return whether nothing waits to be processed or sent."""
        waiting = self.client.status().waiting
        return not (waiting.events or waiting.messages)

    def _recipient(self, name: str) -> int:
        return self.client.recipients(search=name)[0].id

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
            "TBOT_ADMIN_EMAIL": "demo@example.com",
            "TBOT_ADMIN_KEY": self.key,
            "TBOT_PUBLIC_URL": self.url,
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
