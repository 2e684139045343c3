"""Run the background threads of one server: events, messages, upkeep and periodic jobs (O4, L6)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec.structs import replace

from ticketbot import errors
from ticketbot.background import heartbeat, outbox_upkeep, periodic
from ticketbot.database import db
from ticketbot.models import due_times, schema
from ticketbot.pipeline import deliver, process_event

SENDERS = 8  # enough to use the 50 posts a second that Webex may allow, at 100 ms each
MAX_SLEEP_S = 300.0  # whatever is due, the poll wakes a thread for it within POLL_EVERY_S
POLL_EVERY_S = 1.0  # how soon a row from another server is noticed by an idle one
POLL_BUSY_EVERY_S = 0.25  # while anything waits
POLL_PAUSE_S = 0.02  # at least, however many rows become due one after the other
TIDY_EVERY_S = 4.0  # D1: what is pending is skipped within 5 s
RUN_JOBS_EVERY_S = 5.0
CHECK_VERSION_EVERY_S = 5.0  # O5: a migration that this program does not understand waits longer
FIRST_RUN_AFTER_S = 0.5  # requests come first when a server starts
PAUSE_AFTER_FAILURE_S = 1.0

_logger = logging.getLogger(__name__)


class WakeUp:
    """Wake sleeping threads one by one. Wake-ups while none sleeps are remembered, at most one per thread."""

    def __init__(self, threads: int) -> None:
        self._changed = threading.Condition()
        self._wakeups = 0
        self._threads = threads

    def notify(self) -> None:
        """Wake one thread to check for work."""
        with self._changed:
            self._wakeups = min(self._wakeups + 1, self._threads)
            self._changed.notify()

    def notify_all(self) -> None:
        """Wake all threads to check for work."""
        with self._changed:
            self._wakeups = self._threads
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> None:
        """Sleep until notified, at most `timeout_s`."""
        with self._changed:
            self._changed.wait_for(lambda: self._wakeups, timeout_s)
            self._wakeups = max(self._wakeups - 1, 0)


class Worker:
    """The threads that process events and send messages, until `stop`.

    `on_outdated` is called when a newer release has migrated the database beyond this one.
    """

    def __init__(
        self,
        *,
        event_services: process_event.Services,
        message_services: Callable[[Callable[[float], bool]], deliver.Services],
        event_threads: int,
        now: Callable[[], datetime],
        heart: heartbeat.Heartbeat,
        jobs: Sequence[periodic.PeriodicJob] = (),
        on_outdated: Callable[[], None] = lambda: None,
    ) -> None:
        self.outdated: errors.SchemaTooNew | None = None
        self._on_outdated = on_outdated
        self.events, self.messages = WakeUp(event_threads), WakeUp(SENDERS)
        self._is_busy = False
        self._poll_after_s = POLL_EVERY_S
        self._on_hold: tuple[bool, ...] = (False, False)
        self._jobs = jobs
        self._stopping = threading.Event()
        self._now, self._clocks = now, event_services.clocks
        working = replace(event_services, claimed=self.events.notify)
        sending = replace(message_services(self._pause), claimed=self.messages.notify)
        self._threads = [
            *(
                self._thread(f"events-{number}", self._work, lambda: self._event(working), self.events)
                for number in range(1, event_threads + 1)
            ),
            *(
                self._thread(f"messages-{number}", self._work, lambda: deliver.send_next(sending), self.messages)
                for number in range(1, SENDERS + 1)
            ),
            self._thread("look", self._poll_loop),
            self._thread("heartbeat", self._repeat, heartbeat.LOOK_EVERY_S, heart.look),
            self._thread("tidy", self._repeat, TIDY_EVERY_S, self._tidy),
            self._thread("version", self._repeat, CHECK_VERSION_EVERY_S, self._check_version),
            *(self._thread(job.name, self._repeat, RUN_JOBS_EVERY_S, job.run_if_due) for job in jobs),
        ]

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Finish work in progress and end all threads; return False if some did not end in time (O4)."""
        self._stopping.set()
        for job in self._jobs:
            job.stop()
        for _ in self._threads:
            self.events.notify()
            self.messages.notify()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            if thread.ident:  # one that could not be started cannot be joined
                thread.join(max(deadline - time.monotonic(), 0))
        return not self.alive()

    def alive(self) -> list[str]:
        """Return the names of the running threads."""
        return [thread.name for thread in self._threads if thread.is_alive()]

    def dead(self) -> list[str]:
        """Return the names of the threads that should run but do not (O2)."""
        return [] if self._stopping.is_set() else [t.name for t in self._threads if t.ident and not t.is_alive()]

    def failing_services(self) -> set[str]:
        """Return the external services that periodic jobs failed at when they last ran (O2)."""
        return {job.failing_service for job in self._jobs if job.failing_service}

    def is_busy(self) -> bool:
        """Return whether an event or a message was due at the last poll; syncs then yield (S)."""
        return self._is_busy

    def _thread(self, name: str, target: Callable[..., None], *arguments: object) -> threading.Thread:
        return threading.Thread(target=target, args=arguments, name=name, daemon=True)

    def _event(self, services: process_event.Services) -> bool:
        worked = process_event.process_next(services)
        if worked:
            self.messages.notify()
        return worked

    def _work(self, step: Callable[[], bool], wake_up: WakeUp) -> None:
        while not self._stopping.is_set():
            if not self._run_step(step):
                wake_up.wait(MAX_SLEEP_S)

    def _repeat(self, seconds: float, step: Callable[[], object]) -> None:
        wait_s = min(FIRST_RUN_AFTER_S, seconds)
        while not self._stopping.wait(wait_s):
            self._run_step(step)
            wait_s = seconds

    def _run_step(self, step: Callable[[], object]) -> bool:
        try:
            return bool(step())
        except errors.Unreachable as error:
            _logger.warning("%s", error)
        except Exception:
            _logger.exception("a bug in tbot; the thread continues")
        self._stopping.wait(PAUSE_AFTER_FAILURE_S)
        return False

    def _poll_loop(self) -> None:
        while not self._stopping.wait(self._poll_after_s):
            self._poll_after_s = POLL_EVERY_S
            self._run_step(self._poll)

    def _poll(self) -> None:
        now = self._now()
        with db.session():
            queues = due_times.read(now)
        self._is_busy = any(queue.due_at is not None and queue.due_at <= now for queue in queues)
        moments = [moment for queue in queues if queue.due_at for moment in (queue.due_at, queue.held_until) if moment]
        # To the moment: many may wait for the end of a hold, and unused Webex allowance is lost.
        soonest_s = [(moment - now).total_seconds() for moment in moments if moment > now]
        longest_s = POLL_BUSY_EVERY_S if moments else POLL_EVERY_S
        self._poll_after_s = max(min([*soonest_s, longest_s]), POLL_PAUSE_S)
        on_hold = tuple(queue.held_until is not None for queue in queues)
        for queue, is_held, was_held, wake_up in zip(
            queues, on_hold, self._on_hold, (self.events, self.messages), strict=True
        ):
            if queue.due_at is not None and queue.due_at <= now and not is_held:
                (wake_up.notify_all if was_held else wake_up.notify)()
        self._on_hold = on_hold

    def _tidy(self) -> None:
        if outbox_upkeep.tidy_outbox(self._now(), give_up_until=self._clocks.give_up_until()):
            self.messages.notify()

    def _check_version(self) -> None:
        """Call `on_outdated` once when the database no longer supports this program (O5); `outdated` is the reason."""
        try:
            schema.check_program(is_migrated=True)
        except errors.SchemaTooNew as error:
            if self.outdated is None:
                self.outdated = error
                self._on_outdated()

    def _pause(self, seconds: float) -> bool:
        return not self._stopping.wait(seconds)
