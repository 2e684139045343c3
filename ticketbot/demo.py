"""`tbot demo`: the whole product without credentials, against simulated services (O7).

Two simulators run in this process; a separate `tbot serve` process talks to them over loopback. A little story happens,
and what becomes of it is printed as it happens. The verdict at the end compares what the simulated Webex received with
what the story says everybody should have been told.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from ticketbot import errors
from ticketbot.database import db
from ticketbot.decide import plan
from ticketbot.models import api_keys, events, forwards, notifications, recipients, rules, schema, tickets
from ticketbot.simulators import connectwise_api, faults, webex_api
from ticketbot.simulators.connectwise import ConnectWise
from ticketbot.simulators.webex import Webex

STARTS_WITHIN_S = 30.0
SETTLES_WITHIN_S = 30.0
ADMIN_EMAIL = "demo@example.com"

_POLL_S = 0.05


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

        if not _wait_for(is_ready, STARTS_WITHIN_S):
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


@dataclass
class Scenario:
    """What happens, and what everybody should have been told by the end: (who, words of the message)."""

    stage: DemoEnvironment
    look: Callable[[], None]  # tells what has happened so far, under the scene it belongs to
    expected: Counter[tuple[str, str]] = field(default_factory=Counter)
    expected_fates: Counter[tuple[str, str]] = field(default_factory=Counter)

    def play(self) -> None:
        """Let it all happen, one scene after the other."""
        self._a_new_ticket()
        self._the_customer_writes()
        self._a_technician_answers()
        self._webex_is_busy()
        self._ana_goes_on_holiday()

    def _a_new_ticket(self) -> None:
        stage = self.stage
        self._scene("A customer's printer is on fire: a new ticket, Ana owns it, Ben helps; one of the rooms is gone.")
        stage.webex.faults.add(faults.dead_destination(stage.rooms["Old War Room"]))
        self.ticket = stage.connectwise.add_ticket(
            stage.board,
            "Printer on fire",
            owner="ana",
            resources=["ana", "ben"],
            contact=stage.contact,
            company=stage.company,
            note="Smoke comes out of the tray. <@all> *help*!",
            by="zadmin",
        )
        self._tell("New ticket", "Help Desk", "Night Shift", "Ana Alvarez", "Ben Bauer")
        self._fate("Old War Room", notifications.DEAD)
        self._settle()

    def _the_customer_writes(self) -> None:
        self._scene("The customer adds a note: the people of the ticket are told, the rooms are not.")
        self.stage.connectwise.add_note(self.ticket, "It stopped smoking, but smells.", contact=self.stage.contact)
        self._tell("stopped smoking", "Ana Alvarez", "Ben Bauer")
        self._settle()

    def _a_technician_answers(self) -> None:
        self._scene("Ben books an hour: only Ana is notified, since authors do not get their own notes back.")
        self.stage.connectwise.add_note(self.ticket, "Replaced the fuser.", member="ben", kind="TimeEntryNote")
        self._tell("Replaced the fuser", "Ana Alvarez")
        self._fate("Ben Bauer", notifications.SKIPPED)
        self._settle()

    def _webex_is_busy(self) -> None:
        self._scene("Webex asks us to wait for a second (429): the message waits, and arrives.")
        self.stage.webex.faults.add(faults.throttled("1", path="/messages", times=1))
        self.stage.connectwise.add_note(self.ticket, "All good now, thanks.", contact=self.stage.contact)
        self._tell("All good now", "Ana Alvarez", "Ben Bauer")
        self._settle()

    def _ana_goes_on_holiday(self) -> None:
        self._scene(
            "Ana goes on holiday and forwards to Cora: Cora is told in her place, and reads where it came from."
        )
        self.stage.forward("Ana Alvarez", "Cora Chen")
        self.stage.connectwise.add_note(self.ticket, "One more question.", contact=self.stage.contact)
        self._tell("Forwarded: Ana Alvarez &gt; you", "Cora Chen")
        self._tell("One more question", "Cora Chen", "Ben Bauer")
        self._fate("Ana Alvarez", notifications.SKIPPED)
        self._settle()

    def _scene(self, words: str) -> None:
        self.stage.say(f"\n{words}")

    def _tell(self, words: str, *names: str) -> None:
        self.expected.update((name, words) for name in names)

    def _fate(self, name: str, state: str) -> None:
        self.expected_fates[name, state] += 1

    def _settle(self) -> None:
        """Wait until every hook was taken in and every message has met its fate."""
        self.stage.connectwise.wait_for_webhooks()
        _wait_for(_is_quiet, SETTLES_WITHIN_S)
        self.look()

    def verdict(self) -> list[str]:
        """Return what went otherwise than it should have, by what the simulated Webex received."""
        received = Counter(
            (_name_of(message, self.stage), words)
            for message in self.stage.webex.messages()
            for words in {words for _, words in self.expected}
            if words in message.markdown
        )
        surplus = sum(
            not any(words in each.markdown for _, words in self.expected) for each in self.stage.webex.messages()
        )
        fates = Counter(
            (row.recipient_name, row.state)
            for row in notifications.Notification.select()
            if row.state in (notifications.DEAD, notifications.SKIPPED)
        )
        return [
            *(f"{name} was not told of {words!r}" for name, words in (self.expected - received).elements()),
            *(f"{name} was told once too often of {words!r}" for name, words in (received - self.expected).elements()),
            *(f"the message to {name} is not {state}" for name, state in (self.expected_fates - fates).elements()),
            *(f"the message to {name} is {state}" for name, state in (fates - self.expected_fates).elements()),
            *([f"{surplus} messages that nobody expected"] if surplus > 0 else []),
        ]


class ProgressPrinter:
    """Print hook, decision and message as they come, out of the ledger, the inbox and the simulators' own logs."""

    def __init__(self, stage: DemoEnvironment) -> None:
        self._stage = stage
        self._hooks = self._events = self._notifications = 0
        self._told: dict[int, str] = {}
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_POLL_S):
            self.look()

    def look(self) -> None:
        """Print what has come since the last look."""
        with self._turn, db.session():
            sent = self._stage.connectwise.callbacks.sender.log()
            for hook in sent[self._hooks :]:
                self._stage.say(f"  hook      ticket {hook.ticket_id} {hook.action}, answered {hook.status}")
            self._hooks = len(sent)
            done = events.Event.select().where(events.Event.id > self._events, events.Event.state == events.DONE)
            for event in done.order_by(events.Event.id):
                self._events = event.id
                for line in event.decisions:
                    self._stage.say(f"  decision  {_decision(line)}")
            for row in notifications.Notification.select().order_by(notifications.Notification.id):
                self._fate(row)

    def _fate(self, row: notifications.Notification) -> None:
        if row.state == notifications.SKIPPED:
            return
        words = {
            notifications.SENT: "sent",
            notifications.DEAD: f"dead: {row.error}",
            notifications.PENDING: f"waits: {row.error}" if row.error else "",
        }.get(row.state, "")
        if words and self._told.get(row.id) != words:
            self._told[row.id] = words
            self._stage.say(f"  message   {row.recipient_name}: {words}")


