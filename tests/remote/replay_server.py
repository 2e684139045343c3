"""Serve payload files byte for byte over real HTTP, by a table of calls; knows nothing of the services."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAYLOADS = Path(__file__).parents[1] / "payloads"
DATE = "Wed, 04 Mar 2026 10:00:00 GMT"  # fixed, so that recording again changes nothing


@dataclass(frozen=True)
class Reply:
    """What is answered to a call such as `GET /rooms` whose query holds `query`.

    `file` is below `payloads`; `text` is for what nobody has published a payload of. In a header `{here}`
    stands for the server's address.
    """

    call: str
    file: str | None = None
    status: int = 200
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)

    def content(self) -> bytes:
        """Return the body."""
        return (PAYLOADS / self.file).read_bytes() if self.file else self.text.encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def response(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = self.server.find(self.command, self.path)
        content = reply.content() if reply else b""
        self.send_response_only(reply.status if reply else 501)
        self.send_header("Date", DATE)
        for name, value in (reply.headers if reply else {}).items():
            self.send_header(name, value.replace("{here}", self.server.url))
        if content:
            self.send_header("Content-Type", "application/json")
        if not reply or reply.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = response  # noqa: N815 - the names http.server calls

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, prefix: str, replies: Sequence[Reply]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._prefix = prefix
        self._replies = replies

    def find(self, method: str, target: str) -> Reply | None:
        """Return the first reply that fits."""
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        call = f"{method} {parts.path.removeprefix(self._prefix)}"
        fitting = (r for r in self._replies if r.call == call and all([v] == query.get(k) for k, v in r.query.items()))
        return next(fitting, None)


@contextmanager
def serving(prefix: str, replies: Sequence[Reply]) -> Iterator[str]:
    """Serve `replies` below the path `prefix` and yield the server's address."""
    with _Server(prefix, replies) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
