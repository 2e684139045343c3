"""O7: the demo tells the truth about itself."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.environment import wait_for
from ticketbot import demo
from ticketbot.demo_environment import DemoEnvironment


@pytest.fixture
def environment(tmp_path: Path) -> DemoEnvironment:
    """Return an environment that is not open yet."""
    return DemoEnvironment(tmp_path)


def test_the_story_ends_as_it_should_and_explains_who_was_told_what_and_why(
    environment: DemoEnvironment, capsys: pytest.CaptureFixture[str]
) -> None:
    story = demo.Story(environment)
    with environment.open():
        story.play()

    shown = capsys.readouterr().out
    assert story.problems == [], shown
    assert max(map(len, shown.splitlines())) <= demo.WIDTH
    first = shown.partition("new ticket:")[0]  # on a busy machine, catch-up may be faster than the webhook
    assert re.search(r"(ConnectWise sent a webhook|catch-up found a change) \(added\).*\[event \d+\]\n +$", first, re.S)
    assert "- Ben Bauer was not notified: author of the note" in shown
    assert "   | **New ticket**" in shown
    assert "   | Forwarded: Ana Alvarez &gt; you" in shown
    assert "Old War Room could not be notified (rule 3): Webex: POST /messages answered 404" in " ".join(shown.split())
    assert shown.endswith("That is exactly what should have happened.\n")


def test_a_message_that_webex_loses_is_noticed_and_named(environment: DemoEnvironment) -> None:
    """Issue 3: the verdict is computed from what the simulated Webex received, not from what we think we sent."""
    environment.webex.accept_without_posting(1)
    story = demo.Story(environment)
    with environment.open():
        story.play()

    assert len(story.problems) == 1, story.problems
    assert story.problems[0].endswith("was not told of 'New ticket'")


def test_a_new_ticket_comes_with_the_command_that_is_shown(environment: DemoEnvironment) -> None:
    with environment.open():
        _, url, _, body = shlex.split(environment.new_ticket_command)
        ticket = requests.post(url, data=body, timeout=10).json()
        assert wait_for(lambda: bool(environment.client.tickets(search=f"#{json.dumps(ticket)} coffee")))


def test_without_a_terminal_it_plays_once_and_its_exit_status_is_the_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert demo.run(once=False) == 0
    assert "That is exactly what should have happened." in capsys.readouterr().out
    monkeypatch.setattr(demo.Story, "play", lambda story: story.problems.append("wrong"))
    assert demo.run(once=True) == 1


def test_on_a_terminal_it_stays_and_says_how_to_go_on() -> None:
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-m", "ticketbot", "demo"]
    process = subprocess.Popen(command, stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True)
    os.close(its_end)
    shown = b""
    while b"Ctrl+C" not in shown:
        shown += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    os.close(terminal)
    last = shown.decode().partition("in another terminal:")[2].replace("\r", "")
    assert re.search(r"export TBOT_BASE_URL=http://\S+\n  export TBOT_API_KEY=tbot_\S+\n\n  \S*tbot +# the", last), last
    assert re.search(
        r"tbot explain 1001 .*\n\nThe web panel, with that key: http://\S+/panel/\n\nTo open another ticket:", last
    )
    assert re.search(r"To open another ticket:\n\n  curl http://\S+/_sim/add_ticket -d", last)
