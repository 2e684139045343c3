"""Drive the TUI without a terminal: type keys, let the real application answer in this process, read the screen."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import bottle
import requests
import urwid

from tests import wsgi
from tests.server.api_server import Api
from tests.tui import seed
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.models import schema
from ticketbot.server import application
from ticketbot.simulators.webex import Webex
from ticketbot.tui import main_view, themes

URL = "http://ticketbot.example:8080"
ANSWERS_WITHIN_S = 10.0


class Server:
    """The application of one server, which can be made to fail: an HTTP `status`, `is_down`, or `slow` to answer."""

    def __init__(self, api: Api, key: str) -> None:
        self.api, self.key = api, key
        self.status = 0
        self.is_down = False
        self.requests: list[str] = []
        self._gate = threading.Event()
        self._gate.set()

    @contextmanager
    def slow(self) -> Iterator[None]:
        """Answer nothing inside this block."""
        self._gate.clear()
        try:
            yield
        finally:
            self._gate.set()

    def connect(self) -> client.Client:
        """Return a client of this server."""
        return client.Client(URL, self.key, transport=_Adapter(self))

    def handle(self, environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        """Answer as the application does, or fail (WSGI)."""
        self.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}?{environ['QUERY_STRING']}")
        assert self._gate.wait(ANSWERS_WITHIN_S), "nobody opened the gate"
        if self.status:
            title = bottle.HTTP_CODES[self.status]
            response = application.problem(self.status, title, "See the server log")
            start(f"{self.status} {title}", response.headerlist)
            return [response.body]
        return self.api.app(environ, start)


class _Adapter(wsgi.Adapter):
    def __init__(self, server: Server) -> None:
        super().__init__(server.handle)
        self._server = server

    def send(self, request: requests.PreparedRequest, *more: Any, **named: Any) -> requests.Response:
        if self._server.is_down:
            raise requests.ConnectionError
        return super().send(request, *more, **named)


class Pilot:
    """A main view of a given size; time passes only when it is told to."""

    def __init__(
        self, server: Server, size: tuple[int, int] = (80, 24), connect: Callable[[], client.Client] | None = None
    ) -> None:
        urwid.set_encoding("utf8")
        self.server = server
        self.size = size
        self.theme = themes.DEFAULT
        self.clipboard = ""
        self.has_quit = False
        self._woken = threading.Event()
        self.view = main_view.MainView(
            connect or server.connect, base_url=URL, zone=ZoneInfo("Europe/Berlin"), terminal=self
        )

    def wake(self) -> None:
        """Note that a call has ended."""
        self._woken.set()

    def next_theme(self) -> str:
        """Turn to the next theme."""
        self.theme = themes.next_theme(self.theme)
        return self.theme.name

    def copy(self, text: str) -> None:
        """Keep what was copied."""
        self.clipboard = text

    def now(self) -> datetime:
        """Return the time of the server."""
        return self.server.api.clock.now()

    def start(self) -> Pilot:
        """Let the first moment pass."""
        return self.pass_time(0.2)

    def pass_time(self, seconds: float) -> Pilot:
        """Let time pass, and wait for what is asked of the server meanwhile."""
        self.view.tick(seconds)
        return self.settle()

    def press(self, *keys: str) -> Pilot:
        """Type keys by urwid's names, and wait for what that asks of the server."""
        for key in keys:
            self.press_only(key)
            self.settle()
        return self

    def type(self, text: str) -> Pilot:
        """Type a text."""
        return self.press(*text)

    def press_only(self, *keys: str) -> Pilot:
        """Type keys, and let the server take its time."""
        for key in keys:
            try:
                self.view.keypress(self.size, key)
            except urwid.ExitMainLoop:
                self.has_quit = True
        return self

    def settle(self) -> Pilot:
        """Take what the server answers until nothing is under way."""
        while self.view.calls.are_under_way:
            assert self._woken.wait(ANSWERS_WITHIN_S), "the server does not answer"
            self._woken.clear()
            self.view.deliver()
        self.view.deliver()
        return self

    @property
    def lines(self) -> list[str]:
        """Return what the screen shows."""
        return [line.rstrip() for line in self.view.render(self.size, focus=True).decoded_text]

    @property
    def screen(self) -> str:
        """Return what the screen shows, as one text."""
        return "\n".join(self.lines)

    @property
    def text(self) -> str:
        """Return what the screen shows without frames and line breaks."""
        return " ".join(" ".join(line.strip(" │┌┐└┘─") for line in self.lines).split())

    @property
    def footer(self) -> str:
        """Return the lines with the keys that work."""
        return " ".join(self.lines[-3:])


@contextmanager
def sample(size: tuple[int, int] = (80, 24)) -> Iterator[Pilot]:
    """Yield a TUI on the seeded rows in a database of its own: the screens of the documentation."""
    with tempfile.TemporaryDirectory() as folder:
        db.open_database(f"sqlite:///{folder}/tbot.sqlite3")
        try:
            schema.migrate()
            api = Api(Webex())
            yield Pilot(Server(api, seed.fill(api.clock.now())), size).start()
        finally:
            db.close_database()
