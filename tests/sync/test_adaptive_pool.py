"""S4: questions side by side, slower after a 429 and faster again, each tried as often as makes sense."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clock import START, Clock, TickingClock
from ticketbot import errors
from ticketbot.sync import adaptive_pool


class Service:
    """Answers by a script for each item, and counts how many questions are under way."""

    def __init__(self, **script: list[Exception | str]) -> None:
        self.script = script
        self.asked: list[str] = []
        self.busy = self.peak = 0
        self._lock = threading.Lock()

    def ask(self, item: str) -> str:
        with self._lock:
            self.asked.append(item)
            self.busy += 1
            self.peak = max(self.peak, self.busy)
            responses = self.script.get(item, [])
            response = responses.pop(0) if responses else f"{item}!"
        threading.Event().wait(0.002)
        with self._lock:
            self.busy -= 1
        if isinstance(response, Exception):
            raise response
        return response


def _nothing() -> None:
    pass


@pytest.fixture
def hire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., adaptive_pool.AdaptivePool]]:
    monkeypatch.setattr(adaptive_pool, "POLL_EVERY_S", 0.001)
    hired: list[adaptive_pool.AdaptivePool] = []

    def hire(
        width: int = 4, check: Callable[[], None] = _nothing, clock: Clock | None = None
    ) -> adaptive_pool.AdaptivePool:
        hired.append(
            adaptive_pool.AdaptivePool(
                lambda: width, check, clock=(clock or TickingClock()).monotonic, jitter=lambda: 0.5
            )
        )
        return hired[-1]

    yield hire
    for map_unordered in hired:
        map_unordered.close()


def unavailable() -> errors.RemoteUnavailable:
    return errors.RemoteUnavailable("down", service="connectwise")


def throttled(retry_after_s: float | None = None) -> errors.RemoteThrottled:
    return errors.RemoteThrottled("slower", service="connectwise", status=429, retry_after_s=retry_after_s)


def test_every_item_is_processed_once(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    service = Service()
    items = [f"item{number}" for number in range(50)]
    outcomes = list(hire().map_unordered(items, service.ask))
    assert {(outcome.item, outcome.answer) for outcome in outcomes} == {(item, f"{item}!") for item in items}
    assert sorted(service.asked) == sorted(items)
    assert 1 < service.peak <= 4


def test_items_are_taken_only_as_they_are_needed(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    """A list of 20,000 is never in memory."""
    taken = []

    def items() -> Iterator[str]:
        for number in range(1000):
            taken.append(number)
            yield str(number)

    outcomes = hire(3).map_unordered(items(), Service().ask)
    next(outcomes)
    assert len(taken) <= 7


def test_transient_error_is_retried(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    service = Service(a=[unavailable(), unavailable(), "at last"])
    outcomes = {outcome.item: outcome for outcome in hire().map_unordered(["a", "b"], service.ask)}
    assert outcomes["a"].answer == "at last"
    assert service.asked.count("a") == 3


def test_permanent_error_is_given_up_and_named(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    service = Service(a=[unavailable() for _ in range(9)])
    (outcome,) = hire().map_unordered(["a"], service.ask)
    assert isinstance(outcome.error, errors.RemoteUnavailable)
    assert len(service.asked) == adaptive_pool.TRIES


@pytest.mark.parametrize("kind", [errors.RemoteDenied, errors.RemoteGone, errors.RemoteRefused])
def test_hopeless_request_is_sent_once(
    hire: Callable[..., adaptive_pool.AdaptivePool], kind: type[errors.RemoteError]
) -> None:
    service = Service(a=[kind("no", service="connectwise")])
    (outcome,) = hire().map_unordered(["a"], service.ask)
    assert isinstance(outcome.error, kind)
    assert service.asked == ["a"]


def test_429_is_waited_for_and_does_not_count_as_an_attempt(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    """S4"""
    clock = TickingClock()
    service = Service(a=[throttled(30.0) for _ in range(adaptive_pool.TRIES + 1)])
    (outcome,) = hire(clock=clock).map_unordered(["a"], service.ask)
    assert outcome.answer == "a!"
    assert clock.monotonic() - START.timestamp() >= 30.0 * (adaptive_pool.TRIES + 1)


def test_endless_429_is_given_up(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    service = Service(a=[throttled(1.0) for _ in range(100)])
    (outcome,) = hire().map_unordered(["a"], service.ask)
    assert isinstance(outcome.error, errors.RemoteThrottled)
    assert len(service.asked) == adaptive_pool.THROTTLED_TRIES


def test_a_429_halves_the_width_once_and_success_widens_it_again(
    hire: Callable[..., adaptive_pool.AdaptivePool],
) -> None:
    """S4"""
    script: Any = {f"i{number}": [throttled(0.0)] for number in range(8)}
    service = Service(**script)
    hired = hire(8)
    widths = []
    for _ in hired.map_unordered([f"i{number}" for number in range(100)], service.ask):
        widths.append(hired.allowed())
    working = [width for width in widths if width]
    assert min(working) in (4, 5)
    assert working[-1] == 8


def test_nothing_is_sent_during_retry_after(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    hired = hire(2, clock=Clock())
    service = Service(a=[throttled(60.0)])
    stop = threading.Event()

    def check() -> None:
        if hired.allowed() == 0:
            stop.set()
            raise InterruptedError

    hired._check = check  # type: ignore[method-assign]
    with pytest.raises(InterruptedError):
        list(hired.map_unordered(["a", *map(str, range(50))], service.ask))
    assert stop.is_set()
    assert len(service.asked) <= 4


def test_the_end_of_the_work_is_noticed_while_an_answer_is_awaited(
    hire: Callable[..., adaptive_pool.AdaptivePool],
) -> None:
    """O4: a call that hangs keeps no server from stopping."""
    hangs, ended = threading.Event(), threading.Event()

    def check() -> None:
        if ended.is_set():
            raise InterruptedError

    def ask(item: str) -> str:
        ended.set()
        hangs.wait(10)
        return item

    with pytest.raises(InterruptedError):
        list(hire(check=check).map_unordered(["a"], ask))
    hangs.set()


def test_a_bug_is_no_outcome(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    with pytest.raises(ZeroDivisionError):
        list(hire().map_unordered(["a"], lambda _: 1 // 0))


def test_single_call_returns_its_result_or_error(hire: Callable[..., adaptive_pool.AdaptivePool]) -> None:
    assert hire().ask(lambda: 42) == 42

    def gone() -> None:
        raise errors.RemoteGone("gone", service="connectwise")

    with pytest.raises(errors.RemoteGone):
        hire().ask(gone)
