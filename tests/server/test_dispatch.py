"""Which threads serve which request."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from ticketbot.server import dispatch


class Task:
    """As waitress hands over a connection: the next request, and what serves it."""

    def __init__(self, **request: str) -> None:
        self.requests = [SimpleNamespace(**request)]
        self.served = threading.Event()
        self.go_on = threading.Event()

    def service(self) -> None:
        """Serve the request, and then occupy the thread until the test lets it go on."""
        self.served.set()
        self.go_on.wait(10)


@pytest.mark.parametrize("other", [{"path": "/users"}, {"path": "/reserved/"}, {}])
def test_route_with_separate_threads_is_served_while_the_others_wait(other: dict[str, str]) -> None:
    dispatcher = dispatch.PathDispatcher(1, {"/reserved": 1})
    busy, queued, reserved = Task(**other), Task(**other), Task(path="/reserved")
    for task in (busy, queued, reserved):
        dispatcher.add_task(task)
    assert busy.served.wait(10)
    assert reserved.served.wait(10)
    assert not queued.served.is_set()
    for task in (busy, queued, reserved):
        task.go_on.set()
    assert queued.served.wait(10)
    assert not dispatcher.shutdown(cancel_pending=False, timeout=10)
    assert not dispatcher.threads


def test_all_threads_get_the_same_time_to_end() -> None:
    dispatcher = dispatch.PathDispatcher(1, {"/reserved": 1})
    tasks = [Task(path="/users"), Task(path="/reserved")]
    for task in tasks:
        dispatcher.add_task(task)
        assert task.served.wait(10)
    dispatcher.shutdown(cancel_pending=False, timeout=0)
    assert len(dispatcher.threads) == 2
    for task in tasks:
        task.go_on.set()
    dispatcher.shutdown(cancel_pending=False, timeout=10)
    assert not dispatcher.threads
