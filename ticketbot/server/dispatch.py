"""Give webhooks and the health check threads of their own, so that nothing on other routes delays them (A2)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from waitress.task import ThreadedTaskDispatcher

HOOK_THREADS = 8  # as many webhooks share a commit, see `inbox`
HEALTH_THREADS = 1  # it waits for nothing
OTHER_THREADS = 8


class PathDispatcher:
    """Hand each request to threads by its path; takes the place of waitress's own dispatcher.

    `reserved` holds the number of threads for each path that has its own; all other paths share `threads`.
    """

    def __init__(self, threads: int, reserved: Mapping[str, int]) -> None:
        self._shared = _started(threads)
        self._reserved = {path: _started(count) for path, count in reserved.items()}

    def add_task(self, channel: Any) -> None:
        """Queue a connection whose next request has arrived."""
        path = getattr(channel.requests[0], "path", "")  # what waitress could not parse may have none
        self._reserved.get(path, self._shared).add_task(channel)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """End all threads, which finish what they are doing within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        for each in self._all():
            each.set_thread_count(0)
        has_cancelled = [each.shutdown(cancel_pending, max(deadline - time.monotonic(), 0)) for each in self._all()]
        return any(has_cancelled)

    @property
    def threads(self) -> list[int]:
        """Return the numbers of the threads that have not ended."""
        return [number for each in self._all() for number in each.threads]

    def _all(self) -> list[Any]:
        return [self._shared, *self._reserved.values()]


def _started(threads: int) -> Any:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    return dispatcher
