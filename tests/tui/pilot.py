"""Drive the TUI without a terminal: type keys, let the server answer, read the screen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from zoneinfo import ZoneInfo

import urwid

from tests.tui.fake_server import URL, FakeServer
from ticketbot.api import client
from ticketbot.tui import main_view, themes

ANSWERS_WITHIN_S = 10.0


class Pilot:
    """A window of a given size; time passes only when it is told to."""

    def __init__(
        self,
        office: FakeServer,
        size: tuple[int, int] = (80, 24),
        connect: Callable[[], client.Client] | None = None,
    ) -> None:
        self.office = office
        self.size = size
        self.theme = themes.DEFAULT
        self._bell = threading.Event()
        self.window = main_view.MainView(
            connect or office.connect,
            base_url=URL,
            zone=ZoneInfo("UTC"),
            wake=self._bell.set,
            next_theme=self._turn_theme,
        )
        self.has_quit = False

    def _turn_theme(self) -> str:
        self.theme = themes.next_theme(self.theme)
        return self.theme.name

    def start(self) -> Pilot:
        """Let the first seconds pass."""
        return self.pass_time(0.2)

    def pass_time(self, seconds: float) -> Pilot:
        """Let time pass, and wait for what is asked of the server meanwhile."""
        self.window.tick(seconds)
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

    def press_only(self, key: str) -> Pilot:
        """Type a key, and let the server take its time."""
        try:
            self.window.keypress(self.size, key)
        except urwid.ExitMainLoop:
            self.has_quit = True
        return self

    def settle(self) -> Pilot:
        """Take what the server answers until nothing is under way."""
        while self.window.calls.are_under_way:
            assert self._bell.wait(ANSWERS_WITHIN_S), "the server does not answer"
            self._bell.clear()
            self.window.deliver()
        self.window.deliver()
        return self

    @property
    def lines(self) -> list[str]:
        """Return what the screen shows."""
        return [line.rstrip() for line in self.window.render(self.size, focus=True).decoded_text]

    @property
    def screen(self) -> str:
        """Return what the screen shows, as one text."""
        return "\n".join(self.lines)

    @property
    def footer(self) -> str:
        """Return the lines with the keys that work."""
        return " ".join(self.lines[-2:])
