"""A server that sends exactly the bytes it is told to, and ends connections as rudely as it is told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

Ending = Literal["keep", "close", "reset", "silence"]


@dataclass(frozen=True)
class Rude:
    """Bytes to send, and what becomes of the connection then."""

    content: bytes = b""
    ending: Ending = "close"


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


def response(body: Any, status: str = "200 OK", *, ending: Ending = "keep", **headers: str) -> Rude:
    """Build a complete answer; anything but bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {"Content_Length": str(len(content)), **headers}
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in names.items()), "", ""]
    return Rude("\r\n".join(lines).encode() + content, ending)


@dataclass
class RudeServer:
    """`reply` says what a request gets; `received` and `connections` say what came."""

    url: str
    reply: Callable[[Received], Rude] = lambda _: Rude()
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    _open: list[socket.socket] = field(default_factory=list)

    def always(self, rude: Rude) -> None:
        """Answer every request alike."""
        self.reply = lambda _: rude

    def accept(self, listener: socket.socket) -> None:
        """Serve one connection after another, each in its own thread, until the listener is closed."""
        threads = []
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                self._open.append(connection)
                threads.append(threading.Thread(target=self._serve, args=(connection,)))
                threads[-1].start()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError), connection.makefile("rb") as stream:
            while (request := _read(stream)) is not None:
                self.received.append(request)
                rude = self.reply(request)
                connection.sendall(rude.content)
                if rude.ending == "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if rude.ending in ("close", "reset"):
                    return


def _read(stream: Any) -> Received | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers = {}
    while header := stream.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Received(line, headers, stream.read(int(headers.get("content-length", 0))))


@contextmanager
def rude_server() -> Iterator[RudeServer]:
    """Serve on a free port of the loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = RudeServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=server.accept, args=(listener,))
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
