"""The limit of calls a minute: never above it, hardly below it, and syncs behind events."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import START, Clock
from ticketbot.connectwise.rate_limit import MINUTE_S, RateLimiter


def limited(per_minute: int, clock: Clock, busy: Callable[[], bool] = lambda: False) -> RateLimiter:
    return RateLimiter(per_minute, busy=busy, clock=clock.monotonic, wait=clock.advance)


def calls(limit: RateLimiter, clock: Clock, minutes: float, *, background: bool = False) -> list[float]:
    """Return when calls went out that were made as fast as they were allowed."""
    end, made = clock.monotonic() + 60 * minutes, []
    while clock.monotonic() < end:
        limit.acquire(background=background)
        made.append(clock.monotonic())
    return made


def most_in_a_minute(made: list[float]) -> int:
    return max(index + 1 - bisect_left(made, at - 60 + 1e-3) for index, at in enumerate(made))


@pytest.mark.parametrize("per_minute", [1, 2, 7, 49, 50, 60, 99, 100, 1000, 6000])
@pytest.mark.parametrize("background", [False, True])
def test_limit_is_kept_and_used_under_load(per_minute: int, background: bool) -> None:
    """B3"""
    clock = Clock()
    made = calls(limited(per_minute, clock), clock, 3, background=background)
    assert most_in_a_minute(made) <= per_minute
    assert len(made) >= 0.95 * 3 * per_minute


@pytest.mark.parametrize("per_minute", [10, 100, 1000])
def test_sync_uses_only_its_share_while_events_wait(per_minute: int) -> None:
    """S"""
    clock = Clock()
    made = calls(limited(per_minute, clock, busy=lambda: True), clock, 3, background=True)
    assert most_in_a_minute(made) <= 0.7 * per_minute + 1
    assert len(made) >= 0.65 * 3 * per_minute


def test_sync_uses_the_whole_limit_when_nothing_waits() -> None:
    clock = Clock()
    limit = limited(1000, clock, busy=lambda: True)
    calls(limit, clock, 1, background=True)
    limit.busy = lambda: False
    assert len(calls(limit, clock, 1, background=True)) >= 950


@given(st.integers(1, 2000), st.lists(st.tuples(st.floats(0, 40), st.booleans()), max_size=200), st.booleans())
def test_no_pattern_of_calls_exceeds_the_limit(per_minute: int, rhythm: list[tuple[float, bool]], busy: bool) -> None:
    clock, made = Clock(), []
    limit = limited(per_minute, clock, busy=lambda: busy)
    for pause, background in rhythm:
        clock.advance(pause)
        limit.acquire(background=background)
        made.append(clock.monotonic())
    assert not made or most_in_a_minute(made) <= per_minute


def test_a_few_calls_at_once_do_not_wait() -> None:
    clock = Clock()
    limit = limited(1000, clock)
    for _ in range(20):
        limit.acquire()
    assert clock() == START


def test_without_a_limit_nobody_waits() -> None:
    clock = Clock()
    limit = limited(0, clock)
    for _ in range(5000):
        limit.acquire(background=True)
    assert clock() == START


def test_waiting_event_goes_before_a_sync() -> None:
    """S"""
    clock, order = Clock(), []
    waiting, go = threading.Event(), threading.Event()

    def event_waits(_: float) -> None:
        waiting.set()
        assert go.wait(10)

    def sync_waits(seconds: float) -> None:
        go.set()
        event.join(10)
        clock.advance(seconds)

    def event_calls() -> None:
        limit.acquire()
        order.append("event")

    def wait(seconds: float) -> None:
        (event_waits if threading.current_thread() is event else sync_waits)(seconds)

    limit = RateLimiter(1, clock=clock.monotonic, wait=wait)
    limit.acquire()
    event = threading.Thread(target=event_calls)
    event.start()
    assert waiting.wait(10)
    clock.advance(MINUTE_S)  # the next call is due: the event's, although the sync asks first
    limit.acquire(background=True)
    order.append("sync")
    assert order == ["event", "sync"]


def test_threads_share_one_limit() -> None:
    limit = RateLimiter(6000)  # 120 at once, then one every 10 ms
    started = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: limit.acquire(), range(135)))
    assert time.monotonic() - started >= 0.13