def _decision(line: Mapping[str, str]) -> str:
    if line["reason"] == plan.NO_NEWS:
        return "nothing new: another hook of the same change"
    return f"{line['who']}: {line['outcome']}, {line['reason']}"


def run(*, once: bool) -> int:
    """Play the story; stay up afterwards on a terminal unless `once`. Returns 0 when all went as it should."""
    stays = sys.stdout.isatty() and not once
    with tempfile.TemporaryDirectory(prefix="tbot-demo-") as folder:
        stage = DemoEnvironment(Path(folder), _print)
        stage.say("Starting simulated ConnectWise and Webex, and `tbot serve` beside them ...")
        with stage.open():
            problems = play(stage)
            if stays:
                _wait_for_interrupt(stage)
    return 1 if problems else 0


def play(stage: DemoEnvironment) -> list[str]:
    """Play the story on an open stage, print the summary, and return what went wrong."""
    narrator = ProgressPrinter(stage)
    story = Scenario(stage, narrator.look)
    with narrator:
        story.play()
    problems = story.verdict()
    _summarise(stage, problems)
    return problems


def _summarise(stage: DemoEnvironment, problems: list[str]) -> None:
    stage.say("\nWho was told what, and why:")
    for row in notifications.Notification.select().order_by(notifications.Notification.id):
        what = "new ticket" if row.kind == "new" else "update"
        stage.say(f"  {row.recipient_name:<14} {what:<10} {row.state:<8} {row.reason}")
    received = len(stage.webex.messages())
    stage.say(f"\nThe simulated Webex received {received} messages.")
    for problem in problems:
        stage.say(f"  wrong: {problem}")
    stage.say("Something went wrong." if problems else "That is exactly what should have happened.")


def _wait_for_interrupt(stage: DemoEnvironment) -> None:
    stage.say(f"\nThe server goes on at {stage.url}. To play with it in another terminal:")
    stage.say(f"  export TBOT_BASE_URL={stage.url} TBOT_API_KEY={stage.key}")
    stage.say(f"  curl -s {stage.url}/readyz")
    stage.say("Ctrl+C ends it.")
    stopped = threading.Event()
    try:
        stopped.wait()
    except KeyboardInterrupt:
        stage.say("")


def _is_quiet() -> bool:
    with db.session():
        waiting = events.open_counts()
        unsent = notifications.open_counts()
    return not (
        waiting[events.WAITING]
        or waiting[events.RUNNING]
        or unsent[notifications.PENDING]
        or unsent[notifications.SENDING]
    )


def _name_of(message: object, stage: DemoEnvironment) -> str:
    person_id = getattr(message, "person_id", "")
    if person_id:
        return str(stage.webex.people[person_id]["displayName"])
    return str(getattr(message, "room_title", ""))


def _wait_for(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
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


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the demo is what it prints)
