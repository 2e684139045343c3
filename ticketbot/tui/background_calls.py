"""Calls to the server beside the screen: each runs in a thread of its own, and its end is told to the main loop.

Only the thread of the main loop touches widgets. A call that hangs holds up no other one, nor the end of the program.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from ticketbot import errors
from ticketbot.api import client

T = TypeVar("T")


class BackgroundCalls:
    """Calls under way. `submit` and `deliver` belong to the main loop's thread; `wake` may be called by any thread."""

    def __init__(self, connect: Callable[[], client.Client], wake: Callable[[], None]) -> None:
        self._connect = connect
        self._wake = wake
        self._clients: deque[client.Client] = deque()
        self._ended: queue.SimpleQueue[tuple[int, Callable[[], None]]] = queue.SimpleQueue()
        self._number = 0
        self._under_way: dict[int, float] = {}

    def submit(
        self,
        work: Callable[[client.Client], T],
        done: Callable[[T], None],
        failed: Callable[[errors.TicketbotError], None],
    ) -> None:
        """Let `work` run beside the screen; `done` or `failed` is called by a later `deliver`."""
        self._number += 1
        self._under_way[self._number] = time.monotonic()
        threading.Thread(target=self._run, args=(self._number, work, done, failed), daemon=True).start()

    def deliver(self) -> None:
        """Hand over how the calls ended that have ended."""
        while not self._ended.empty():
            number, tell = self._ended.get()
            del self._under_way[number]
            tell()

    @property
    def are_under_way(self) -> bool:
        """Return whether some call has not ended."""
        return bool(self._under_way)

    def waiting_s(self) -> float:
        """Return for how long the oldest call has been under way, 0 when there is none."""
        return time.monotonic() - min(self._under_way.values()) if self._under_way else 0.0

    def _run(
        self,
        number: int,
        work: Callable[[client.Client], T],
        done: Callable[[T], None],
        failed: Callable[[errors.TicketbotError], None],
    ) -> None:
        tell: Callable[[], None]
        try:
            tell = partial(done, self._with_client(work))
        except errors.TicketbotError as error:
            tell = partial(failed, error)
        except Exception as bug:  # noqa: BLE001  (said in words on a screen that goes on)
            tell = partial(failed, errors.TicketbotError(f"Internal error: {type(bug).__name__}: {bug}"))
        self._ended.put((number, tell))
        self._wake()

    def _with_client(self, work: Callable[[client.Client], T]) -> T:
        """Run work with a client that nobody else uses meanwhile."""
        try:
            lent = self._clients.pop()
        except IndexError:
            lent = self._connect()
        try:
            result = work(lent)
        except BaseException:
            lent.close()
            raise
        self._clients.append(lent)
        return result
