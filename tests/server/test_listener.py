"""Where the server cannot listen, it says at which address, and which setting names another place."""

from __future__ import annotations

import errno
import os

import pytest

from ticketbot.server import listener


def endpoint(host: str, port: int, *names: str) -> listener.Endpoint:
    return listener.Endpoint(None, host, port, *names)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            errno.EADDRINUSE,
            "address already in use. Stop what listens there, or give another port with --port or TBOT_",
        ),
        (
            errno.EACCES,
            "permission denied. Give a port from 1024 up with --port or TBOT_PORT, or the right to use this",
        ),
        (errno.EADDRNOTAVAIL, "cannot assign requested address. Give an address of this machine with --host or TBOT_"),
        (errno.EMFILE, "too many open files. Give another address with --host or TBOT_HOST, or another port with --po"),
    ],
)
def test_listen_error_says_what_to_do(error: int, words: str) -> None:
    message = str(listener.refusal(OSError(error, os.strerror(error)), endpoint("127.0.0.1", 80)))
    assert message.startswith(f"Cannot listen at 127.0.0.1:80: {words}")


def test_a_name_that_does_not_resolve_is_no_bug() -> None:
    message = str(listener.refusal(ValueError("Invalid host/port specified."), endpoint("tbot.invalid", 8080)))
    assert message == (
        "Cannot listen at tbot.invalid:8080: there is no such host. "
        "Give an address of this machine with --host or TBOT_HOST"
    )


def test_an_address_with_colons_stands_in_brackets() -> None:
    message = str(listener.refusal(OSError(errno.EADDRINUSE, "Address already in use"), endpoint("::1", 8080)))
    assert message.startswith("Cannot listen at [::1]:8080: ")


def test_an_error_of_the_listener_for_webhooks_names_its_own_settings() -> None:
    """A2."""
    taken = OSError(errno.EADDRINUSE, "Address already in use")
    message = str(listener.refusal(taken, endpoint("127.0.0.1", 8081, "TBOT_HOOKS_HOST", "TBOT_HOOKS_PORT")))
    assert message == (
        "Cannot listen at 127.0.0.1:8081: address already in use. "
        "Stop what listens there, or give another port with TBOT_HOOKS_PORT"
    )
