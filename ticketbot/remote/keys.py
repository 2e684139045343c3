"""Verify a webhook's signature without trusting anything it says about its key (W1, W2).

The address of the signing key comes from the very body whose signature it is to verify. So it is fetched only from the
configured ConnectWise site, seldom, briefly, and never through a redirect.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import http.client
import json
import logging
import socket
import ssl
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from urllib.parse import urlsplit

import msgspec
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ticketbot import errors, failpoints
from ticketbot.remote import key_address

KEPT_S = 3600.0
FAILURE_KEPT_S = 60.0
REFETCH_AFTER_MISMATCH_S = 60.0
FETCHES_PER_MINUTE = 10
FETCHES_AT_ONCE = 2
TIMEOUT_S = 3.0
RETRY_AFTER_S = 2  # ConnectWise tries again after 2 s and after 4 s more, whatever we say
MAX_BYTES = 64 * 1024
MAX_KEYS = 100  # one tenant has one key, seldom two; the rest is what strangers make us remember

# For a longer piece hashlib lets go of the interpreter's lock, and in a burst it takes longer to get that back than to
# compute: a tenth of what a hook costs (B1).
_PIECE = 2047

_logger = logging.getLogger(__name__)


class _Entry(msgspec.Struct):
    key: bytes | None  # None: it has never been had
    asked_at: float
    error: str = ""  # why it was not had the last time
    is_proven: bool = False  # has verified a hook

    def is_due(self, now: float, max_age_s: float) -> bool:
        """Tell whether it is time to ask again; what failed is asked for again soon."""
        return now - self.asked_at >= (min(max_age_s, FAILURE_KEPT_S) if self.error else max_age_s)


class SigningKeys:
    """The signing keys of one ConnectWise site; shared by all threads of the server.

    `company` is the login company, `cw_url` the configured API host, `key_hosts` further `host` or `host:port` names.
    """

    def __init__(
        self,
        *,
        cw_url: str,
        company: str,
        key_hosts: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = TIMEOUT_S,
        on_call: Callable[[str, str, str, float], None] | None = None,
    ) -> None:
        self._company = company
        addresses = key_address.KeyAddresses(cw_url=cw_url, company=company, key_hosts=key_hosts)
        self._address = functools.lru_cache(MAX_KEYS)(addresses.check)  # what is refused is not kept
        self._clock = clock
        self._timeout_s = timeout_s
        self._on_call = on_call or (lambda *_: None)
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._fetches: deque[float] = deque()
        self._changed = threading.Condition()
        self._under_way: set[str] = set()

    def verify(self, *, body: bytes, signature: str, key_url: str, company: str) -> None:
        """Return when the signature of the raw body is ConnectWise's and the hook is of our company.

        Raises `NotAllowed` when it is not, `TooMany` when the key is not to be had now.
        """
        address = self._address(key_url)
        if company.lower() != self._company.lower():
            raise errors.NotAllowed("The webhook is of another company")
        # A signature that does not match may belong to a new key: a reason to ask for it, once a minute at most.
        for max_age_s in (KEPT_S, REFETCH_AFTER_MISMATCH_S):
            entry = self._entry(address, max_age_s)
            if entry.key is None:
                raise errors.TooMany("The signing key cannot be had now; the log has why", retry_after_s=RETRY_AFTER_S)
            if _matches(entry.key, body, signature):
                entry.is_proven = True
                return
        raise errors.NotAllowed("The signature of the webhook does not verify")

    def _entry(self, address: str, max_age_s: float) -> _Entry:
        """Return what is known of a key, asked for anew when that was done longer ago.

        One that has verified serves on while it is asked for, and when it is not to be had. Raises `TooMany` when
        nothing is known and nobody may ask now.
        """
        with self._changed:
            known = self._entries.get(address)
            if known is None or not known.is_proven or max_age_s < KEPT_S:
                self._changed.wait_for(lambda: address not in self._under_way, self._timeout_s)
                known = self._entries.get(address)
            if known is not None and not known.is_due(self._clock(), max_age_s):
                return known
            if not self._takes_turn(address):
                if known is not None and known.is_proven:
                    return known
                raise errors.TooMany("Too many signing keys are asked for", retry_after_s=RETRY_AFTER_S)
        try:
            entry = self._asked(address, known)
            self._remember(address, entry)
        finally:
            with self._changed:
                self._under_way.discard(address)
                self._changed.notify_all()
        return entry

    def _takes_turn(self, address: str) -> bool:
        now = self._clock()
        while self._fetches and now - self._fetches[0] >= 60.0:
            self._fetches.popleft()
        if address in self._under_way or len(self._under_way) >= FETCHES_AT_ONCE:
            return False
        if len(self._fetches) >= FETCHES_PER_MINUTE:
            return False
        self._fetches.append(now)
        self._under_way.add(address)
        return True

    def _asked(self, address: str, known: _Entry | None) -> _Entry:
        is_proven = known is not None and known.is_proven
        try:
            return _Entry(self._fetch(address), self._clock(), is_proven=is_proven)
        except errors.RemoteError as error:
            _logger.warning("%s", error)
            return _Entry(known.key if known and is_proven else None, self._clock(), str(error), is_proven)

    def _fetch(self, address: str) -> bytes:
        started = time.monotonic()
        status = "error"
        failpoints.passing("connectwise.before")
        try:
            with self._answer(address, started) as answer:
                content = answer.read(MAX_BYTES + 1)
                status = str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            is_late = time.monotonic() - started >= self._timeout_s
            raise _unusable(f"no answer within {self._timeout_s:g} s" if is_late else type(error).__name__) from error
        finally:
            failpoints.passing("connectwise.after")
            self._on_call("connectwise", "signing-key", status, time.monotonic() - started)
        if status != "200":
            raise _unusable(f"HTTP {status}")
        return _signing_key(content)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)  # reading them takes a tenth of a start

    @contextmanager
    def _answer(self, address: str, started: float) -> Iterator[http.client.HTTPResponse]:
        """Ask with nothing but what the address says: no redirect, proxy, cookie or credential."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        with closing(
            http.client.HTTPSConnection(host, parts.port, timeout=self._timeout_s, context=self._tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=self._timeout_s)
        ) as connection:
            connection.connect()
            # The timeout of a socket starts anew with every byte, so a trickle is cut off from outside.
            alarm = threading.Timer(self._timeout_s - (time.monotonic() - started), _hang_up, [connection.sock])
            alarm.daemon = True
            alarm.start()
            try:
                connection.request("GET", f"{parts.path}?{parts.query}", headers={"User-Agent": "ticketbot"})
                yield connection.getresponse()
            finally:
                alarm.cancel()

    def _remember(self, address: str, entry: _Entry) -> None:
        with self._changed:
            self._entries[address] = entry
            self._entries.move_to_end(address)
            for key in [key for key, each in self._entries.items() if not each.is_proven][:-MAX_KEYS]:
                del self._entries[key]


def _matches(key: bytes, body: bytes, signature: str) -> bool:
    """Compare in constant time with base64(HMAC-SHA256(SHA256(key), body)), as the vendor's sample computes it."""
    mac = hmac.new(hashlib.sha256(key).digest(), digestmod="sha256")
    for start in range(0, len(body), _PIECE):
        mac.update(body[start : start + _PIECE])
    return hmac.compare_digest(base64.b64encode(mac.digest()), signature.strip().encode("utf-8", "replace"))


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(
            connection, socket.SHUT_RDWR
        )  # not SSLSocket's own, which would pull TLS from the reader


def _signing_key(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise _unusable("an answer of over 64 KiB")
    try:
        key: bytes = json.loads(content)["signing_key"].encode()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        key = b""
    if not key:
        raise _unusable("an answer that holds no signing_key")
    return key


def _unusable(what: str) -> errors.RemoteUnavailable:
    return errors.RemoteUnavailable(f"ConnectWise's signing key cannot be had: {what}", service="connectwise")
