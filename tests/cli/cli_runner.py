"""A Ticketbot that an operator works with: a world with one server, an administrator, and `tbot` to type."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tests import ledger
from tests.environment import World
from ticketbot import __main__
from ticketbot.cli.output import Streams
from ticketbot.database import db
from ticketbot.models import (
    api_keys,
    events,
    forwards,
    notifications,
    quiet_hours,
    recipients,
    rules,
    silences,
    tickets,
    users,
)
from ticketbot.server import serve
from ticketbot.simulators.faults import Fault


class Outcome:
    """What one command line did."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def print_json(self) -> Any:
        """Return the one JSON document on stdout."""
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit {self.status}\n{self.out}\n--\n{self.err}"


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        """Claim it."""
        return True


class CliRunner:
    """One server in this process, and the command line that leads to it."""

    def __init__(self, world: World, server: serve.Server, key: str) -> None:
        self.world, self.server, self.key = world, server, key
        # The server of this process logs where the command line does.
        self.environ = {"TBOT_BASE_URL": server.url, "TBOT_API_KEY": key, "TBOT_LOG_LEVEL": "error"}

    def tbot(self, *argv: str, answer: str | None = None, terminal: bool = False, **environ: str) -> Outcome:
        """Run one command line in this process; with `answer` or `terminal` on a terminal, else piped."""
        is_terminal = terminal or answer is not None
        kind = Terminal if is_terminal else io.StringIO
        out, err = kind(), kind()
        streams = Streams(kind(f"{answer or ''}\n"), out, err)
        status = __main__.main(list(argv), self.environ | environ, streams)
        return Outcome(status, out.getvalue(), err.getvalue())

    def process(self, *argv: str, **environ: str) -> Outcome:
        """Run one command line as a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "ticketbot", *argv],
            env=clean_environ() | self.environ | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def furnish(self, name: str = "Help Desk", board: str = "Service Desk") -> None:
        """Store one of everything that can be listed: recipients 1 and 2, rule 1, forward 1, a ticket, its message."""
        now = datetime.now(UTC)
        with db.transaction("furnish"):
            tickets.Board.create(id=self.world.board, name=board)
            tickets.Member.create(id=7, identifier="ana", lookup="ana", name=name, email="ana@example.com")
            room = recipients.Recipient.create(
                type=recipients.ROOM, webex_id=self.world.webex.add_room("Help"), name=name
            )
            person = recipients.Recipient.create(
                type=recipients.PERSON, webex_id="p", name=f"Ben {name}", email="ben@example.com"
            )
            rules.Rule.create(board=self.world.board, recipient=room, created_at=now)
            about = {"recipient": room, "created_at": now}
            period = {"start": now, "until": now + timedelta(days=1), "comment": "Patches"}
            silences.Silence.create(board=self.world.board, **period, **about)
            hours = {"days": ["sun"], "start": "00:00", "end": "00:01", "timezone": "UTC"}
            quiet_hours.QuietHours.create(**hours, **about)
            forwards.Forward.create(source=room, destination=person, start="2026-03-01", created_at=now)
            tickets.Ticket.create(
                id=1234,
                kind="service",
                summary=name,
                board_id=self.world.board,
                board_name=board,
                status="New",
                company=name,
                open=True,
                resources=["ana", "ben"],
                stored_at=now,
            )
            self.add_notification(room, name, now)
            times = {"first_received_at": now, "received_at": now, "due_at": now}
            events.Event.create(
                ticket_id=1234, state=events.DEAD, source="hook", correlation="x", finished_at=now, error=name, **times
            )

    @contextmanager
    def slow_syncs(self) -> Iterator[None]:
        """Keep ConnectWise from answering about boards, so that a sync is still running."""
        fault = self.world.connectwise.faults.add(Fault(effect="pass", path="boards", delay_s=1.0))
        yield
        self.world.connectwise.faults.remove(fault)

    @staticmethod
    def add_notification(recipient: recipients.Recipient, name: str, now: datetime) -> int:
        """Write a dead notification into the ledger."""
        dead = {"recipient_name": name, "state": notifications.DEAD, "died_at": now}
        reasons = [{"code": "rule", "ids": [1]}]
        row = ledger.add_with_message(
            ledger.draft(1234, recipient.id, now, reasons=reasons, **dead),
            now,
            error=f"Webex: no room {name}",
            attempts=3,
        )
        return int(row.id)


def administrator(name: str = "Ana Alvarez", email: str = "ana@example.com") -> str:
    """Add a user with a key, and return the key."""
    now = datetime.now(UTC)
    with db.transaction("administrator"):
        return api_keys.add_key(users.add_user(name, email, now), api_keys.new_key(), now).key


def clean_environ() -> Mapping[str, str] | dict[str, str]:
    """Return the environment of this process without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("TBOT_", "COLUMNS"))}
