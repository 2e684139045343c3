"""`tbot` without a command: the terminal UI, and the loop that drives it."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import FrameType

import urwid

from ticketbot import errors
from ticketbot.api import client
from ticketbot.settings import table
from ticketbot.tui import main_view, terminal, themes

TICK_S = 0.2
TIMEOUT_S = 15.0
"""How long to wait for the server: the screen stays responsive, but a user is waiting."""


def run(settings: table.Settings, environ: Mapping[str, str] = os.environ) -> int:
    """Run the TUI until the user quits. Returns the exit status; raises `SettingsError` without a terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise errors.SettingsError("The TUI needs a terminal. `tbot --help` lists the commands that work without one")
    loop = _Loop(settings, themes.default_theme(environ))
    with _quiet(), _ended_by(signal.SIGTERM, signal.SIGHUP):
        loop.run()
    return 0


class _Loop:
    """urwid's main loop with the main view, its timer, and the pipe that background threads write to."""

    def __init__(self, settings: table.Settings, theme: themes.Theme) -> None:
        self._theme = theme
        self._window = main_view.MainView(
            lambda: client.Client(settings.base_url, settings.api_key, timeout_s=TIMEOUT_S),
            base_url=settings.base_url,
            zone=settings.timezone,
            terminal=self,
        )
        self._screen = terminal.Screen()
        self._loop = urwid.MainLoop(self._window, screen=self._screen, handle_mouse=False)
        self._wake_fd = self._loop.watch_pipe(self._on_wake)
        self._ticked_at = time.monotonic()
        self._show_theme()

    def run(self) -> None:
        """Run until the user quits; the terminal is always restored."""
        self._tick(self._loop, None)
        try:
            self._loop.run()
        finally:
            os.close(self._wake_fd)

    def wake(self) -> None:
        with contextlib.suppress(OSError):  # a call that ends after the main loop
            os.write(self._wake_fd, b"!")

    def _on_wake(self, _data: bytes) -> bool:
        self._window.deliver()
        return True

    def _tick(self, loop: urwid.MainLoop, _data: object) -> None:
        now = time.monotonic()
        self._window.tick(now - self._ticked_at)
        self._ticked_at = now
        loop.set_alarm_in(TICK_S, self._tick)

    def next_theme(self) -> str:
        self._theme = themes.next_theme(self._theme)
        self._show_theme()
        return self._theme.name

    def now(self) -> datetime:
        return datetime.now(UTC)

    def copy(self, text: str) -> None:
        """Send a text to the clipboard of the terminal (OSC 52), also through SSH; terminals may ignore it."""
        self._screen.write(f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07")
        self._screen.flush()

    def _show_theme(self) -> None:
        self._screen.register_palette(self._theme.palette())
        self._screen.set_terminal_properties(colors=self._theme.colors)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep log lines off the screen, which shows errors itself."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _ended_by(*numbers: signal.Signals) -> Iterator[None]:
    """Turn signals into `SystemExit`, so that the terminal is restored."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
