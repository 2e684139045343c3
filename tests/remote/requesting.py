"""The two lines that most tests of failures need."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ticketbot import errors
from ticketbot.webex.webex_client import Webex


def send(webex: Webex) -> str:
    return webex.send("room", "room-id", "hello")


def failure(call: Callable[[], object]) -> errors.RemoteUnavailable:
    with pytest.raises(errors.RemoteUnavailable) as caught:
        call()
    assert caught.value.retry_helps
    assert "\n" not in str(caught.value)
    return caught.value
