"""Posting callbacks as ConnectWise does: signed, side by side, with its own idea of what to retry."""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import itertools
import random
import threading
import time
from collections.abc import Callable
from datetime import datetime

import msgspec
import requests

# Developer Guide: the receiver has 5 s; only these answers are retried, 2 s and then 4 s later; anything
# else but a 2xx is lost.
TIMEOUT_S = 5.0
RETRIED = frozenset({404, 409, 419, 429})
RETRY_DELAYS_S = (2.0, 4.0)


def sign(signing_key: str, body: bytes) -> str:
    """Return the `x-content-signature` of the raw `body` (reference section 4.3)."""
    key = hashlib.sha256(signing_key.encode()).digest()
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()


class NetworkFaults(msgspec.Struct, kw_only=True):
    """What may happen to hooks on the way, each as a probability; the seed makes it repeatable."""

    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    max_delay_s: float = 1.0
    reorder: float = 0.0  # held back until the next hook has gone out
    seed: int = 0


class Hook(msgspec.Struct, kw_only=True):
    """One hook to send."""

    callback_id: int
    url: str
    ticket_id: int
    action: str
    message_id: str
    body: bytes
    signature: str


class Sent(msgspec.Struct, kw_only=True):
    """One try to send a hook; `status` is 0 when no answer came, or when mischief dropped it."""

    callback_id: int
    ticket_id: int
    action: str
    message_id: str
    attempt: int
    at: datetime
    status: int = 0
    error: str = ""

    @property
    def ok(self) -> bool:
        """Return whether the receiver acknowledged the hook."""
        return 200 <= self.status < 300


class Sender:
    """Sends hooks from background threads, which start with the first hook.

    `time_scale` stretches or shrinks retry delays and mischief, not the receiver's 5 s.
    """

    def __init__(self, now: Callable[[], datetime], on_sent: Callable[[Sent], None], *, threads: int = 8) -> None:
        self.time_scale = 1.0
        self._now = now
        self._on_sent = on_sent
        self._threads = threads
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, int, Hook]] = []  # when, tie-breaker, attempt, hook
        self._order = itertools.count()
        self._held: list[Hook] = []
        self._in_flight = 0
        self._started = self._stopped = False
        self._log: list[Sent] = []
        self.inject_faults(NetworkFaults())

    def inject_faults(self, mischief: NetworkFaults) -> None:
        """Replace the delivery faults and restart their random seed."""
        self._mischief = mischief
        self._random = random.Random(mischief.seed)  # noqa: S311 - replayable chaos, no secret

    def post(self, hook: Hook) -> None:
        """Send `hook` soon, or what mischief makes of it. Returns at once."""
        with self._changed:
            mischief = self._mischief
            if self._chance(mischief.drop):
                self._log.append(self._tried(hook, 0, error="dropped on purpose"))
                return
            overtaken, self._held = self._held, []
            if self._chance(mischief.reorder):
                self._held = [hook]
            else:
                self._push(hook, self._delay())
            if self._chance(mischief.duplicate):
                self._push(hook, self._delay())
            for late in overtaken:
                self._push(late, 0)
            self._start()
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float = 30.0) -> bool:
        """Wait until nothing is under way, retries included; False when that takes longer.

        A hook that is held back, to come after the next, is let go.
        """
        with self._changed:
            for hook in self._held:
                self._push(hook, 0)
            self._held = []
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._due and not self._in_flight, timeout_s)

    def log(self) -> list[Sent]:
        """Return every try so far, in the order they ended."""
        with self._changed:
            return list(self._log)

    def stop(self) -> None:
        """Send nothing more; what is under way ends by itself."""
        with self._changed:
            self._stopped = True
            self._due.clear()
            self._changed.notify_all()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            for number in range(self._threads):
                threading.Thread(target=self._work, name=f"hooks-{number}", daemon=True).start()

    def _push(self, hook: Hook, delay_s: float, attempt: int = 1) -> None:
        when = time.monotonic() + delay_s * self.time_scale
        heapq.heappush(self._due, (when, next(self._order), attempt, hook))

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability

    def _delay(self) -> float:
        late = self._chance(self._mischief.delay)
        return self._random.uniform(0, self._mischief.max_delay_s) if late else 0

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of this machine has no part in this
            while taken := self._take():
                attempt, hook = taken
                sent = self._send(session, hook, attempt)
                with self._changed:
                    self._log.append(sent)
                    if sent.status in RETRIED and attempt <= len(RETRY_DELAYS_S) and not self._stopped:
                        self._push(hook, RETRY_DELAYS_S[attempt - 1], attempt + 1)
                self._on_sent(sent)
                with self._changed:
                    self._in_flight -= 1
                    self._changed.notify_all()

    def _take(self) -> tuple[int, Hook] | None:
        """Wait for the next hook that is due; None when sending is over."""
        with self._changed:
            while not self._stopped:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    _, _, attempt, hook = heapq.heappop(self._due)
                    self._in_flight += 1
                    return attempt, hook
                self._changed.wait(wait_s)
            return None

    def _send(self, session: requests.Session, hook: Hook, attempt: int) -> Sent:
        headers = {"Content-Type": "application/json", "x-content-signature": hook.signature}
        try:
            answer = session.post(hook.url, data=hook.body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as failure:
            return self._tried(hook, attempt, error=type(failure).__name__)
        return self._tried(hook, attempt, status=answer.status_code)

    def _tried(self, hook: Hook, attempt: int, *, status: int = 0, error: str = "") -> Sent:
        return Sent(
            callback_id=hook.callback_id,
            ticket_id=hook.ticket_id,
            action=hook.action,
            message_id=hook.message_id,
            attempt=attempt,
            at=self._now(),
            status=status,
            error=error,
        )
