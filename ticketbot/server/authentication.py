"""Authenticate requests by their API key (A1, A2).

To read, a key that was verified within the last two seconds is trusted without a look at the database; after that, one
query tells whether it still exists, and its bcrypt is not repeated for five minutes. So deleting a key ends reading at
once on the server that deletes it, and within two seconds on the others. A change always queries, and `audit.record`
queries again in the transaction of the change: a deleted key can change nothing, on any server.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
import time
import typing
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ticketbot import errors, metrics
from ticketbot.api import responses
from ticketbot.database import db
from ticketbot.models import api_keys
from ticketbot.server import client_address, refusals
from ticketbot.settings import types

BELIEVED_FOR_S = 2.0
VERIFIED_FOR_S = 300.0
WRONG_KEYS = 10
WITHIN_S = 60.0

_USE_IS_NOTED_EVERY = timedelta(seconds=60)  # a write for each request would cost more than the request
_MOST_REMEMBERED = 10_000


class Caller(msgspec.Struct, frozen=True):
    """Whose key a request came with, and what it allows."""

    key_id: int
    key_prefix: str
    user: responses.User
    scope: responses.Scope = "admin"
    expires_at: datetime | None = None
    client_address: str | None = None
    """Where a change came from, for the audit (A5)."""


class _Verified(msgspec.Struct, frozen=True):
    caller: Caller
    hash: str
    believed_until: float
    verified_until: float


class Authenticator:
    """Authentication for one server, shared by its threads. `clock` is monotonic.

    `is_local_open` says that a request from this machine is one, and not one that a proxy here passes on.
    """

    def __init__(
        self,
        *,
        trusted_proxies: Sequence[types.Network],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        is_local_open: bool = False,
    ) -> None:
        self._trusted_proxies = trusted_proxies
        self._now = now
        self._clock = clock
        self._is_local_open = is_local_open
        self._wrong_keys = Throttle(clock, WRONG_KEYS, "Too many wrong API keys from this address")
        self._links = Throttle(clock, 1, "Only one sign-in link a minute can be asked for from one address")
        self._refusals = refusals.Refusals(clock, metrics.AUTH_FAILURES)
        self._throttled_turn = threading.Lock()
        self._lock = threading.Lock()
        self._verified: dict[bytes, _Verified] = {}
        self._deletions = 0

    def authenticate(
        self, environ: Mapping[str, Any], *, needs: responses.Scope = "read", is_change: bool = False
    ) -> Caller:
        """Return whose key a request carries; for a change, the key must exist in the database now.

        Raises `NotAllowed` without a good key or with one that has expired, `ScopeTooNarrow` if its scope does not
        include the one needed (A7), and `TooMany` for a wrong one after ten of them within a minute from one address.
        A good key is never throttled.
        """
        try:
            return self._allowed(environ, needs, is_change=is_change)
        except (errors.NotAllowed, errors.TooMany) as error:
            self._note_refusal(environ, _reason(error, has_key=bool(_bearer(environ))))
            raise

    def count_link(self, environ: Mapping[str, Any]) -> None:
        """Count a request for a sign-in link; raises `TooMany` for a second one within a minute (P2)."""
        try:
            self._links.count(client_address.throttled_client(environ, self._trusted_proxies))
        except errors.TooMany:
            self._note_refusal(environ, "throttled")
            raise

    def refuse_link(self, environ: Mapping[str, Any]) -> None:
        """Note that a sign-in link was used again, or came too late (A2)."""
        self._note_refusal(environ, "wrong_link")

    def authenticate_local(self, environ: Mapping[str, Any]) -> None:
        """Accept a request that certainly comes from this machine, or that carries a key."""
        if not (self._is_local_open and client_address.is_loopback(environ)):
            self.authenticate(environ)

    def located(self, caller: Caller, environ: Mapping[str, Any]) -> Caller:
        """Return a caller with the address that a request came from."""
        address = client_address.client_address(environ, self._trusted_proxies)
        return msgspec.structs.replace(caller, client_address=address)

    def forget(self, key_ids: Iterable[int]) -> None:
        """End the access of keys whose deletion has been committed."""
        gone = set(key_ids)
        with self._lock:
            self._deletions += 1
            kept = {digest: each for digest, each in self._verified.items() if each.caller.key_id not in gone}
            self._verified = kept

    def _note_refusal(self, environ: Mapping[str, Any], reason: str) -> None:
        address = client_address.throttled_client(environ, self._trusted_proxies)
        request = f"{environ.get('REQUEST_METHOD')} {str(environ.get('PATH_INFO'))[:200]}"
        self._refusals.note(address, reason, request)

    def _allowed(self, environ: Mapping[str, Any], needs: responses.Scope, *, is_change: bool) -> Caller:
        caller = self._identify(environ, is_change=is_change)
        if caller.expires_at is not None and caller.expires_at <= self._now():
            raise errors.KeyExpired(f"This API key expired at {caller.expires_at:%Y-%m-%dT%H:%M:%SZ}")
        check_scope(caller, needs)
        return caller

    def _identify(self, environ: Mapping[str, Any], *, is_change: bool) -> Caller:
        key = _bearer(environ)
        if not key:
            raise errors.NotAllowed("This needs an API key, sent as Authorization: Bearer <key>")
        caller = self._trusted(key) if not is_change else None
        if caller is not None:
            return caller
        address = client_address.throttled_client(environ, self._trusted_proxies)
        caller = self._verify(key, address)
        if caller is None:
            self._wrong_keys.count(address)
            raise errors.NotAllowed("This API key is not known")
        return caller

    def _trusted(self, key: str) -> Caller | None:
        known = self._verified.get(_fingerprint(key))
        return known.caller if known is not None and self._clock() < known.believed_until else None

    def _verify(self, key: str, address: str) -> Caller | None:
        """Look a key up; a bcrypt is spent only on a key whose prefix is stored."""
        digest, moment, deletions = _fingerprint(key), self._clock(), self._deletions
        with db.session():
            row = api_keys.find_key(key)
        if row is None:
            return None
        known = self._verified.get(digest)
        is_verified = known is not None and known.hash == row.hash and moment < known.verified_until
        if not is_verified and not self._matches(row, key, address):
            return None
        self._record_use(row)
        verified_until = known.verified_until if known is not None and is_verified else moment + VERIFIED_FOR_S
        fresh = _Verified(caller_of(row), row.hash, moment + BELIEVED_FOR_S, verified_until)
        self._remember(digest, fresh, deletions)
        return fresh.caller

    def _matches(self, row: api_keys.ApiKey, key: str, address: str) -> bool:
        """Spend a bcrypt on a key, one at a time for all addresses that are throttled."""
        is_throttled = self._wrong_keys.wait_s(address) > 0
        with self._throttled_turn if is_throttled else contextlib.nullcontext():
            return api_keys.verify_key(row, key)

    def _remember(self, digest: bytes, verified: _Verified, deletions: int) -> None:
        with self._lock:
            if self._deletions != deletions:
                return  # the key may be the one that was deleted while we looked
            self._verified.pop(digest, None)
            if len(self._verified) >= _MOST_REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[digest] = verified

    def _record_use(self, row: api_keys.ApiKey) -> None:
        now = self._now()
        if row.last_used_at is None or row.last_used_at < now - _USE_IS_NOTED_EVERY:
            # A disk that is full keeps nobody from reading.
            with contextlib.suppress(errors.Unreachable), db.transaction("note-use"):
                api_keys.ApiKey.update(last_used_at=now).where(api_keys.ApiKey.id == row.id).execute()


class Throttle:
    """Count by address: one more than `most` within a minute is refused as `said`, with the time to wait."""

    def __init__(self, clock: Callable[[], float], most: int, said: str) -> None:
        self._clock = clock
        self._most = most
        self._said = said
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def wait_s(self, address: str) -> float:
        """Return for how long an address is throttled, 0 if it is not."""
        with self._lock:
            return self._wait_s(address)

    def count(self, address: str) -> None:
        """Count one; raises `TooMany` instead while the address is throttled."""
        with self._lock:
            wait_s = self._wait_s(address)
            if wait_s == 0:
                times = self._times.pop(address, None) or deque(maxlen=self._most)
                if len(self._times) >= _MOST_REMEMBERED:
                    del self._times[next(iter(self._times))]
                self._times[address] = times
                times.append(self._clock())
                return
        raise errors.TooMany(self._said, retry_after_s=math.ceil(wait_s))

    def _wait_s(self, address: str) -> float:
        times = self._times.get(address)
        if times is None or len(times) < self._most:
            return 0.0
        return max(times[0] + WITHIN_S - self._clock(), 0.0)


def check_scope(caller: Caller, needs: responses.Scope) -> None:
    """Raise `ScopeTooNarrow` unless a caller may do what needs a scope (A7)."""
    if not includes(caller.scope, needs):
        raise errors.ScopeTooNarrow(f"This needs a key with the scope {needs}; this one has {caller.scope}")


def includes(scope: responses.Scope, needed: responses.Scope) -> bool:
    """Return whether a scope allows what needs another: each includes those before it."""
    order = typing.get_args(responses.Scope)
    return order.index(scope) >= order.index(needed)


def _reason(error: errors.TicketbotError, *, has_key: bool) -> str:
    """Return the label under which a refusal is counted."""
    named = {errors.TooMany: "throttled", errors.ScopeTooNarrow: "scope", errors.KeyExpired: "expired_key"}
    return named.get(type(error), "wrong_key" if has_key else "no_key")


def _fingerprint(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _bearer(environ: Mapping[str, Any]) -> str:
    scheme, _, key = str(environ.get("HTTP_AUTHORIZATION") or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def caller_of(row: api_keys.ApiKey) -> Caller:
    """Return who calls with a key that is known to be good."""
    user = row.user
    shown = responses.User(id=user.id, name=user.name, email=user.email, created_at=user.created_at)
    return Caller(row.id, row.prefix, shown, row.scope, row.expires_at)
