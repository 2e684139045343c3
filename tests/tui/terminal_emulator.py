"""A real pseudo-terminal with a program in it, whose screen can be read; the emulation is urwid's own."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

import urwid
from urwid.vterm import TermCanvas, TermModes

# Makes the pseudo-terminal the controlling terminal, as a login does, so that signals and resizes arrive.
_LOGIN = "import os, sys; os.login_tty(0); os.execv(sys.argv[1], sys.argv[1:])"

KEYS = {
    "enter": "\r",
    "esc": "\x1b",
    "tab": "\t",
    "shift tab": "\x1b[Z",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "page down": "\x1b[6~",
    "backspace": "\x7f",
    **{f"ctrl {letter}": chr(ord(letter) - 96) for letter in "abcdefghijklmnopqrstuvwxyz"},
}


class Terminal:
    """One program in a terminal of its own. Leaving the block ends it."""

    def __init__(self, program: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (80, 24)) -> None:
        urwid.set_encoding("utf8")
        self.master, self.slave = os.openpty()
        self._set_size(*size)
        self.settings_before = self.settings()
        self.written = b""
        self._changed = threading.Condition()
        self._canvas = TermCanvas(*size, _Host(self._answer))  # type: ignore[arg-type]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _LOGIN, *program],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env={"LANG": "C.UTF-8", "TERM": "xterm-256color", "PATH": os.environ["PATH"], **environ},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error:
            sys.stderr.write(f"The screen was:\n{self.screen}\n")
        self.process.kill()
        self.process.wait(10)
        os.close(self.slave)  # the last one: the reader sees the end
        self._reader.join(10)
        os.close(self.master)

    @property
    def screen(self) -> str:
        """Return what the screen shows."""
        with self._changed:
            return self._text()

    def press(self, *keys: str) -> Terminal:
        """Type keys by urwid's names, or texts."""
        for key in keys:
            os.write(self.master, KEYS.get(key, key).encode())
        return self

    def see(self, *texts: str, without: str = "", within_s: float = 15.0) -> str:
        """Wait until the screen shows all the texts; returns the screen."""

        def is_seen() -> bool:
            screen = self._text()
            return all(text in screen for text in texts) and not (without and without in screen)

        assert self._wait(is_seen, within_s), f"not seen: {texts}\n{self.screen}"
        return self.screen

    def resize(self, columns: int, rows: int) -> Terminal:
        """Change the size of the terminal, as its user does."""
        with self._changed:
            self._canvas.resize(columns, rows)
        self._set_size(columns, rows)
        return self

    def ended(self) -> int:
        """Wait for the end of the program; returns its exit status."""
        return self.process.wait(15)

    def signal(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self.process.send_signal(number)

    def settings(self) -> str:
        """Return the settings of the terminal as `stty -g` prints them."""
        return subprocess.check_output(["stty", "-g"], stdin=self.slave, text=True)

    def _wait(self, condition: Callable[[], bool], within_s: float) -> bool:
        deadline = time.monotonic() + within_s
        with self._changed:
            while not condition():
                if not self._changed.wait(max(deadline - time.monotonic(), 0)):
                    return condition()
            return True

    def _text(self) -> str:
        return "\n".join(b"".join(cell[2] for cell in line).decode().rstrip() for line in self._canvas.term)

    def _answer(self, text: str) -> None:
        os.write(self.master, text.encode())

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError as error:
                assert error.errno == errno.EIO
                return
            with self._changed, contextlib.suppress(IndexError):  # drawn for another size, in the midst of a resize
                self.written += data
                self._canvas.addstr(data)
                self._changed.notify_all()

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class _Host:
    """What the emulation wants of the widget it is usually a part of."""

    def __init__(self, respond: Callable[[str], None]) -> None:
        self.term_modes = TermModes()
        self.respond = respond

    def __getattr__(self, _name: str) -> Callable[..., Any]:
        return lambda *_: None
