"""Send webhooks as ConnectWise does, record what was acknowledged, and forge webhooks as an attacker would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import queue
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

TIMEOUT_S = 5.0
RETRIED = (404, 409, 419, 429)  # ConnectWise retries these, after 2 s and then 4 s, and drops everything else
RETRY_DELAYS_S = (2.0, 4.0)
RESEND_EVERY_S = 0.4
CONNECTIONS = 8

Address = tuple[str, int]


@dataclass
class Site:
    """The simulated ConnectWise as its webhooks present it, and how it signs them."""

    url: str
    company: str
    signing_key: str
    key_url: str

    def body(
        self, ticket_id: int, action: str, *, message_id: str, is_project: bool = False, key_url: str = ""
    ) -> bytes:
        """Return the body of a webhook; the entity holds only what Ticketbot reads of it."""
        entity = json.dumps({"id": ticket_id, "recordType": "ProjectTicket" if is_project else "ServiceTicket"})
        return json.dumps(
            {
                "MessageId": message_id, "FromUrl": self.url, "CompanyId": self.company, "MemberId": "zadmin",
                "Action": action, "Type": "ticket", "ID": ticket_id, "ProductInstanceId": None, "PartnerId": None,
                "Entity": None if action == "deleted" else entity,
                "Metadata": {"key_url": key_url or self.key_url}, "CallbackObjectRecId": 26001,
            }
        ).encode()  # fmt: skip

    def sign(self, body: bytes, key: str = "") -> str:
        """Return the signature of the raw body."""
        digest = hmac.new(hashlib.sha256((key or self.signing_key).encode()).digest(), body, hashlib.sha256)
        return base64.b64encode(digest.digest()).decode()


@dataclass
class Webhook:
    """One webhook to send."""

    body: bytes
    signature: str | None
    message_id: str = ""
    guaranteed: bool = False  # resent until acknowledged, as if ConnectWise never dropped one
    forged: bool = False
    attempts: int = 0


@dataclass
class DeliveryLog:
    """How all webhooks were answered: the first of the three sources that the checker compares."""

    responses: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)  # message ids
    replayed: int = 0
    problems: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


class WebhookSender:
    """Sends webhooks over keep-alive connections to the servers that are up, as a load balancer would."""

    def __init__(self, addresses: Callable[[], list[Address]], seed: int) -> None:
        self.log = DeliveryLog()
        self._addresses = addresses
        self._random = random.Random(f"{seed}/sender")
        self._lock = threading.Lock()
        self._due: queue.PriorityQueue[tuple[float, int, Webhook]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._in_flight = 0
        self._closing = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def send(self, webhook: Webhook, delay_s: float = 0.0) -> None:
        """Send a webhook after `delay_s`."""
        with self._lock:
            self._in_flight += 1
        self._due.put((time.monotonic() + delay_s, next(self._order), webhook))

    def is_idle(self) -> bool:
        """Return whether every webhook was acknowledged or dropped."""
        return self._in_flight == 0

    def backlog(self) -> int:
        """Return the number of webhooks in flight."""
        return self._in_flight

    def close(self) -> None:
        """Stop sending."""
        self._closing = True
        for thread in self._threads:
            thread.join(TIMEOUT_S + 1)

    def _work(self) -> None:
        connections: dict[Address, http.client.HTTPConnection] = {}
        while not self._closing:
            try:
                due, number, webhook = self._due.get(timeout=0.2)
            except queue.Empty:
                continue
            wait_s = due - time.monotonic()
            if wait_s > 0:
                self._due.put((due, number, webhook))
                time.sleep(min(wait_s, 0.01))
                continue
            if not self._addresses():
                self._due.put((time.monotonic() + 0.05, number, webhook))  # no server is up
                continue
            retry_in_s = self._record_response(webhook, *self._send_once(webhook, connections))
            if retry_in_s is None:
                with self._lock:
                    self._in_flight -= 1
            else:
                self._due.put((time.monotonic() + retry_in_s, next(self._order), webhook))

    def _send_once(self, webhook: Webhook, connections: dict[Address, http.client.HTTPConnection]) -> tuple[int, str]:
        """Send once and return status and body; the status is 0 without a response, -1 if nothing was sent."""
        addresses = self._addresses()
        if not addresses:
            return -1, ""
        address = self._random.choice(addresses)
        connection = connections.pop(address, None) or http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        if webhook.signature is not None:
            headers["x-content-signature"] = webhook.signature
        webhook.attempts += 1
        started = time.monotonic()
        is_sent = False
        try:
            if connection.sock is None:
                connection.connect()
            is_sent = True
            connection.request("POST", "/hooks/cw/tickets?recordId=1&action=updated", webhook.body, headers)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            connection.close()
            return (0 if is_sent else -1), ""
        connections[address] = connection
        self.log.slowest_s = max(self.log.slowest_s, time.monotonic() - started)
        return response.status, text

    def _record_response(self, webhook: Webhook, status: int, text: str) -> float | None:
        """Record the response and return the seconds until the webhook is resent; None for never."""
        with self._lock:
            self.log.responses[str(status) if status > 0 else "no response" if status == 0 else "refused"] += 1
            if "Traceback" in text or "peewee" in text or "psycopg" in text or status >= 500:
                self.log.problems.append(f"no-leaks: a webhook was answered {status}: {text[:200]}")
            if webhook.forged:
                if 200 <= status < 300:
                    self.log.problems.append(f"W1: a forged webhook was answered {status}: {text[:200]}")
                return None
            if 200 <= status < 300:
                self._record_acknowledgment(webhook, text)
                return None
            if status in (400, 401, 413):
                self.log.problems.append(f"W1: a genuine webhook was answered {status}: {text[:200]}")
        if webhook.guaranteed:
            return RESEND_EVERY_S
        if status in RETRIED and webhook.attempts <= len(RETRY_DELAYS_S):
            return RETRY_DELAYS_S[webhook.attempts - 1]
        return None

    def _record_acknowledgment(self, webhook: Webhook, text: str) -> None:
        status = json.loads(text)["status"]
        if status == "accepted":
            if webhook.message_id in self.log.accepted:
                self.log.problems.append(f"W4: message {webhook.message_id} was accepted twice")
            self.log.accepted.add(webhook.message_id)
        elif status == "replayed":
            self.log.replayed += 1
        else:
            self.log.problems.append(f"W6: a webhook was answered {status!r}")


def forged_webhook(site: Site, rng: random.Random, attacker_key_url: str) -> Webhook:
    """Return a webhook that every server must refuse, about a ticket that does not exist."""
    ticket = 9_000_000 + rng.randrange(1000)
    genuine = site.body(ticket, "updated", message_id=str(uuid.UUID(int=rng.getrandbits(128))))
    attacker = site.body(ticket, "updated", message_id="x", key_url=attacker_key_url)
    userinfo = site.body(ticket, "updated", message_id="x", key_url=site.key_url.replace("://", "://attacker@"))
    other_key_url = site.key_url.replace(f"companyName={site.company}", "companyName=othermsp")
    other_tenant = site.body(ticket, "updated", message_id="x", key_url=other_key_url)
    body, signature = rng.choice(
        [
            (genuine, site.sign(genuine, "somebody else's key")),
            (genuine, None),
            (genuine, ""),
            (genuine, "ä" * 10),
            (genuine + b" ", site.sign(genuine)),
            (attacker, site.sign(attacker, "attacker-key")),
            (userinfo, site.sign(userinfo)),
            (other_tenant, site.sign(other_tenant)),
            (b"[1, 2", site.sign(b"[1, 2")),
            (b"[" * 5000, "x"),
            (b'{"Metadata": {"key_url": 5}}', "x"),
            (b"x" * 1_100_000, "x"),
            (b"\xff\xfe", site.sign(b"\xff\xfe")),
        ]
    )
    return Webhook(body, signature, forged=True)
