"""Verify a webhook's signature without trusting anything it says about its key (W1, W2).

The address of the signing key comes from the very body whose signature it is to verify. So it is fetched only from the
configured ConnectWise site, seldom, briefly, and never through a redirect.

What a fetch returned is remembered for its address, so that a made-up address can spoil only itself. A key that has
verified a webhook is remembered by its id, wherever it was fetched from: nobody can sign with it but ConnectWise.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import http.client
import json
import logging
import math
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ticketbot import errors, failpoints
from ticketbot.connectwise import key_address

KEPT_S = 3600.0
FETCHED_AGAIN_AFTER_S = 60.0  # when the fetch failed, or its key does not verify
USELESS_FETCHES_PER_MINUTE = 60  # those whose key has verified nothing
USELESS_FETCHES_PER_CLIENT = 10
FETCHES_AT_ONCE = 2
WAITING_AT_ONCE = 2  # the server has eight threads for webhooks
ALL_WAIT_S = 0.25  # a key usually takes less to fetch; the webhooks of one change arrive together
TIMEOUT_S = 3.0
RETRY_AFTER_S = 2  # ConnectWise tries again after 2 s and after 4 s more, whatever we say
MAX_BYTES = 64 * 1024
LOADED_EVERY_S = 1.0  # at most: anybody can name a key that is not known
MAX_ANSWERS = 100  # more than strangers can make us fetch within FETCHED_AGAIN_AFTER_S

# For a longer piece hashlib lets go of the interpreter's lock, and in a burst it takes longer to get that back than to
# compute: a tenth of what a hook costs (B1).
_PIECE = 2047

_logger = logging.getLogger(__name__)


class StoredKey(NamedTuple):
    """A proven key as it outlives a restart: the address it was fetched from, and the seconds since it was proven."""

    url: str
    key: str
    age_s: float


class _Fetch(msgspec.Struct):
    """A fetch that counts against the limits, until its key verifies a webhook."""

    started_at: float
    client: str


class _Answer(msgspec.Struct):
    """What a fetch returned; without a key, it failed."""

    key: bytes | None
    fetched_at: float
    fetch: _Fetch


class _ProvenKey(msgspec.Struct, frozen=True):
    """A key that has verified a webhook, and when ConnectWise last served it."""

    key: bytes
    served_at: float


class SigningKeys:
    """The signing keys of one ConnectWise site; shared by all threads of the server.

    `company` is the login company, `cw_url` the configured API host, `key_hosts` further `host` or `host:port` names.
    `load_proven` returns the keys that were given to `save_proven`, by this server or another; neither may raise.
    """

    def __init__(
        self,
        *,
        cw_url: str,
        company: str,
        key_hosts: Iterable[str] = (),
        load_proven: Callable[[], Iterable[StoredKey]] = list,
        save_proven: Callable[[str, str], None] = lambda *_: None,
        clock: Callable[[], float] = time.monotonic,
        timeout_s: float = TIMEOUT_S,
        on_call: Callable[[str, str, str, float], None] | None = None,
    ) -> None:
        self._company = company
        self._addresses = key_address.KeyAddresses(cw_url=cw_url, company=company, key_hosts=key_hosts)
        self._address = functools.lru_cache(MAX_ANSWERS)(self._addresses.check)  # what is refused is not kept
        self._load_proven, self._save_proven = load_proven, save_proven
        self._clock = clock
        self._timeout_s = timeout_s
        self._on_call = on_call or (lambda *_: None)
        # By key id, the latest first. It grows by keys of ConnectWise alone.
        self._proven: dict[str, tuple[_ProvenKey, ...]] = {}
        self._loading = threading.Lock()
        self._loaded_at = -math.inf
        self._answers: OrderedDict[str, _Answer] = OrderedDict()  # by address
        self._counted: list[_Fetch] = []
        self._changed = threading.Condition()
        self._under_way: dict[str, float] = {}  # address -> when its fetch started, of `time.monotonic`
        self._waiting = 0

    def verify(self, *, body: bytes, signature: str, key_url: str, company: str, client: Callable[[], str]) -> None:
        """Return if the signature of the raw body is ConnectWise's and the webhook belongs to our company.

        `client` returns the address that the request came from; it is called only when a key has to be fetched. Raises
        `NotAllowed` when the signature does not verify, `TooMany` when the key is not available now.
        """
        address = self._address(key_url)
        if company.lower() != self._company.lower():
            raise errors.NotAllowed("The webhook is of another company", reason="other_company")
        verifies = functools.partial(_verifies, body=body, signature=signature)
        proven = self._proven.get(address.key_id) or self._loaded(address.key_id)
        known = next((each for each in proven if verifies(each.key)), None)
        if known is not None and self._clock() - known.served_at < KEPT_S:
            return
        serves_on = known is not None and known is proven[0]  # while it cannot be fetched again
        try:
            answer = self._answer(address.url, verifies, client, may_wait=not serves_on)
        except errors.TooMany:
            if not serves_on:
                raise
            return
        if answer.key is None and not serves_on:
            raise errors.TooMany("The signing key is not available now; see the log", retry_after_s=RETRY_AFTER_S)
        if answer.key is not None and not verifies(answer.key):
            raise errors.NotAllowed("The signature of the webhook does not verify", reason="wrong_signature")
        if answer.key is not None:
            self._prove(address, answer.key, answer)

    def _loaded(self, key_id: str) -> tuple[_ProvenKey, ...]:
        """Return what is known of a key after looking for those proven before this start or by another server."""
        with self._loading:
            now = self._clock()
            if now - self._loaded_at >= LOADED_EVERY_S:
                self._loaded_at = now
                for stored in self._load_proven():
                    with suppress(errors.NotAllowed):  # proven for another site, before the settings changed
                        key = _ProvenKey(stored.key.encode(), now - max(stored.age_s, 0.0))
                        self._proven.setdefault(self._addresses.check(stored.url).key_id, (key,))
        return self._proven.get(key_id, ())

    def _answer(
        self, url: str, verifies: Callable[[bytes], bool], client: Callable[[], str], *, may_wait: bool
    ) -> _Answer:
        """Return what the address has served, fetched again when it is time. Raises `TooMany` when that must wait."""
        with self._changed:
            if may_wait:
                self._wait_for(url)
            answer = self._answers.get(url)
            if answer is not None and self._is_recent(answer, verifies):
                return answer
            fetch = self._counted_fetch(url, client())
            self._under_way[url] = time.monotonic()
        answer = None
        try:
            answer = _Answer(self._fetched(url), self._clock(), fetch)
        finally:
            with self._changed:
                if answer is not None:
                    self._remember(url, answer)
                del self._under_way[url]
                self._changed.notify_all()
        return answer

    def _is_recent(self, answer: _Answer, verifies: Callable[[bytes], bool]) -> bool:
        age_s = self._clock() - answer.fetched_at
        if age_s < FETCHED_AGAIN_AFTER_S:
            return True
        return age_s < KEPT_S and answer.key is not None and verifies(answer.key)

    def _wait_for(self, url: str) -> None:
        """Wait for the fetch of an address that is under way, unless it is slow and enough others wait already."""
        if url not in self._under_way:
            return
        started = self._under_way[url]

        def is_done(within_s: float) -> bool:
            left_s = started + within_s - time.monotonic()
            return self._changed.wait_for(lambda: url not in self._under_way, left_s)

        # Until a key is proven there are no genuine webhooks that need a free thread.
        if is_done(ALL_WAIT_S if self._proven else self._timeout_s) or self._waiting >= WAITING_AT_ONCE:
            return
        self._waiting += 1
        try:
            is_done(self._timeout_s)
        finally:
            self._waiting -= 1

    def _counted_fetch(self, url: str, client: str) -> _Fetch:
        now = self._clock()
        self._counted = [each for each in self._counted if now - each.started_at < 60.0]
        if (
            url in self._under_way
            or len(self._under_way) >= FETCHES_AT_ONCE
            or len(self._counted) >= USELESS_FETCHES_PER_MINUTE
            or sum(each.client == client for each in self._counted) >= USELESS_FETCHES_PER_CLIENT
        ):
            raise errors.TooMany("Too many signing keys are being fetched", retry_after_s=RETRY_AFTER_S)
        fetch = _Fetch(now, client)
        self._counted.append(fetch)
        return fetch

    def _remember(self, url: str, answer: _Answer) -> None:
        self._answers[url] = answer
        self._answers.move_to_end(url)
        if len(self._answers) > MAX_ANSWERS:
            self._answers.popitem(last=False)

    def _prove(self, address: key_address.KeyAddress, key: bytes, answer: _Answer) -> None:
        """Remember a key that has verified a webhook, and stop counting its fetch against the limits."""
        with self._changed:
            now, proven = self._clock(), self._proven.get(address.key_id, ())
            others = tuple(each for each in proven if each.key != key)
            still_valid = (each for each in others if now - each.served_at < KEPT_S)
            self._proven[address.key_id] = (_ProvenKey(key, answer.fetched_at), *still_valid)
            self._counted = [each for each in self._counted if each is not answer.fetch]
        if len(others) == len(proven):
            self._save_proven(address.url, key.decode())

    def _fetched(self, url: str) -> bytes | None:
        try:
            return self._fetch(url)
        except errors.RemoteError as error:
            _logger.warning("%s", error)
            return None

    def _fetch(self, address: str) -> bytes:
        started = time.monotonic()
        status = "error"
        failpoints.hit("connectwise.before")
        try:
            with self._response(address, started) as answer:
                content = answer.read(MAX_BYTES + 1)
                status = str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            is_late = time.monotonic() - started >= self._timeout_s
            raise _unusable(f"no answer within {self._timeout_s:g} s" if is_late else type(error).__name__) from error
        finally:
            failpoints.hit("connectwise.after")
            self._on_call("connectwise", "signing-key", status, time.monotonic() - started)
        if status != "200":
            raise _unusable(f"HTTP {status}")
        return _signing_key(content)

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)  # reading them takes a tenth of a start

    @contextmanager
    def _response(self, address: str, started: float) -> Iterator[http.client.HTTPResponse]:
        """Request the address alone: no redirect, proxy, cookie or credential."""
        parts = urlsplit(address)
        host = parts.hostname or ""
        with closing(
            http.client.HTTPSConnection(host, parts.port, timeout=self._timeout_s, context=self._tls)
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=self._timeout_s)
        ) as connection:
            connection.connect()
            # A socket timeout restarts with every byte, so a slow trickle needs a limit of its own.
            alarm = threading.Timer(self._timeout_s - (time.monotonic() - started), _abort, [connection.sock])
            alarm.daemon = True
            alarm.start()
            try:
                connection.request("GET", f"{parts.path}?{parts.query}", headers={"User-Agent": "ticketbot"})
                yield connection.getresponse()
            finally:
                alarm.cancel()


def _verifies(key: bytes, *, body: bytes, signature: str) -> bool:
    """Compare in constant time with base64(HMAC-SHA256(SHA256(key), body)), as the vendor's sample computes it."""
    mac = hmac.new(hashlib.sha256(key).digest(), digestmod="sha256")
    for start in range(0, len(body), _PIECE):
        mac.update(body[start : start + _PIECE])
    return hmac.compare_digest(base64.b64encode(mac.digest()), signature.strip().encode("utf-8", "replace"))


def _abort(connection: socket.socket) -> None:
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
    return errors.RemoteUnavailable(f"ConnectWise's signing key is not available: {what}", service="connectwise")
