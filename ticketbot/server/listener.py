"""Listen for HTTP requests, or say why that is impossible and which setting or limit to change."""

from __future__ import annotations

import contextlib
import errno
import resource
from collections.abc import Iterator
from typing import Any

import waitress.server
from waitress.channel import HTTPChannel

from ticketbot import errors
from ticketbot.server import dispatch, webhooks

# With waitress's own 100 connections and 120 s, 99 idle ones stopped webhooks.
MOST_CONNECTIONS = 2000
IDLE_S = 20
LOOK_FOR_IDLE_EVERY_S = 5
# The application answers 413 itself above 1 MiB; past this waitress cuts the connection, to protect the disk.
LARGEST_REQUEST = 2 * 1024 * 1024

_OTHER_PORT = "with --port or TBOT_PORT"
_OTHER_HOST = "with --host or TBOT_HOST"
_ADVICE = {
    errno.EADDRINUSE: f"Stop what listens there, or give another port {_OTHER_PORT}",
    errno.EACCES: f"Give a port from 1024 up {_OTHER_PORT}, or the right to use this one",
    errno.EADDRNOTAVAIL: f"Give an address of this machine {_OTHER_HOST}",
}


def listen(app: Any, host: str, port: int) -> tuple[Any, list[Any]]:
    """Open the sockets, start the threads that serve requests, and return waitress's server with its listeners.

    Raises a `TicketbotError` that names address and setting.
    """
    dispatcher: Any = dispatch.PathDispatcher(
        dispatch.OTHER_THREADS, {webhooks.PATH: dispatch.HOOK_THREADS, "/healthcheck": dispatch.HEALTH_THREADS}
    )
    sockets: dict[int, Any] = {}
    most_connections = _connection_limit()
    with explain_bind_errors(host, port):
        server = waitress.server.create_server(
            app,
            map=sockets,
            _dispatcher=dispatcher,
            host=host,
            port=port,
            connection_limit=4 * most_connections,  # never reached, see `_Connection`
            channel_timeout=IDLE_S,
            cleanup_interval=LOOK_FOR_IDLE_EVERY_S,
            asyncore_use_poll=True,  # select() takes no descriptor above 1023
            max_request_body_size=LARGEST_REQUEST + 1,  # waitress refuses what is as long as its limit
            clear_untrusted_proxy_headers=False,  # A2: whether a request was forwarded is ours to judge
            ident=None,
        )
    listeners: list[Any] = [each for each in sockets.values() if isinstance(each, waitress.server.BaseWSGIServer)]
    for listener in listeners:
        listener.channel_class, listener.most_connections = _Connection, most_connections
    return server, listeners


def address(server: Any) -> str:
    """Return where waitress listens; a host name of several addresses gives it several sockets."""
    host, port = (getattr(server, "effective_listen", None) and server.effective_listen[0]) or (
        server.effective_host,
        server.effective_port,
    )
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Connection(HTTPChannel):
    """Makes room for itself: beyond the limit, the oldest connection that is not waiting for a response is closed.

    waitress would stop accepting, and a client that sends a byte now and then is never idle enough to be closed.
    """

    def __init__(self, server: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(server, *arguments, **named)
        others = server.active_channels.values()
        if len(others) > server.most_connections:
            oldest = next((each for each in others if not each.requests and not each.will_close), self)
            oldest.will_close = True


def _connection_limit() -> int:
    """Return how many connections to accept, after raising the number of descriptors that they need.

    A quarter of the descriptors: a large body takes another one for its file, and databases and services need some. If
    they ran out, waitress would try to accept again and again without a pause.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = 4 * MOST_CONNECTIONS if hard == resource.RLIM_INFINITY else min(4 * MOST_CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return allowed // 4


@contextlib.contextmanager
def explain_bind_errors(host: str, port: int) -> Iterator[None]:
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


@contextlib.contextmanager
def explaining_missing_threads() -> Iterator[None]:
    """Turn the refusal to start another thread into a `TicketbotError` that names what limits them."""
    try:
        yield
    except RuntimeError as error:
        if "start new thread" not in str(error):
            raise
        raise errors.TicketbotError(
            "The system refuses to start another thread. Raise the limits on memory and processes (ulimit -v and -u, "
            "TasksMax, or the container's), or lower TBOT_WORKERS"
        ) from error
