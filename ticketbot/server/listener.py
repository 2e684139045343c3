"""Listen for HTTP requests, or say why that is impossible and which setting or limit to change."""

from __future__ import annotations

import contextlib
import errno
import resource
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

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

# What to do about an error, with the settings of the endpoint.
_ADVICE = {
    errno.EADDRINUSE: "Stop what listens there, or give another port with {port}",
    errno.EACCES: "Give a port from 1024 up with {port}, or the right to use this one",
    errno.EADDRNOTAVAIL: "Give an address of this machine with {host}",
}
_ADVICE_FOR_OTHERS = "Give another address with {host}, or another port with {port}"


class Endpoint(NamedTuple):
    """An application and where to serve it, with what sets that place."""

    app: Any
    host: str
    port: int
    host_setting: str = "--host or TBOT_HOST"
    port_setting: str = "--port or TBOT_PORT"

    @property
    def place(self) -> str:
        """Return address and port as they stand in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen(endpoints: Sequence[Endpoint]) -> tuple[list[Any], list[Any]]:
    """Open the sockets, start the threads that serve requests, and return waitress's servers and all their listeners.

    The servers stand in the order of `endpoints` and share their threads and their loop: running any runs all. Raises
    a `TicketbotError` that names address and setting.
    """
    dispatcher: Any = dispatch.PathDispatcher(
        dispatch.OTHER_THREADS, {webhooks.PATH: dispatch.HOOK_THREADS, "/healthcheck": dispatch.HEALTH_THREADS}
    )
    sockets: dict[int, Any] = {}
    most_connections = _connection_limit() // len(endpoints)
    servers = [_open(endpoint, sockets, dispatcher, most_connections) for endpoint in endpoints]
    listeners: list[Any] = [each for each in sockets.values() if isinstance(each, waitress.server.BaseWSGIServer)]
    for listener in listeners:
        listener.channel_class, listener.most_connections = _Connection, most_connections
    return servers, listeners


def _open(endpoint: Endpoint, sockets: dict[int, Any], dispatcher: Any, most_connections: int) -> Any:
    with explain_bind_errors(endpoint):
        return waitress.server.create_server(
            endpoint.app,
            map=sockets,
            _dispatcher=dispatcher,
            host=endpoint.host,
            port=endpoint.port,
            connection_limit=4 * most_connections,  # never reached, see `_Connection`
            channel_timeout=IDLE_S,
            cleanup_interval=LOOK_FOR_IDLE_EVERY_S,
            asyncore_use_poll=True,  # select() takes no descriptor above 1023
            max_request_body_size=LARGEST_REQUEST + 1,  # waitress refuses what is as long as its limit
            clear_untrusted_proxy_headers=False,  # A2: whether a request was forwarded is ours to judge
            ident=None,
        )


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
def explain_bind_errors(endpoint: Endpoint) -> Iterator[None]:
    """Turn what goes wrong while sockets are opened into a `TicketbotError` that names address and setting."""
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: waitress says no more of a name that does not resolve
        raise refusal(error, endpoint) from error


def refusal(error: OSError | ValueError, endpoint: Endpoint) -> errors.TicketbotError:
    """Return the error to tell instead of one of the system."""
    if isinstance(error, OSError):
        why, advice = (error.strerror or str(error)).lower(), _ADVICE.get(error.errno or 0, _ADVICE_FOR_OTHERS)
    else:
        why, advice = "there is no such host", _ADVICE[errno.EADDRNOTAVAIL]
    what_to_do = advice.format(host=endpoint.host_setting, port=endpoint.port_setting)
    return errors.TicketbotError(f"Cannot listen at {endpoint.place}: {why}. {what_to_do}")


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
