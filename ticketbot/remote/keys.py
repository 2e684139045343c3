"""Verify a webhook's signature without trusting anything it says about its key (W1, W2).

The address of the signing key comes from the very body whose signature it is to verify. So it is fetched only from the
configured ConnectWise site, seldom, briefly, and never through a redirect.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from ticketbot import errors, failpoints

KEPT_S = 3600.0
FAILURE_KEPT_S = 60.0
REFETCH_AFTER_MISMATCH_S = 60.0
FETCHES_PER_MINUTE = 10
FETCHES_AT_ONCE = 2
TIMEOUT_S = 3.0
MAX_BYTES = 64 * 1024
MAX_KEYS = 100  # one tenant has one key, seldom two; the rest is what strangers make us remember

_PATH = "/system/callbackkey/"
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,2000}")  # printable ASCII without space or backslash
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass
class _Entry:
    key: bytes | None  # None: it could not be fetched
    fetched_at: float
    error: str = ""
    is_proven: bool = False  # has verified a hook


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
        on_call: Callable[[str, str, str, float], None] | None = None,
    ) -> None:
        self._company = company
        self._scheme, self._hosts = _trusted_hosts(cw_url, key_hosts)
        self._clock = clock
        self._on_call = on_call or (lambda *_: None)
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._fetches: deque[float] = deque()
        self._slots = threading.BoundedSemaphore(FETCHES_AT_ONCE)
        self._changed = threading.Condition()
        self._under_way: set[str] = set()
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy, no .netrc

    def verify(self, *, body: bytes, signature: str, key_url: str, company: str) -> None:
        """Return when the signature of the raw body is ConnectWise's and the hook is of our company.

        Raises `NotAllowed` when it is not, `TooMany` when the key is not to be had now.
        """
        address = self._address(key_url)
        if company.lower() != self._company.lower():
            raise errors.NotAllowed("The webhook is of another company")
        entry = self._entry(address)
        if _matches(entry, body, signature):
            entry.is_proven = True
            return
        if self._clock() - entry.fetched_at >= REFETCH_AFTER_MISMATCH_S:
            entry = self._fetched(address, entry)
            if _matches(entry, body, signature):
                entry.is_proven = True
                return
        raise errors.NotAllowed("The signature of the webhook does not verify")

    def _address(self, key_url: str) -> str:
        """Return the address to fetch, built from checked parts only (W2)."""
        refused = errors.NotAllowed("The webhook names a signing key that is not on the configured ConnectWise site")
        if not _PLAIN.fullmatch(key_url):
            raise refused
        try:
            parts = urlsplit(key_url)
            host, port = (parts.hostname or "").lower(), parts.port or _DEFAULT_PORTS.get(parts.scheme)
            query = parse_qs(parts.query, keep_blank_values=True, max_num_fields=20)
        except ValueError:
            raise refused from None
        names = [value for key, values in query.items() if key.lower() == "companyname" for value in values]
        is_ours = (
            parts.scheme == self._scheme
            and (host, port) in self._hosts
            and "@" not in parts.netloc
            and not parts.fragment
            and _PATH in parts.path
            and ".." not in unquote(parts.path)
            and (not names or [name.lower() for name in names] == [self._company.lower()])
        )
        if not is_ours:
            raise refused
        shown = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{shown}:{port}{parts.path}?{parts.query}"

    def _entry(self, address: str) -> _Entry:
        with self._changed:
            self._changed.wait_for(lambda: address not in self._under_way, TIMEOUT_S)
            entry = self._entries.get(address)
        now = self._clock()
        if entry is None:
            return self._fetched(address, None)
        if entry.key is None:
            if now - entry.fetched_at < FAILURE_KEPT_S:
                raise errors.TooMany(entry.error, retry_after_s=2)
            return self._fetched(address, None)
        return entry if now - entry.fetched_at < KEPT_S else self._fetched(address, entry)

    def _fetched(self, address: str, known: _Entry | None) -> _Entry:
        """Fetch a key; one that has verified before serves on when that fails."""
        try:
            entry = _Entry(self._fetch(address), self._clock(), is_proven=bool(known and known.is_proven))
        except errors.TooMany:
            if known and known.is_proven:
                return known
            raise
        except errors.RemoteError as error:
            if known and known.is_proven:
                return known
            self._remember(address, _Entry(None, self._clock(), str(error)))
            raise errors.TooMany(str(error), retry_after_s=2) from error
        self._remember(address, entry)
        return entry

    def _fetch(self, address: str) -> bytes:
        with self._changed:
            self._take_turn(address)
        try:
            return self._get(address)
        finally:
            with self._changed:
                self._under_way.discard(address)
                self._changed.notify_all()
            self._slots.release()

    def _take_turn(self, address: str) -> None:
        now = self._clock()
        while self._fetches and now - self._fetches[0] >= 60.0:
            self._fetches.popleft()
        if len(self._fetches) >= FETCHES_PER_MINUTE or not self._slots.acquire(blocking=False):
            raise errors.TooMany("Too many signing keys are asked for", retry_after_s=2)
        self._fetches.append(now)
        self._under_way.add(address)

    def _get(self, address: str) -> bytes:
        started = time.monotonic()
        status = "error"
        failpoints.passing("connectwise.before")
        try:
            with self._session.get(address, timeout=TIMEOUT_S, allow_redirects=False, stream=True) as answer:
                status = str(answer.status_code)
                if answer.status_code != 200:
                    raise _unusable(f"HTTP {answer.status_code}")
                return _signing_key(_bounded(answer, started))
        except (requests.RequestException, OSError) as error:
            raise _unusable(type(error).__name__) from error
        finally:
            failpoints.passing("connectwise.after")
            self._on_call("connectwise", "signing-key", status, time.monotonic() - started)

    def _remember(self, address: str, entry: _Entry) -> None:
        with self._changed:
            self._entries[address] = entry
            self._entries.move_to_end(address)
            for key in [key for key, each in self._entries.items() if not each.is_proven][:-MAX_KEYS]:
                del self._entries[key]


def _trusted_hosts(cw_url: str, key_hosts: Iterable[str]) -> tuple[str, frozenset[tuple[str, int]]]:
    parts = urlsplit(cw_url)
    host, scheme = (parts.hostname or "").lower(), parts.scheme
    port = parts.port or _DEFAULT_PORTS[scheme]
    if scheme == "http" or host in _LOOPBACK:
        return scheme, frozenset({(host, port)})  # development: this host and port and no other
    hosts = {(host, port), (host.removeprefix("api-"), port)}
    for name in key_hosts:
        extra = urlsplit(f"//{name}")
        hosts.add(((extra.hostname or "").lower(), extra.port or 443))
    return scheme, frozenset(hosts)


def _matches(entry: _Entry, body: bytes, signature: str) -> bool:
    """Compare in constant time with base64(HMAC-SHA256(SHA256(key), body)), as the vendor's sample computes it."""
    assert entry.key is not None
    digest = hmac.new(hashlib.sha256(entry.key).digest(), body, hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest), signature.strip().encode("utf-8", "replace"))


def _bounded(answer: requests.Response, started: float) -> bytes:
    content = bytearray()
    for chunk in answer.iter_content(4096):
        content += chunk
        if len(content) > MAX_BYTES:
            raise _unusable("an answer of over 64 KiB")
        if time.monotonic() - started > TIMEOUT_S:
            raise _unusable("no answer within 3 seconds")
    return bytes(content)


def _signing_key(content: bytes) -> bytes:
    try:
        key = json.loads(content)["signing_key"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise _unusable("an answer that holds no signing_key") from None
    if not isinstance(key, str) or not key:
        raise _unusable("an answer that holds no signing_key")
    return key.encode()


def _unusable(what: str) -> errors.RemoteUnavailable:
    return errors.RemoteUnavailable(f"ConnectWise's signing key cannot be had: {what}", service="connectwise")
