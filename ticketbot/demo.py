"""`tbot demo`: the whole product without credentials, against simulated services (O7).

Two simulators run in this process; a separate `tbot serve` process talks to them over loopback. A little story happens,
and what becomes of it is printed as it happens. The verdict at the end compares what the simulated Webex received with
what the story says everybody should have been told.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ticketbot import demo_environment
from ticketbot.api import responses
from ticketbot.models import events, notifications
from ticketbot.simulators import faults

SETTLES_WITHIN_S = 30.0


@dataclass
class Scenario:
    """What happens, and what everybody should have been told by the end: (who, words of the message)."""

    stage: demo_environment.DemoEnvironment
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
        demo_environment.wait_for(self._is_quiet, SETTLES_WITHIN_S)
        self.look()

    def _is_quiet(self) -> bool:
        client = self.stage.client
        waiting = [client.events(state=state, limit=1) for state in (events.WAITING, events.RUNNING)]
        unsent = [
            client.notifications(state=state, limit=1) for state in (notifications.PENDING, notifications.SENDING)
        ]
        return not any(waiting) and not any(unsent)

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
            (row.recipient_name, str(row.state))
            for row in self.stage.client.notifications()
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

    def __init__(self, stage: demo_environment.DemoEnvironment) -> None:
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
        while not self._stopping.wait(demo_environment.POLL_S):
            self.look()

    def look(self) -> None:
        """Print what has come since the last look."""
        with self._turn:
            sent = self._stage.connectwise.callbacks.sender.log()
            for hook in sent[self._hooks :]:
                self._stage.say(f"  hook      ticket {hook.ticket_id} {hook.action}, answered {hook.status}")
            self._hooks = len(sent)
            for event in self._stage.client.events(state=events.DONE):
                if event.id > self._events:
                    self._events = event.id
                    for decision in event.decisions:
                        self._stage.say(f"  decision  {_decision(decision)}")
            for row in self._stage.client.notifications():
                self._fate(row)

    def _fate(self, row: responses.Notification) -> None:
        words = {"sent": "sent", "dead": f"dead: {row.error}", "pending": f"waits: {row.error}" if row.error else ""}
        said = words.get(row.state, "")
        if said and self._told.get(row.id) != said:
            self._told[row.id] = said
            self._stage.say(f"  message   {row.recipient_name}: {said}")


def _decision(line: responses.Decision) -> str:
    if line.codes == ["no_news"]:
        return "nothing new: another hook of the same change"
    return f"{line.who}: {line.outcome}, {line.reason}"


def run(*, once: bool) -> int:
    """Play the story; stay up afterwards on a terminal unless `once`. Returns 0 when all went as it should."""
    stays = sys.stdout.isatty() and not once
    with tempfile.TemporaryDirectory(prefix="tbot-demo-") as folder:
        stage = demo_environment.DemoEnvironment(Path(folder), _print)
        stage.say("Starting simulated ConnectWise and Webex, and `tbot serve` beside them ...")
        with stage.open():
            problems = play(stage)
            if stays:
                _wait_for_interrupt(stage)
    return 1 if problems else 0


def play(stage: demo_environment.DemoEnvironment) -> list[str]:
    """Play the story on an open stage, print the summary, and return what went wrong."""
    narrator = ProgressPrinter(stage)
    story = Scenario(stage, narrator.look)
    with narrator:
        story.play()
    problems = story.verdict()
    _summarise(stage, problems)
    return problems


def _summarise(stage: demo_environment.DemoEnvironment, problems: list[str]) -> None:
    stage.say("\nWho was told what, and why:")
    for row in stage.client.notifications():
        what = "new ticket" if row.kind == "new" else "update"
        stage.say(f"  {row.recipient_name:<14} {what:<10} {row.state:<8} {row.reason}")
    received = len(stage.webex.messages())
    stage.say(f"\nThe simulated Webex received {received} messages.")
    for problem in problems:
        stage.say(f"  wrong: {problem}")
    stage.say("Something went wrong." if problems else "That is exactly what should have happened.")


def _wait_for_interrupt(stage: demo_environment.DemoEnvironment) -> None:
    stage.say(f"\nThe server goes on at {stage.url}. To play with it in another terminal:")
    stage.say(f"  export TBOT_BASE_URL={stage.url} TBOT_API_KEY={stage.key}")
    stage.say(f"  curl -s {stage.url}/readyz")
    stage.say("Ctrl+C ends it.")
    stopped = threading.Event()
    try:
        stopped.wait()
    except KeyboardInterrupt:
        stage.say("")


def _name_of(message: object, stage: demo_environment.DemoEnvironment) -> str:
    person_id = getattr(message, "person_id", "")
    if person_id:
        return str(stage.webex.people[person_id]["displayName"])
    return str(getattr(message, "room_title", ""))


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the demo is what it prints)
