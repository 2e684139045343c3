"""Let requests in that carry an API key (A1, A2).

A key that was verified is believed for two seconds without asking anybody. After that one row look-up tells whether it
still exists, and for five minutes its bcrypt is not repeated. So a deletion ends access at once on the server that
deletes, and within two seconds on the others.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ticketbot import db, errors, kinds, shapes
from ticketbot.models import admin
from ticketbot.server import origin

BELIEVED_FOR_S = 2.0
VERIFIED_FOR_S = 300.0
WRONG_KEYS = 10
WRONG_KEYS_WITHIN_S = 60.0

_USE_IS_NOTED_EVERY = timedelta(seconds=60)  # a write for each request would cost more than the request
_MOST_REMEMBERED = 10_000


class Caller(msgspec.Struct, frozen=True):
    """Whose key a request came with."""

    key_id: int
    user: shapes.User


class _Verified(msgspec.Struct, frozen=True):
    caller: Caller
    hash: str
    believed_until: float
    verified_until: float


class Access:
    """The door of one server, shared by its threads. `clock` counts seconds and never goes back."""

    def __init__(
        self,
        *,
        trusted_proxies: Sequence[kinds.Network],
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._trusted_proxies = trusted_proxies
        self._now = now
        self._clock = clock
        self._wrong_keys = Throttle(clock)
        self._lock = threading.Lock()
        self._verified: dict[bytes, _Verified] = {}
        self._deletions = 0

    def admit(self, environ: Mapping[str, Any]) -> Caller:
        """Return whose key a request carries.

        Raises `NotAllowed` without a good key, and `TooMany` for a wrong one after ten of them within a minute from
        one address. A good key is never throttled.
        """
        key = _bearer(environ)
        if not key:
            raise errors.NotAllowed("This needs an API key, sent as Authorization: Bearer <key>")
        caller = self._caller(key)
        if caller is None:
            self._wrong_keys.count(origin.client_address(environ, self._trusted_proxies))
            raise errors.NotAllowed("This API key is not known")
        return caller

    def admit_local(self, environ: Mapping[str, Any]) -> None:
        """Let a request in that comes from this machine, or carries a key."""
        if not origin.is_loopback(environ):
            self.admit(environ)

    def forget(self, key_ids: Iterable[int]) -> None:
        """End the access of keys whose deletion has been committed."""
        gone = set(key_ids)
        with self._lock:
            self._deletions += 1
            kept = {digest: each for digest, each in self._verified.items() if each.caller.key_id not in gone}
            self._verified = kept

    def _caller(self, key: str) -> Caller | None:
        digest, moment = hashlib.sha256(key.encode()).digest(), self._clock()
        known = self._verified.get(digest)
        if known is not None and moment < known.believed_until:
            return known.caller
        deletions = self._deletions
        with db.session():
            row = admin.find_key(key)
        is_verified = known is not None and row is not None and known.hash == row.hash and moment < known.verified_until
        if not is_verified and not admin.matches(row, key):
            return None
        assert row is not None
        self._note_use(row)
        verified_until = known.verified_until if known is not None and is_verified else moment + VERIFIED_FOR_S
        fresh = _Verified(_caller_of(row), row.hash, moment + BELIEVED_FOR_S, verified_until)
        self._remember(digest, fresh, deletions)
        return fresh.caller

    def _remember(self, digest: bytes, verified: _Verified, deletions: int) -> None:
        with self._lock:
            if self._deletions != deletions:
                return  # the key may be the one that was deleted while we looked
            self._verified.pop(digest, None)
            if len(self._verified) >= _MOST_REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[digest] = verified

    def _note_use(self, row: admin.ApiKey) -> None:
        now = self._now()
        if row.last_used_at is None or row.last_used_at < now - _USE_IS_NOTED_EVERY:
            # A disk that is full keeps nobody from reading.
            with contextlib.suppress(errors.Unreachable), db.transaction("note-use"):
                admin.ApiKey.update(last_used_at=now).where(admin.ApiKey.id == row.id).execute()


class Throttle:
    """Count what goes wrong, by address: the eleventh time within a minute is refused with the time to wait."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}

    def count(self, address: str) -> None:
        """Count one; raises `TooMany` instead when there were ten within a minute."""
        moment = self._clock()
        with self._lock:
            times = self._times.pop(address, None) or deque(maxlen=WRONG_KEYS)
            if len(self._times) >= _MOST_REMEMBERED:
                del self._times[next(iter(self._times))]
            self._times[address] = times
            wait = times[0] + WRONG_KEYS_WITHIN_S - moment if len(times) == WRONG_KEYS else 0.0
            if wait <= 0:
                times.append(moment)
                return
        raise errors.TooMany("Too many wrong API keys from this address", retry_after_s=math.ceil(wait))


def _bearer(environ: Mapping[str, Any]) -> str:
    scheme, _, key = str(environ.get("HTTP_AUTHORIZATION") or "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def _caller_of(row: admin.ApiKey) -> Caller:
    user = row.user
    return Caller(row.id, shapes.User(id=user.id, name=user.name, email=user.email, created_at=user.created_at))
