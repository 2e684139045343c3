"""The terminal while the TUI has it: control keys arrive as keys, and it is given back as it was."""

from __future__ import annotations

import sys
import termios
from typing import Any

from urwid.display import raw


class Screen(raw.Screen):
    """urwid's screen, which also takes what the terminal driver keeps for itself.

    That is flow control (Ctrl+S, Ctrl+Q) and signals (Ctrl+C, Ctrl+\\, Ctrl+Z). urwid puts all settings back as they
    were before it started, whichever way it ends.
    """

    def _start(self, *args: Any, **kwargs: Any) -> None:
        super()._start(*args, **kwargs)
        descriptor = sys.stdin.fileno()
        mode = termios.tcgetattr(descriptor)
        mode[0] &= ~(termios.IXON | termios.IXOFF)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)
