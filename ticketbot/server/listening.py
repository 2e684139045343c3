"""Say in words why the server cannot listen where it should, and which setting names another place."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from ticketbot import errors

_OTHER_PORT = "with --port or TBOT_PORT"
_OTHER_HOST = "with --host or TBOT_HOST"
_ADVICE = {
    errno.EADDRINUSE: f"Stop what listens there, or give another port {_OTHER_PORT}",
    errno.EACCES: f"Give a port from 1024 up {_OTHER_PORT}, or the right to use this one",
    errno.EADDRNOTAVAIL: f"Give an address of this machine {_OTHER_HOST}",
}


@contextlib.contextmanager
def in_words(host: str, port: int) -> Iterator[None]:
    """Turn what goes wrong while sockets are opened into a `TicketbotError` that names address and setting."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: waitress says no more of a name that does not resolve
        raise refusal(error, host, port) from error


def refusal(error: OSError | ValueError, host: str, port: int) -> errors.TicketbotError:
    """Return the error to tell instead of one of the system."""
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    if isinstance(error, OSError):
        why = (error.strerror or str(error)).lower()
        advice = _ADVICE.get(error.errno or 0, f"Give another address {_OTHER_HOST}, or another port {_OTHER_PORT}")
    else:
        why, advice = "there is no such host", _ADVICE[errno.EADDRNOTAVAIL]
    return errors.TicketbotError(f"Cannot listen at {place}: {why}. {advice}")
