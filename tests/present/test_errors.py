"""What is said about an error, and what to do about it."""

from __future__ import annotations

import pytest

from ticketbot import errors
from ticketbot.present import errors as descriptions

ORIGINS = descriptions.Origins("default", "environment")


def test_invalid_fields_and_settings_are_named() -> None:
    wrong = errors.InvalidInput(
        "No rule", [errors.FieldError("board_id", "There is no board 7."), errors.FieldError("", "X")]
    )
    assert descriptions.messages(wrong) == ["No rule: board_id: there is no board 7; x"]
    assert descriptions.messages(errors.SettingsError("A is bad\nB is bad")) == ["A is bad", "B is bad"]


@pytest.mark.parametrize(
    ("error", "start"),
    [
        (
            errors.NoServer("x"),
            "Is `tbot serve` running there? Set its address with TBOT_BASE_URL (default) or --base-url",
        ),
        (errors.NotAllowed("x"), "The server does not accept TBOT_API_KEY (from environment). Ask a colleague"),
        (errors.NotFound("x"), "See `tbot list rules`"),
    ],
)
def test_an_error_of_the_server_comes_with_what_to_do(error: errors.TicketbotError, start: str) -> None:
    assert descriptions.hint(error, ORIGINS, "tbot list rules").startswith(start)


@pytest.mark.parametrize("error", [errors.Conflict("x"), errors.Unreachable("x"), errors.NotFound("x")])
def test_other_errors_have_no_advice(error: errors.TicketbotError) -> None:
    assert descriptions.hint(error, ORIGINS) == ""
