"""O7: the demo tells the truth about itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from ticketbot import demo
from ticketbot.database import db
from ticketbot.demo_environment import DemoEnvironment


@pytest.fixture
def said() -> list[str]:
    """Return the list that everything the demo says goes into."""
    return []


@pytest.fixture
def stage(tmp_path: Path, said: list[str]) -> DemoEnvironment:
    """Return a stage whose lines are kept."""
    return DemoEnvironment(tmp_path, said.append)


def test_the_story_ends_as_it_should_and_says_who_was_told_what_and_why(
    stage: DemoEnvironment, said: list[str]
) -> None:
    with stage.open():
        problems = demo.play(stage)

    assert problems == [], "\n".join(said)
    told = "\n".join(said)
    assert "hook      ticket 1001 added, answered 200" in told
    assert "decision  Ben Bauer: skipped, author of the note" in told
    assert "message   Old War Room: dead: Webex: POST /messages answered 404" in told
    assert "That is exactly what should have happened." in told


def test_a_message_that_webex_loses_is_noticed_and_named(stage: DemoEnvironment, said: list[str]) -> None:
    """Issue 3: the verdict is computed from what the simulated Webex received, not from what we think we sent."""
    stage.webex.accept_without_posting(1)
    with stage.open():
        problems = demo.play(stage)

    assert len(problems) == 1, "\n".join(said)
    assert problems[0].endswith("was not told of 'New ticket'")
    assert "Something went wrong." in said


def test_without_a_terminal_it_plays_the_story_once_and_its_exit_status_is_the_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert demo.run(once=False) == 0
    assert "Who was told what, and why:" in capsys.readouterr().out
    monkeypatch.setattr(
        DemoEnvironment,
        "_prepare_database",
        _prepare_and_swallow(DemoEnvironment._prepare_database),
    )
    assert demo.run(once=True) == 1
    db.close_database()


def _prepare_and_swallow(prepare):  # type: ignore[no-untyped-def]
    def prepared(stage: DemoEnvironment) -> None:
        prepare(stage)
        stage.webex.accept_without_posting(1)

    return prepared
