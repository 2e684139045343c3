"""Call external services in parallel, within a limit, and slow down while they ask for that (S4)."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar, cast

import msgspec

from ticketbot import errors
from ticketbot.decide import retry

TRIES = 4  # per request, about 7 s in all; a longer outage is not worth waiting for here
THROTTLED_TRIES = 20  # a 429 says when to come back; the request itself did not fail
POLL_EVERY_S = 0.1  # how soon the end of the work is noticed while all requests are in flight

_jitter = random.SystemRandom().random

T = TypeVar("T")
R = TypeVar("R")


class Outcome(msgspec.Struct, Generic[T, R], frozen=True):
    """The result of one request: an answer, or the error that remained after all tries."""

    item: T
    answer: R | None = None
    error: errors.RemoteError | None = None


class _Task(msgspec.Struct):
    item: Any
    ask: Callable[[Any], Any]
    done: queue.SimpleQueue[_Task]
    tries: int = 0
    throttled: int = 0
    due_s: float = 0.0
    started_s: float = 0.0
    answer: Any = None
    error: Exception | None = None


class AdaptivePool:
    """Threads that send requests; one caller hands them out and receives the results.

    At most `width()` requests are in flight, half as many after a 429, then one more for every successful round.
    `check` is called continually and raises when the work must end; requests in flight are then abandoned.
    """

    def __init__(
        self,
        width: Callable[[], int],
        check: Callable[[], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = _jitter,
    ) -> None:
        self._width, self._check, self._clock, self._jitter = width, check, clock, jitter
        self._tasks: queue.SimpleQueue[_Task | None] = queue.SimpleQueue()
        self._threads = 0
        self._window = float("inf")
        self._slowed_s = self._resume_s = clock()

    def close(self) -> None:
        """Let each thread end after its current request."""
        for _ in range(self._threads):
            self._tasks.put(None)
        self._threads = 0

    def ask(self, ask: Callable[[], R]) -> R:
        """Send one request; raise the `RemoteError` that remains after all tries."""
        (outcome,) = self.map_unordered([None], lambda _: ask())
        if outcome.error is not None:
            raise outcome.error
        return cast(R, outcome.answer)  # None if that is the answer

    def map_unordered(self, items: Iterable[T], ask: Callable[[T], R]) -> Iterator[Outcome[T, R]]:
        """Yield the outcome of each item's request as results arrive; items are consumed as needed."""
        fresh = iter(items)
        done: queue.SimpleQueue[_Task] = queue.SimpleQueue()
        again: list[_Task] = []
        busy, has_more = 0, True
        while True:
            self._check()
            while (has_more or again) and busy < self.allowed():
                task = self._next(again)
                if task is None and has_more:
                    has_more, task = self._fresh(fresh, ask, done)
                if task is None:
                    break
                self._hand_out(task)
                busy += 1
            if not (busy or again or has_more):
                return
            try:
                task = done.get(timeout=POLL_EVERY_S)
            except queue.Empty:
                continue
            busy -= 1
            if self._should_retry(task):
                again.append(task)
            else:
                yield _outcome(task)

    def allowed(self) -> int:
        """Return how many requests may be in flight now."""
        if self._clock() < self._resume_s:
            return 0
        return max(1, min(self._width(), int(min(self._window, 1e6))))

    def _next(self, again: list[_Task]) -> _Task | None:
        now_s = self._clock()
        for index, task in enumerate(again):
            if task.due_s <= now_s:
                return again.pop(index)
        return None

    def _fresh(
        self, items: Iterator[T], ask: Callable[[T], R], done: queue.SimpleQueue[_Task]
    ) -> tuple[bool, _Task | None]:
        for item in items:
            return True, _Task(item, ask, done)
        return False, None

    def _hand_out(self, task: _Task) -> None:
        task.started_s, task.error = self._clock(), None
        if self._threads < self._width():
            self._threads += 1
            # Daemons: a call that hangs must not keep a server from stopping (O4).
            threading.Thread(target=self._work, name=f"sync-{self._threads}", daemon=True).start()
        self._tasks.put(task)

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            try:
                task.answer = task.ask(task.item)
            except Exception as error:  # noqa: BLE001  (handled in the caller's thread)
                task.error = error
            task.done.put(task)
            del task  # drop the reference, so that an idle thread does not keep its last answer alive

    def _should_retry(self, task: _Task) -> bool:
        error = task.error
        if error is None:
            self._window = min(self._width(), self._window + 1 / max(1.0, self._window))
            return False
        if isinstance(error, errors.RemoteThrottled):
            return self._shrink_window(task, error)
        task.tries += 1
        task.due_s = self._clock() + retry.wait_s(error, task.tries, self._jitter())
        return isinstance(error, errors.RemoteUnavailable) and task.tries < TRIES

    def _shrink_window(self, task: _Task, error: errors.RemoteThrottled) -> bool:
        """Halve the window, once for all requests in flight together, and pause all for as long as requested."""
        task.throttled += 1
        if task.started_s >= self._slowed_s:
            self._window = max(1.0, min(self._window, self._width()) / 2)
            self._slowed_s = self._clock()
        self._resume_s = max(self._resume_s, self._clock() + retry.wait_s(error, task.throttled, self._jitter()))
        return task.throttled < THROTTLED_TRIES


def _outcome(task: _Task) -> Outcome[Any, Any]:
    if task.error is None:
        return Outcome(task.item, task.answer)
    if isinstance(task.error, errors.RemoteError):
        return Outcome(task.item, error=task.error)
    raise task.error
