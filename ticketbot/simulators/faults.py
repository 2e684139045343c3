"""Faults as data: which calls they affect, how often, and what happens to the response."""

from __future__ import annotations

import itertools
import random
import re
import threading
from typing import Any, Literal

import msgspec

Effect = Literal[
    "pass",  # the response as it is, with `headers` added; for faults that only delay
    "answer",  # `status`, `headers` and `content` instead of the response
    "drop",  # the connection is closed without a byte
    "half",  # full Content-Length, half of the body, then closed
    "drip",  # the body arrives in pieces over `drip_s`
    "hang_up",  # a whole response, then the keep-alive connection is closed unannounced
    "strip",  # every row without `keys`
    "null",  # every row with null for `keys`
]

HTML = "<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault. Patterns are regular expressions to search for, ignoring case; an empty one matches everything.

    `skip` spares the first matching calls, `times` ends the fault after so many calls (None: it stays until
    removed), `probability` affects only some of the matching calls.
    """

    effect: Effect
    id: int = 0  # set by `Faults.add`
    method: str = ""
    path: str = ""
    query: str = ""  # in the decoded query string
    body: str = ""
    destination: str = ""  # roomId, toPersonId or toPersonEmail of a message
    skip: int = 0
    times: int | None = None
    probability: float = 1.0

    handled: bool = False  # whether an "answer" or "drop" comes after the service has carried out the request
    status: int = 500
    headers: dict[str, str] = {}
    content: str = ""
    content_type: str = "application/json"
    delay_s: float = 0.0
    drip_s: float = 0.0
    keys: tuple[str, ...] = ()  # nested with /, as in `_info/dateEntered`

    @property
    def runs_handler(self) -> bool:
        """Return whether the service carries out the request despite the fault."""
        return self.handled or self.effect not in {"answer", "drop"}


class Request(msgspec.Struct, kw_only=True):
    """The parts of a call that fault patterns are matched against."""

    method: str
    path: str
    query: str
    body: str
    destination: str


class Faults:
    """The active faults of one service; the first one that matches a call applies."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._faults: dict[int, Fault] = {}
        self._random = random.Random(seed)  # noqa: S311 - repeatable, not secret

    def add(self, fault: Fault) -> int:
        """Activate a copy of `fault` and return its id."""
        with self._lock:
            number = next(self._ids)
            self._faults[number] = msgspec.structs.replace(fault, id=number)
        return number

    def remove(self, fault_id: int) -> None:
        """Remove a fault; it may have ended already."""
        with self._lock:
            self._faults.pop(fault_id, None)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults.clear()

    def active(self) -> list[Fault]:
        """Return the active faults in the order they are matched."""
        with self._lock:
            return list(self._faults.values())

    def apply(self, request: Request) -> Fault | None:
        """Return the fault that applies to this call, or None; the fault counts the call."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults.values():
                if _matches(fault, request) and self._is_due(fault):
                    self._count(fault)
                    return fault
        return None

    def _is_due(self, fault: Fault) -> bool:
        if fault.skip > 0:
            fault.skip -= 1
            return False
        return fault.probability >= 1 or self._random.random() < fault.probability

    def _count(self, fault: Fault) -> None:
        if fault.times is None:
            return
        fault.times -= 1
        if fault.times <= 0:
            del self._faults[fault.id]


def _matches(fault: Fault, request: Request) -> bool:
    return all(
        not pattern or re.search(pattern, value, re.IGNORECASE)
        for pattern, value in (
            (fault.method and f"^{fault.method}$", request.method),
            (fault.path, request.path),
            (fault.query, request.query),
            (fault.body, request.body),
            (fault.destination, request.destination),
        )
    )


# Faults by name. Each takes further fields of `Fault`: `faults.down(path="members", times=2)`.


def down(**fields: Any) -> Fault:
    """Close every connection without carrying out the request."""
    return Fault(effect="drop", **fields)


def accept_then_drop(**fields: Any) -> Fault:
    """Carry out the request, then close the connection without a response."""
    return Fault(effect="drop", handled=True, **fields)


def slow(delay_s: float, **fields: Any) -> Fault:
    """Respond normally, but only after `delay_s`."""
    return Fault(effect="pass", delay_s=delay_s, **fields)


def drip(drip_s: float, **fields: Any) -> Fault:
    """Send the headers at once and the body over `drip_s` seconds."""
    return Fault(effect="drip", drip_s=drip_s, **fields)


def half_a_body(**fields: Any) -> Fault:
    """Announce the whole body, send half of it, and close the connection."""
    return Fault(effect="half", **fields)


def hang_up(**fields: Any) -> Fault:
    """Respond, then close the keep-alive connection unannounced."""
    return Fault(effect="hang_up", **fields)


def status(code: int, message: str = "Simulated failure.", **fields: Any) -> Fault:
    """Answer with `code` and a JSON error in the formats of both services."""
    body = {"code": "ConnectWiseApi", "message": message, "errors": [{"description": message}]}
    return Fault(effect="answer", status=code, content=msgspec.json.encode(body).decode(), **fields)


def throttled(retry_after: str | None = None, **fields: Any) -> Fault:
    """Answer with 429; `retry_after` is the raw header, valid or not; None omits it."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return status(429, "Too many requests.", headers=headers, **fields)


def html(code: int = 502, **fields: Any) -> Fault:
    """Answer with the HTML page of a proxy; code 200 makes it look like success."""
    return Fault(effect="answer", status=code, content=HTML, content_type="text/html", **fields)


def wrong_json(content: str = '{"unexpected": true}', **fields: Any) -> Fault:
    """Carry out the request and answer with 200 and unexpected JSON."""
    return Fault(effect="answer", status=200, handled=True, content=content, **fields)


def redirect(location: str, code: int = 302, **fields: Any) -> Fault:
    """Answer with a redirect to `location`."""
    return Fault(effect="answer", status=code, headers={"Location": location}, **fields)


def without(*keys: str, **fields: Any) -> Fault:
    """Omit `keys` from every row, as ConnectWise does for a restricted security role."""
    return Fault(effect="strip", keys=keys, **fields)


def nulls(*keys: str, **fields: Any) -> Fault:
    """Set `keys` to null in every row, as old ConnectWise models do."""
    return Fault(effect="null", keys=keys, **fields)


def no_endpoint(path: str, **fields: Any) -> Fault:
    """Answer as ConnectWise does if the API member has no permission for an endpoint."""
    body = '{"code":"ConnectWiseApi","message":"The endpoint does not exist.","errors":null}'
    return Fault(effect="answer", status=404, content=body, path=path, **fields)


def dead_destination(destination: str, **fields: Any) -> Fault:
    """Answer with 404 to every message to `destination`, as if the bot had been removed from the room."""
    message = "Could not find a room with provided ID."
    return status(404, message, method="POST", destination=f"^{re.escape(destination)}$", **fields)


def poison(destination: str = "", text: str = "", **fields: Any) -> Fault:
    """Answer with 502 to every message to `destination`, or whose request contains `text`."""
    pattern = f"^{re.escape(destination)}$" if destination else ""
    return status(502, "Bad gateway.", method="POST", destination=pattern, body=re.escape(text), **fields)
