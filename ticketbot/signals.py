"""Wait for the signal that asks a process to end, so that none is lost."""

from __future__ import annotations

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>

_SHUTDOWN = frozenset({signal.SIGTERM, signal.SIGINT})


def block_shutdown_signals() -> None:
    """Block SIGTERM and SIGINT in this thread and in all threads started after it.

    A handler that sets an event is no substitute: it runs in the main thread, between any two steps of the `wait` it is
    to end, and then it may wait for a lock that this very thread holds.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _SHUTDOWN)


def wait_for_shutdown() -> None:
    """Return once SIGTERM or Ctrl+C has come; those that come later are not heard."""
    signal.sigwait(_SHUTDOWN)


def request_shutdown() -> None:
    """Ask this process to end, as somebody else would."""
    os.kill(os.getpid(), signal.SIGTERM)


def end_with_parent() -> None:
    """Let Linux send SIGTERM to a packed program when its parent ends, by SIGKILL, too.

    A one-file program is two processes: the first unpacks, starts the second, and passes signals on to it. It cannot
    pass SIGKILL on, and nobody would end a server that is left alone and holds the port.
    """
    if getattr(sys, "frozen", False) and sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
