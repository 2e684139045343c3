"""Background calls to the server: each runs in its own thread and reports its result to the main loop.

Only the main loop's thread touches widgets. A call that hangs delays neither other calls nor the end of the program.
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
Work = Callable[[client.Client], T]
OnError = Callable[[errors.TicketbotError], None]


class BackgroundCalls:
    """The running calls. Only the main loop's thread calls `submit` and `deliver`; any thread may call `wake`."""

    def __init__(self, connect: Callable[[], client.Client], wake: Callable[[], None]) -> None:
        self._connect = connect
        self._wake = wake
        self._clients: deque[client.Client] = deque()
        self._ended: queue.SimpleQueue[tuple[int, Callable[[], None]]] = queue.SimpleQueue()
        self._number = 0
        self._under_way: dict[int, float] = {}

    def submit(self, work: Work[T], done: Callable[[T], None], failed: OnError) -> None:
        """Run `work` in the background; a later `deliver` calls `done` or `failed`."""
        self._number += 1
        self._under_way[self._number] = time.monotonic()
        threading.Thread(target=self._run, args=(self._number, work, done, failed), daemon=True).start()

    def deliver(self) -> None:
        """Report the results of finished calls."""
        while not self._ended.empty():
            number, report = self._ended.get()
            del self._under_way[number]
            report()

    @property
    def are_under_way(self) -> bool:
        """Return whether any call is running."""
        return bool(self._under_way)

    def waiting_s(self) -> float:
        """Return for how long the oldest call has been running, 0 if there is none."""
        return time.monotonic() - min(self._under_way.values()) if self._under_way else 0.0

    def _run(self, number: int, work: Work[T], done: Callable[[T], None], failed: OnError) -> None:
        report: Callable[[], None]
        try:
            report = partial(done, self._with_client(work))
        except errors.TicketbotError as error:
            report = partial(failed, error)
        except Exception as bug:  # noqa: BLE001  (shown on the screen, which goes on)
            report = partial(failed, errors.TicketbotError(f"Internal error: {type(bug).__name__}: {bug}"))
        self._ended.put((number, report))
        self._wake()

    def _with_client(self, work: Work[T]) -> T:
        """Run `work` with a client that no other call uses at the same time."""
        try:
            client = self._clients.pop()
        except IndexError:
            client = self._connect()
        try:
            result = work(client)
        except BaseException:
            client.close()
            raise
        self._clients.append(client)
        return result
