"""Post hooks as ConnectWise does, remember what was acknowledged, and try what strangers would try."""

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
RETRIED = (404, 409, 419, 429)  # ConnectWise tries these again, 2 s and then 4 s later, and loses everything else
RETRY_DELAYS_S = (2.0, 4.0)
INSIST_EVERY_S = 0.4
CONNECTIONS = 8

Address = tuple[str, int]


@dataclass
class Site:
    """How the simulated ConnectWise signs."""

    url: str
    company: str
    signing_key: str
    key_url: str

    def body(
        self, ticket_id: int, action: str, *, message_id: str, is_project: bool = False, key_url: str = ""
    ) -> bytes:
        """Build what ConnectWise would send; of the entity only the kind is read."""
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
class Hook:
    """One hook on its way."""

    body: bytes
    signature: str | None
    message_id: str = ""
    insist: bool = False  # sent until it is acknowledged, as by a ConnectWise that never loses one
    forged: bool = False
    attempts: int = 0


@dataclass
class Post:
    """What became of all hooks: the first of the three sources the invariants are checked from."""

    answers: Counter[str] = field(default_factory=Counter)
    accepted: set[str] = field(default_factory=set)  # message ids
    replayed: int = 0
    unclear: int = 0  # sent, and no answer came: perhaps committed
    problems: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


class WebhookSender:
    """Posts hooks over kept connections, to whichever servers there are."""

    def __init__(self, addresses: Callable[[], list[Address]], seed: int) -> None:
        self.post = Post()
        self.insisting = 0
        self._addresses = addresses
        self._random = random.Random(f"{seed}/postman")
        self._lock = threading.Lock()
        self._due: queue.PriorityQueue[tuple[float, int, Hook]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._open = 0
        self._closing = False
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CONNECTIONS)]
        for thread in self._threads:
            thread.start()

    def send(self, hook: Hook, delay_s: float = 0.0) -> None:
        """Send a hook after a while."""
        with self._lock:
            self._open += 1
        self._due.put((time.monotonic() + delay_s, next(self._order), hook))

    def is_idle(self) -> bool:
        """Return whether everything was acknowledged or given up."""
        return self._open == 0

    def backlog(self) -> int:
        """Return how many hooks are under way."""
        return self._open

    def close(self) -> None:
        """Send nothing more."""
        self._closing = True
        for thread in self._threads:
            thread.join(TIMEOUT_S + 1)

    def _work(self) -> None:
        connections: dict[Address, http.client.HTTPConnection] = {}
        while not self._closing:
            try:
                due, number, hook = self._due.get(timeout=0.2)
            except queue.Empty:
                continue
            wait_s = due - time.monotonic()
            if wait_s > 0:
                self._due.put((due, number, hook))
                time.sleep(min(wait_s, 0.01))
                continue
            if not self._addresses():
                self._due.put((time.monotonic() + 0.05, number, hook))  # the load balancer has nobody to send it to
                continue
            again_s = self._judge(hook, *self._try(hook, connections))
            if again_s is None:
                with self._lock:
                    self._open -= 1
            else:
                self._due.put((time.monotonic() + again_s, next(self._order), hook))

    def _try(self, hook: Hook, connections: dict[Address, http.client.HTTPConnection]) -> tuple[int, str]:
        """Post once. Returns the status and the body; status 0 without an answer, -1 when nothing was sent."""
        there = self._addresses()
        if not there:
            return -1, ""
        address = self._random.choice(there)
        connection = connections.pop(address, None) or http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
        headers = {"Content-Type": "application/json"}
        if hook.signature is not None:
            headers["x-content-signature"] = hook.signature
        hook.attempts += 1
        started = time.monotonic()
        is_sent = False
        try:
            if connection.sock is None:
                connection.connect()
            is_sent = True
            connection.request("POST", "/hooks/cw/tickets?recordId=1&action=updated", hook.body, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            connection.close()
            return (0 if is_sent else -1), ""
        connections[address] = connection
        self.post.slowest_s = max(self.post.slowest_s, time.monotonic() - started)
        return answer.status, text

    def _judge(self, hook: Hook, status: int, text: str) -> float | None:
        """Write down the answer. Returns in how many seconds the hook is sent again, None for never."""
        with self._lock:
            self.post.answers[str(status) if status > 0 else "no answer" if status == 0 else "refused"] += 1
            if "Traceback" in text or "peewee" in text or "psycopg" in text or status >= 500:
                self.post.problems.append(f"no-leaks: a hook was answered {status}: {text[:200]}")
            if hook.forged:
                if 200 <= status < 300:
                    self.post.problems.append(f"W1: a forged hook was answered {status}: {text[:200]}")
                return None
            if 200 <= status < 300:
                self._acknowledged(hook, text)
                return None
            if status == 0:
                self.post.unclear += 1
            elif status in (400, 401, 413):
                self.post.problems.append(f"W1: a good hook was answered {status}: {text[:200]}")
        if hook.insist:
            return INSIST_EVERY_S
        if status in RETRIED and hook.attempts <= len(RETRY_DELAYS_S):
            return RETRY_DELAYS_S[hook.attempts - 1]
        return None

    def _acknowledged(self, hook: Hook, text: str) -> None:
        status = json.loads(text)["status"]
        if status == "accepted":
            if hook.message_id in self.post.accepted:
                self.post.problems.append(f"W4: message {hook.message_id} was accepted twice")
            self.post.accepted.add(hook.message_id)
        elif status == "replayed":
            self.post.replayed += 1
        else:
            self.post.problems.append(f"W6: a hook was answered {status!r}")


def forged(site: Site, chance: random.Random, trap_url: str) -> Hook:
    """Return a hook that no server may believe; its ticket is one that does not exist."""
    ticket = 9_000_000 + chance.randrange(1000)
    good = site.body(ticket, "updated", message_id=str(uuid.UUID(int=chance.getrandbits(128))))
    trap = site.body(ticket, "updated", message_id="x", key_url=trap_url)
    userinfo = site.body(ticket, "updated", message_id="x", key_url=site.key_url.replace("://", "://trap@"))
    other = site.key_url.replace(f"companyName={site.company}", "companyName=othermsp")
    tenant = site.body(ticket, "updated", message_id="x", key_url=other)
    body, signature = chance.choice(
        [
            (good, site.sign(good, "a key of somebody else")),
            (good, None),
            (good, ""),
            (good, "ä" * 10),
            (good + b" ", site.sign(good)),
            (trap, site.sign(trap, "key of the trap")),
            (userinfo, site.sign(userinfo)),
            (tenant, site.sign(tenant)),
            (b"[1, 2", site.sign(b"[1, 2")),
            (b"[" * 5000, "x"),
            (b'{"Metadata": {"key_url": 5}}', "x"),
            (b"x" * 1_100_000, "x"),
            (b"\xff\xfe", site.sign(b"\xff\xfe")),
        ]
    )
    return Hook(body, signature, forged=True)
