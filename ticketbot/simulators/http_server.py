"""A threaded HTTP/1.1 loopback server for a WSGI application that may ill-treat its own connection."""

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

CONNECTION = "simulator.connection"  # the key of the WSGI environment that holds the `Connection`

_BACKLOG = 1024
_DRIP_PIECES = 20
_OUR_BUG = b'{"code":"Simulator","message":"The simulator itself failed."}'


@dataclass(slots=True)
class Connection:
    """Say how the present answer leaves: whole by default, or cut, slowly, or followed by silence."""

    stopping: threading.Event
    silent: bool = False  # cut before the first byte
    body_limit: int | None = None  # cut after so many bytes of the body, whatever Content-Length says
    drip_s: float = 0.0  # spread the body over so many seconds
    hang_up: bool = False  # a whole answer, then the kept-alive connection ends unannounced

    def pause(self, seconds: float) -> None:
        """Wait, or return at once when the server stops."""
        if seconds > 0:
            self.stopping.wait(seconds)


def serve(app: WSGIApplication, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve `app` from background threads; port 0 takes a free one. The socket listens on return."""
    return Running(app, host, port)


class Running:
    """A server that is up: `url` reaches it, `stop` ends it and all its connections."""

    def __init__(self, app: WSGIApplication, host: str, port: int) -> None:
        self.app = app
        self.stopping = threading.Event()
        self._listener = socket.create_server((host, port), backlog=_BACKLOG)
        self.host, self.port = self._listener.getsockname()[:2]
        self.url = f"http://{self.host}:{self.port}"
        self._conversations: list[tuple[socket.socket, threading.Thread]] = []
        self._acceptor = threading.Thread(target=self._accept, name=f"simulator:{self.port}", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Refuse new connections, cut the open ones and wait for their threads; a second call does nothing."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        socket.create_connection((self.host, self.port)).close()  # wakes accept() on every platform
        self._acceptor.join()
        self._listener.close()
        for connection, _ in self._conversations:
            _shut(connection)
        for _, thread in self._conversations:
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
            thread = threading.Thread(target=self._converse, args=(connection, address), daemon=True)
            thread.start()
            going_on = [pair for pair in self._conversations if pair[1].is_alive()]
            self._conversations = [*going_on, (connection, thread)]

    def _converse(self, connection: socket.socket, address: tuple[str, int]) -> None:
        try:
            _Handler(connection, address, self)
        except OSError:
            pass  # the other side has gone; there is nobody left to tell
        finally:
            _shut(connection)
            connection.close()


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed by the other side


@dataclass(slots=True)
class _Answer:
    """What the application answered, held back until it is known how it is to leave."""

    status: str = "500 Internal Server Error"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def start(self, status: str, headers: list[tuple[str, str]], *_: object) -> Any:
        """Take status and headers; WSGI's `write` in return is for programs older than ours."""
        self.status, self.headers = status, headers


def call(app: WSGIApplication, environ: WSGIEnvironment) -> tuple[str, list[tuple[str, str]], bytes]:
    """Run `app` to its end and return status line, headers and whole body."""
    answer = _Answer()
    pieces: Iterable[bytes] = app(environ, answer.start)
    try:
        answer.body = b"".join(pieces)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    return answer.status, answer.headers, answer.body


class _Handler(BaseHTTPRequestHandler):
    """One connection: request after request until either side has had enough."""

    protocol_version = "HTTP/1.1"

    def __init__(self, connection: socket.socket, address: tuple[str, int], running: Running) -> None:
        self.running = running
        super().__init__(connection, address, cast("BaseServer", running))  # it is only kept, never used

    def handle_one_request(self) -> None:
        """Read one request, let the application answer it, and send the answer as told."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        connection = Connection(self.running.stopping)
        try:
            status, headers, body = call(self.running.app, self._environ(connection))
        except Exception as bug:  # noqa: BLE001 - a bug of the simulator must reach the test as a 500, not as a hang
            sys.stderr.write(f"simulator: {self.requestline}: {bug!r}\n")
            status, headers, body = "500 Internal Server Error", [], _OUR_BUG
        self._send(connection, status, headers, body)

    def log_message(self, *_: object) -> None:
        """Stay quiet: the log of calls belongs to the simulator."""

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
            self.wfile.write(head + body)  # one packet, where it fits
            return
        self.wfile.write(head)
        step = max(1, len(body) // _DRIP_PIECES)
        for start in range(0, len(body), step):
            connection.pause(connection.drip_s / _DRIP_PIECES)
            self.wfile.write(body[start : start + step])
