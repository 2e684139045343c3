"""Send webhooks as ConnectWise does: signed, in parallel, and retried by its rules."""

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

# Developer Guide: the receiver has 5 s; only these statuses are retried, after 2 s and then 4 s; anything else but a
# 2xx is dropped.
TIMEOUT_S = 5.0
RETRIED = frozenset({404, 409, 419, 429})
RETRY_DELAYS_S = (2.0, 4.0)


def sign(signing_key: str, body: bytes) -> str:
    """Return the `x-content-signature` of the raw `body` (reference section 4.3)."""
    key = hashlib.sha256(signing_key.encode()).digest()
    return base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()


class NetworkFaults(msgspec.Struct, kw_only=True):
    """Probabilities of delivery faults; the seed makes them repeatable."""

    drop: float = 0.0
    duplicate: float = 0.0
    delay: float = 0.0
    max_delay_s: float = 1.0
    reorder: float = 0.0  # held back until the next webhook is sent
    seed: int = 0


class Webhook(msgspec.Struct, kw_only=True):
    """One webhook to send."""

    callback_id: int
    url: str
    ticket_id: int
    action: str
    message_id: str
    body: bytes
    signature: str


class Delivery(msgspec.Struct, kw_only=True):
    """One attempt to deliver a webhook; `status` is 0 without a response, and if a network fault dropped it."""

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
        """Return whether the receiver acknowledged the webhook."""
        return 200 <= self.status < 300


class Sender:
    """Sends webhooks from background threads, which start with the first webhook.

    `time_scale` scales the delays of retries and network faults, but not the receiver's 5 s.
    """

    def __init__(
        self, now: Callable[[], datetime], on_delivery: Callable[[Delivery], None], *, threads: int = 8
    ) -> None:
        self.time_scale = 1.0
        self._now = now
        self._on_delivery = on_delivery
        self._threads = threads
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, int, Webhook]] = []  # when, tie-breaker, attempt, webhook
        self._order = itertools.count()
        self._held: list[Webhook] = []
        self._in_flight = 0
        self._started = self._stopped = False
        self._log: list[Delivery] = []
        self.inject_faults(NetworkFaults())

    def inject_faults(self, network_faults: NetworkFaults) -> None:
        """Replace the network faults and restart from their seed."""
        self._network_faults = network_faults
        self._random = random.Random(network_faults.seed)  # noqa: S311 - repeatable, not secret

    def post(self, webhook: Webhook) -> None:
        """Queue `webhook` for sending, subject to the network faults."""
        with self._changed:
            network_faults = self._network_faults
            if self._chance(network_faults.drop):
                self._log.append(self._delivery(webhook, 0, error="dropped on purpose"))
                return
            overtaken, self._held = self._held, []
            if self._chance(network_faults.reorder):
                self._held = [webhook]
            else:
                self._push(webhook, self._delay())
            if self._chance(network_faults.duplicate):
                self._push(webhook, self._delay())
            for held in overtaken:
                self._push(held, 0)
            self._start()
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float = 30.0) -> bool:
        """Wait until nothing is in flight, retries included; return False after the timeout.

        Webhooks that are held back by `reorder` are sent.
        """
        with self._changed:
            for webhook in self._held:
                self._push(webhook, 0)
            self._held = []
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._due and not self._in_flight, timeout_s)

    def log(self) -> list[Delivery]:
        """Return every attempt so far, in order of completion."""
        with self._changed:
            return list(self._log)

    def stop(self) -> None:
        """Stop sending; requests in flight still complete."""
        with self._changed:
            self._stopped = True
            self._due.clear()
            self._changed.notify_all()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            for number in range(self._threads):
                threading.Thread(target=self._work, name=f"webhooks-{number}", daemon=True).start()

    def _push(self, webhook: Webhook, delay_s: float, attempt: int = 1) -> None:
        when = time.monotonic() + delay_s * self.time_scale
        heapq.heappush(self._due, (when, next(self._order), attempt, webhook))

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self._random.random() < probability

    def _delay(self) -> float:
        is_late = self._chance(self._network_faults.delay)
        return self._random.uniform(0, self._network_faults.max_delay_s) if is_late else 0

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # ignore proxy settings of the environment
            while due := self._next_due():
                attempt, webhook = due
                delivery = self._send(session, webhook, attempt)
                with self._changed:
                    self._log.append(delivery)
                    if delivery.status in RETRIED and attempt <= len(RETRY_DELAYS_S) and not self._stopped:
                        self._push(webhook, RETRY_DELAYS_S[attempt - 1], attempt + 1)
                self._on_delivery(delivery)
                with self._changed:
                    self._in_flight -= 1
                    self._changed.notify_all()

    def _next_due(self) -> tuple[int, Webhook] | None:
        """Wait for the next due webhook; return None once stopped."""
        with self._changed:
            while not self._stopped:
                wait_s = self._due[0][0] - time.monotonic() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    _, _, attempt, webhook = heapq.heappop(self._due)
                    self._in_flight += 1
                    return attempt, webhook
                self._changed.wait(wait_s)
            return None

    def _send(self, session: requests.Session, webhook: Webhook, attempt: int) -> Delivery:
        headers = {"Content-Type": "application/json", "x-content-signature": webhook.signature}
        try:
            response = session.post(
                webhook.url, data=webhook.body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as failure:
            return self._delivery(webhook, attempt, error=type(failure).__name__)
        return self._delivery(webhook, attempt, status=response.status_code)

    def _delivery(self, webhook: Webhook, attempt: int, *, status: int = 0, error: str = "") -> Delivery:
        return Delivery(
            callback_id=webhook.callback_id,
            ticket_id=webhook.ticket_id,
            action=webhook.action,
            message_id=webhook.message_id,
            attempt=attempt,
            at=self._now(),
            status=status,
            error=error,
        )
