"""Dialogs stay inside their frame, scroll, and say what to do about an error."""

from __future__ import annotations

import pytest

from tests.tui import seed
from tests.tui.pilot import Pilot, Server
from ticketbot import errors
from ticketbot.database import db
from ticketbot.present import text
from ticketbot.tui import dialogs


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (81, 25), (120, 40), (200, 60)])
@pytest.mark.parametrize("name", ["Hanrahan " * 13 + "Ltd", "x" * 120, "客户支持" * 30])
def test_why_stays_readable_and_inside_its_frame_with_a_long_name(
    server: Server, size: tuple[int, int], name: str
) -> None:
    """Defect 3: a long recipient name left one column for the reason."""
    with db.transaction("test"):
        seed.notify(server.api.clock.now(), 1, name, rule=1, state="dead", error="the room is gone", number=9)
    pilot = Pilot(server, size).start().press("ctrl n", "w")
    top = next(number for number, line in enumerate(pilot.lines) if "┌" in line)
    bottom = next(number for number, line in enumerate(pilot.lines) if "└" in line)
    ends = {text.width(line.partition("│ ")[0]) for line in pilot.lines[top + 1 : bottom]}
    assert ends == {0}
    assert {text.width(line) for line in pilot.lines[top : bottom + 1]} == {size[0]}
    if size[1] >= 24:
        assert "the room is gone" in pilot.text


def test_a_long_text_scrolls(pilot: Pilot) -> None:
    assert "In a form" not in pilot.press("?").screen
    assert "In a form" in pilot.press(*["page down"] * 5).screen
    assert "Everywhere" in pilot.press(*["page up"] * 5).screen


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.NoServer("Cannot reach x"), "Cannot reach x.\nIs `tbot serve` running there?"),
        (errors.NotAllowed("This API key is not known"), "Ask a colleague for a new key"),
        (errors.InvalidInput("Wrong", [errors.FieldError("end", "Is early")]), "Wrong: end: is early."),
        (errors.Conflict("Exists already"), "Exists already."),
    ],
)
def test_an_error_says_what_is_wrong_and_what_to_do(error: errors.TicketbotError, said: str) -> None:
    assert said in dialogs.explain(error)
