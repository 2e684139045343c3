"""W3: hooks that come in together are committed together, and each is told how it went."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.environment import wait_for
from ticketbot import errors
from ticketbot.pipeline import accept

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THREADS = 8

Commit = Callable[[Sequence[accept.PendingWebhook]], list[str]]


def _arrival(number: int) -> accept.PendingWebhook:
    return accept.PendingWebhook(number, "updated", None, f"message {number}", "c", NOW)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Callable[[Commit], accept.Inbox]:
    """Return what makes an inbox that commits in a way of the test's own."""

    def make(commit: Commit) -> accept.Inbox:
        monkeypatch.setattr(accept, "_commit", commit)
        return accept.Inbox()

    return make


@contextlib.contextmanager
def _all_but_one_waiting(
    inbox: accept.Inbox, begun: threading.Event, go_on: threading.Event
) -> Iterator[list[Future[str]]]:
    """Let arrivals come in while the first is being committed, which sets `begun` and waits for `go_on`."""
    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = [pool.submit(inbox.accept, _arrival(0))]
        assert begun.wait(10)
        outcomes += [pool.submit(inbox.accept, _arrival(number)) for number in range(1, THREADS)]
        assert wait_for(lambda: len(inbox._arrivals) == THREADS - 1)
        go_on.set()
        yield outcomes


def test_webhooks_that_arrive_during_a_commit_are_committed_together(box: Callable[[Commit], accept.Inbox]) -> None:
    batches: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()

    def commit(batch: Sequence[accept.PendingWebhook]) -> list[str]:
        batches.append(sorted(each.ticket_id for each in batch))
        begun.set()
        assert go_on.wait(10)
        return ["accepted"] * len(batch)

    inbox = box(commit)
    with _all_but_one_waiting(inbox, begun, go_on) as outcomes:
        assert {each.result(10) for each in outcomes} == {"accepted"}
    assert batches == [[0], [*range(1, THREADS)]]


def test_of_very_many_at_once_each_is_committed_once_with_its_own_outcome(
    box: Callable[[Commit], accept.Inbox],
) -> None:
    committed: list[int] = []
    under_way = threading.Lock()

    def commit(batch: Sequence[accept.PendingWebhook]) -> list[str]:
        assert under_way.acquire(blocking=False), "two commits at once"
        committed.extend(each.ticket_id for each in batch)
        under_way.release()
        return [f"outcome {each.ticket_id}" for each in batch]

    inbox = box(commit)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(lambda number: inbox.accept(_arrival(number)), range(2000)))
    assert results == [f"outcome {number}" for number in range(2000)]
    assert sorted(committed) == [*range(2000)]


def test_failed_commit_affects_no_other_batch(
    box: Callable[[Commit], accept.Inbox],
) -> None:
    """no-webhook-lost: whatever goes wrong, nobody is left waiting."""

    def commit(batch: Sequence[accept.PendingWebhook]) -> list[str]:
        if any(each.ticket_id % 7 == 0 for each in batch):
            raise ValueError("seven")
        if any(each.ticket_id == 100 for each in batch):
            raise errors.Unreachable("The database is unavailable")
        return ["accepted"] * len(batch)

    def accepted(number: int) -> bool:
        try:
            return inbox.accept(_arrival(number)) == "accepted"
        except (ValueError, errors.Unreachable):
            return False

    inbox = box(commit)
    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(accepted, range(300)))
    refused = {number for number, is_in in enumerate(results) if not is_in}
    assert {number for number in range(300) if number % 7 == 0} <= refused
    assert inbox.accept(_arrival(1)) == "accepted"


def test_webhook_that_cannot_be_stored_is_refused_alone(box: Callable[[Commit], accept.Inbox]) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def commit(batch: Sequence[accept.PendingWebhook]) -> list[str]:
        begun.set()
        assert go_on.wait(10)
        if any(each.ticket_id == 3 for each in batch):
            raise ValueError("three")
        return ["accepted"] * len(batch)

    with _all_but_one_waiting(box(commit), begun, go_on) as outcomes:
        refused = [number for number, each in enumerate(outcomes) if each.exception(10)]
    assert refused == [3]


def test_waiting_webhooks_are_refused_together_while_the_database_is_unavailable(
    box: Callable[[Commit], accept.Inbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    """W3: each for itself, one after the other, would wait too long for ConnectWise."""
    monkeypatch.setattr(accept, "SUDDEN_S", -1.0)
    tries: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def commit(batch: Sequence[accept.PendingWebhook]) -> list[str]:
        tries.append(len(batch))
        begun.set()
        assert go_on.wait(10)
        raise errors.Unreachable("The database is unavailable")

    inbox = box(commit)
    with _all_but_one_waiting(inbox, begun, go_on) as outcomes:
        assert {type(each.exception(10)) for each in outcomes} == {errors.Unreachable}
    assert tries == [1]
