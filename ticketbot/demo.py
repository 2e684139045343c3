"""`tbot demo`: the whole product without credentials, against simulated services (O7).

Two simulators run in this process; a separate `tbot serve` process talks to them over loopback. A short story happens,
and after each scene `tbot explain` says what became of it. The verdict at the end compares what the simulated Webex
received, and what the ledger says, with what should have happened.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path

from ticketbot import demo_environment
from ticketbot.present import explain, text, words
from ticketbot.simulators import faults, webex

SETTLES_WITHIN_S = 30.0
WIDTH = 80
SENT, DEAD, SKIPPED = "sent", "dead", "skipped"

_RIGHT, _WRONG = "That is exactly what should have happened.", "Something went wrong."


def run(*, once: bool) -> int:
    """Play the story; on a terminal stay up afterwards, unless `once`. Return 0 if all went as it should."""
    with tempfile.TemporaryDirectory(prefix="tbot-demo-") as folder:
        environment = demo_environment.DemoEnvironment(Path(folder))
        _print("Starting a simulated ConnectWise, a simulated Webex, and `tbot serve` between them ...")
        with environment.open():
            story = Story(environment)
            story.play()
            if sys.stdout.isatty() and not once:
                _wait_for_interrupt(environment, story.ticket)
    return 1 if story.problems else 0


class Story:
    """What happens, and who should be notified of it; `problems` are the differences so far."""

    def __init__(self, environment: demo_environment.DemoEnvironment) -> None:
        self._environment = environment
        self._events = self._notifications = self._messages = 0
        self.problems: list[str] = []

    def play(self) -> None:
        """Let it all happen, scene by scene."""
        connectwise, contact = self._environment.connectwise, self._environment.contact
        _print("\n1. A customer's printer is on fire. Ana owns the ticket, Ben helps. Three rooms")
        _print("   have a rule for the board; one of them is gone in Webex.")
        self._environment.webex.faults.add(faults.dead_destination(self._environment.rooms["Old War Room"]))
        self.ticket = self._environment.add_ticket()
        notified = {"Help Desk": SENT, "Night Shift": SENT, "Ana Alvarez": SENT, "Ben Bauer": SENT}
        self._expect("New ticket", notified | {"Old War Room": DEAD})
        self._show_message("Ana Alvarez")

        _print("\n2. The customer adds a note. Those who work on the ticket are notified.")
        connectwise.add_note(self.ticket, "It stopped smoking, but smells.", contact=contact)
        self._expect("It stopped smoking", {"Ana Alvarez": SENT, "Ben Bauer": SENT})

        _print("\n3. Ben enters the time it took. The author of a note does not get it back.")
        connectwise.add_note(self.ticket, "Replaced the fuser.", member="ben", kind="TimeEntryNote")
        self._expect("Replaced the fuser", {"Ana Alvarez": SENT, "Ben Bauer": SKIPPED})

        _print("\n4. Webex is busy and asks to wait for a second (429). Nothing is lost.")
        self._environment.webex.faults.add(faults.throttled("1", path="/messages", times=1))
        connectwise.add_note(self.ticket, "All good now, thanks.", contact=contact)
        self._expect("All good now", {"Ana Alvarez": SENT, "Ben Bauer": SENT})

        _print("\n5. Ana goes on vacation. Her messages are forwarded to Cora, and say so.")
        self._environment.forward("Ana Alvarez", "Cora Chen")
        connectwise.add_note(self.ticket, "One more question.", contact=contact)
        self._expect("One more question", {"Ana Alvarez": SKIPPED, "Ben Bauer": SENT, "Cora Chen": SENT})
        self._show_message("Cora Chen")

        _print(f"\nThe simulated Webex received {words.count(self._messages, 'message')}.")
        for problem in self.problems:
            _print(f"  wrong: {problem}")
        _print(_WRONG if self.problems else _RIGHT)

    def _expect(self, said: str, states: dict[str, str]) -> None:
        """Wait until all is quiet, explain what has happened, and compare it with what should have."""
        self._environment.connectwise.wait_for_webhooks()
        demo_environment.wait_for(self._environment.is_quiet, SETTLES_WITHIN_S)
        explanation = self._environment.client.explain(self.ticket)
        happened = zip(
            explanation.events, explain.sections(explanation, explain.shell_style(words.moment)), strict=False
        )
        for section in reversed([section for event, section in happened if event.id > self._events]):
            for indent, line in explain.lines(section):
                _print_folded(line, f"   {indent}")
        ledger = {row.recipient_name: row.state for row in explanation.notifications if row.id > self._notifications}
        received = Counter(map(_recipient, filter(lambda each: said in each.markdown, self._new_messages())))
        expected = Counter(name for name, state in states.items() if state == SENT)
        self.problems += [f"{name} was not told of {said!r}" for name in (expected - received).elements()]
        self.problems += [f"{name} was told of {said!r} once too often" for name in (received - expected).elements()]
        for name in sorted(states | ledger):
            if states.get(name) != ledger.get(name):
                self.problems.append(f"{name}, {said!r}: {ledger.get(name)}, not {states.get(name)}")
        # The source of a forward gets a message about it, too (F8).
        others = [each for each in self._new_messages() if not each.markdown.startswith("**Forward set up**")]
        if len(others) > received.total():
            self.problems.append("Webex received a message that nobody expected")
        self._events = max(event.id for event in explanation.events)
        self._notifications = max(row.id for row in explanation.notifications)
        self._messages = len(self._environment.webex.messages())

    def _new_messages(self) -> list[webex.Message]:
        return self._environment.webex.messages()[self._messages :]

    def _show_message(self, name: str) -> None:
        """Show the latest message that somebody received, as it was posted to Webex."""
        sent = [each for each in self._environment.webex.messages() if _recipient(each) == name]
        title = f"-- {name} reads in Webex "
        _print(f"\n   +{title:-<{WIDTH - 4}}")
        for line in sent[-1].markdown.splitlines() if sent else ["(nothing)"]:
            _print_folded(line, "   | ", "   | ")
        _print(f"   +{'-' * (WIDTH - 4)}")


def _recipient(message: webex.Message) -> str:
    return message.room_title


def _wait_for_interrupt(environment: demo_environment.DemoEnvironment, ticket: int) -> None:
    program = Path(sys.argv[0]).absolute()
    tbot = str(program) if program.name == "tbot" and not shutil.which("tbot") else "tbot"
    _print("\nThe server keeps running. Try it in another terminal:\n")
    _print(f"  export TBOT_BASE_URL={environment.url}")
    _print(f"  export TBOT_API_KEY={environment.key}")
    _print(f"\n  {tbot}                 # the terminal UI")
    _print(f"  {tbot} explain {ticket}    # who was notified of the ticket, who was not, and why")
    _print(f"\nThe web panel, with that key: {environment.url}/panel/")
    _print(f"\nTo open another ticket:\n\n  {environment.new_ticket_command}")
    try:
        _print("\nCtrl+C stops everything.")  # inside: whoever reads it may press it at once
        threading.Event().wait()
    except KeyboardInterrupt:
        _print("")


def _print_folded(line: str, first: str, below: str = "") -> None:
    for number, part in enumerate(text.fold(text.clean(line), WIDTH - len(first))):
        _print(f"{(below or ' ' * len(first)) if number else first}{part}".rstrip())


def _print(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the demo is what it prints)
