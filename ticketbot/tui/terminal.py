"""The terminal of the TUI: control keys arrive as keys, and all settings are restored at the end."""

from __future__ import annotations

import sys
import termios
from typing import Any

from urwid.display import raw


class Screen(raw.Screen):
    """urwid's screen, which also receives the keys that the terminal driver normally handles itself.

    These are flow control (Ctrl+S, Ctrl+Q) and signals (Ctrl+C, Ctrl+\\, Ctrl+Z). urwid restores all settings, however
    it ends.
    """

    def _start(self, *args: Any, **kwargs: Any) -> None:
        super()._start(*args, **kwargs)
        descriptor = sys.stdin.fileno()
        mode = termios.tcgetattr(descriptor)
        mode[0] &= ~(termios.IXON | termios.IXOFF)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)
