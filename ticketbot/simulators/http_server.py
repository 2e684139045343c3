"""A threaded HTTP/1.1 loopback server whose WSGI application can break its own connection."""

from __future__ import annotations

import io
import socket
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import unquote

if TYPE_CHECKING:
    from socketserver import BaseServer

    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

CONNECTION = "simulator.connection"  # key of the `Connection` in the WSGI environment

_BACKLOG = 1024
_DRIP_PIECES = 20
_SIMULATOR_BUG = b'{"code":"Simulator","message":"The simulator itself failed."}'


@dataclass(slots=True)
class Connection:
    """How the current response is sent: whole by default, or truncated, slowly, or not at all."""

    stopping: threading.Event
    silent: bool = False  # close before the first byte
    body_limit: int | None = None  # close after so many bytes of the body, whatever Content-Length says
    drip_s: float = 0.0  # send the body over so many seconds
    hang_up: bool = False  # close the keep-alive connection unannounced after the response

    def pause(self, seconds: float) -> None:
        """Wait, unless the server stops."""
        if seconds > 0:
            self.stopping.wait(seconds)


def serve(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve `app` from background threads; port 0 picks a free one. The socket listens on return."""
    return Running(app, host, port)


class Running:
    """A running server at `url`; `stop` also closes its connections."""

    def __init__(self, app: WSGIApplication, host: str, port: int) -> None:
        self.app = app
        self.stopping = threading.Event()
        self._listener = socket.create_server((host, port), backlog=_BACKLOG)
        self.host, self.port = self._listener.getsockname()[:2]
        self.url = f"http://{self.host}:{self.port}"
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        self._acceptor = threading.Thread(target=self._accept, name=f"simulator:{self.port}", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Refuse new connections, close the open ones and wait for their threads; a second call does nothing."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        socket.create_connection((self.host, self.port)).close()  # wakes up accept() on every platform
        self._acceptor.join()
        self._listener.close()
        for connection, _ in self._connections:
            _shut(connection)
        for _, thread in self._connections:
            thread.join(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _accept(self) -> None:
        while True:
            connection, address = self._listener.accept()
            if self.stopping.is_set():
                connection.close()
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(target=self._handle, args=(connection, address), daemon=True)
            thread.start()
            alive = [pair for pair in self._connections if pair[1].is_alive()]
            self._connections = [*alive, (connection, thread)]

    def _handle(self, connection: socket.socket, address: tuple[str, int]) -> None:
        try:
            _Handler(connection, address, self)
        except OSError:
            pass  # the client has closed the connection
        finally:
            _shut(connection)
            connection.close()


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed by the client


@dataclass(slots=True)
class _Response:
    """The response of the application, before any of it is sent."""

    status: str = "500 Internal Server Error"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def start(self, status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        """Store status and headers. Returns no `write` callable, which only legacy WSGI programs use."""
        self.status, self.headers = status, headers


def call(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    """Run `app` and return status line, headers and the whole body."""
    response = _Response()
    pieces: Iterable[bytes] = app(environ, response.start)
    try:
        response.body = b"".join(pieces)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    return response.status, response.headers, response.body


class _Handler(BaseHTTPRequestHandler):
    """One keep-alive connection."""

    protocol_version = "HTTP/1.1"

    def __init__(self, connection: socket.socket, address: tuple[str, int], running: Running) -> None:
        self.running = running
        super().__init__(connection, address, cast("BaseServer", running))  # stored by the base class, never used

    def handle_one_request(self) -> None:
        """Read one request, run the application, and send its response."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        connection = Connection(self.running.stopping)
        try:
            status, headers, body = call(self.running.app, self._environ(connection))
        except Exception as bug:  # noqa: BLE001 - a test must see a bug of the simulator as a 500, not hang
            sys.stderr.write(f"simulator: {self.requestline}: {bug!r}\n")
            status, headers, body = "500 Internal Server Error", [], _SIMULATOR_BUG
        self._send(connection, status, headers, body)

    def log_message(self, *_: object) -> None:
        """Log nothing; the simulator keeps its own log of calls."""

    def _environ(self, connection: Connection) -> WSGIEnvironment:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": self.running.host,
            "SERVER_PORT": str(self.running.port),
            "SERVER_PROTOCOL": self.request_version,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            CONNECTION: connection,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ

    def _send(self, connection: Connection, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        if connection.silent:
            self.close_connection = True
            return
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        if not any(name.lower() == "date" for name, _ in kept):
            kept.append(("Date", self.date_time_string()))
        if not status.startswith("204"):
            kept.append(("Content-Length", str(len(body))))
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in kept), "", ""]
        head = "\r\n".join(lines).encode("latin-1")
        if self.command == "HEAD" or status.startswith("204"):
            body = b""
        if connection.body_limit is not None:
            body = body[: connection.body_limit]
        self._write(connection, head, body)
        if connection.hang_up or connection.body_limit is not None:
            self.close_connection = True

    def _write(self, connection: Connection, head: bytes, body: bytes) -> None:
        if not connection.drip_s:
            self.wfile.write(head + body)  # one packet, if it fits
            return
        self.wfile.write(head)
        step = max(1, len(body) // _DRIP_PIECES)
        for start in range(0, len(body), step):
            connection.pause(connection.drip_s / _DRIP_PIECES)
            self.wfile.write(body[start : start + step])
