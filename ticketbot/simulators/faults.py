"""Faults as data: which calls they strike, how often, and what becomes of the answer."""

from __future__ import annotations

import itertools
import random
import re
import threading
from typing import Any, Literal

import msgspec

Effect = Literal[
    "pass",  # the answer as it is, with `headers` added; for faults that only delay
    "answer",  # `status`, `headers` and `content` in place of the answer
    "drop",  # the connection is cut without a byte
    "half",  # full Content-Length, half of the body, then cut
    "drip",  # the body arrives in pieces over `drip_s`
    "hang_up",  # a whole answer, then the kept-alive connection ends unannounced
    "strip",  # `keys` are missing from every row
    "null",  # `keys` are null in every row
]

HTML = "<!DOCTYPE html><html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One fault. Patterns are regular expressions searched for, ignoring case; an empty one fits everything.

    `skip` lets the first fitting calls pass, `times` ends the fault after so many strikes (None: it stays
    until removed), `probability` strikes only some of the calls.
    """

    effect: Effect
    id: int = 0  # given by `Faults.add`
    method: str = ""
    path: str = ""
    query: str = ""  # in the decoded query string
    body: str = ""
    destination: str = ""  # roomId, toPersonId or toPersonEmail of a message
    skip: int = 0
    times: int | None = None
    probability: float = 1.0

    handled: bool = False  # whether an "answer" or "drop" comes after the service did what was asked
    status: int = 500
    headers: dict[str, str] = {}
    content: str = ""
    content_type: str = "application/json"
    delay_s: float = 0.0
    drip_s: float = 0.0
    keys: tuple[str, ...] = ()  # nested with /, as in `_info/dateEntered`

    @property
    def runs_handler(self) -> bool:
        """Return whether the service does its work although the answer suffers."""
        return self.handled or self.effect not in {"answer", "drop"}


class Request(msgspec.Struct, kw_only=True):
    """What of a call a fault can be matched by."""

    method: str
    path: str
    query: str
    body: str
    destination: str


class Faults:
    """The faults in force for one service; the first that fits a call strikes it."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._faults: dict[int, Fault] = {}
        self._random = random.Random(seed)  # noqa: S311 - replayable chaos, no secret

    def add(self, fault: Fault) -> int:
        """Put a copy of `fault` in force and return its id."""
        with self._lock:
            number = next(self._ids)
            self._faults[number] = msgspec.structs.replace(fault, id=number)
        return number

    def remove(self, fault_id: int) -> None:
        """End one fault; one that has ended by itself is no error."""
        with self._lock:
            self._faults.pop(fault_id, None)

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._faults.clear()

    def active(self) -> list[Fault]:
        """Return the faults in force, in the order they are tried."""
        with self._lock:
            return list(self._faults.values())

    def apply(self, request: Request) -> Fault | None:
        """Return the fault that strikes this call, counting it, or None."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults.values():
                if _fits(fault, request) and self._is_due(fault):
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


def _fits(fault: Fault, request: Request) -> bool:
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


# The faults of proof.md by name. Each takes further fields of `Fault`: `faults.down(path="members", times=2)`.


def down(**fields: Any) -> Fault:
    """Cut every connection; nothing is done."""
    return Fault(effect="drop", **fields)


def accept_then_drop(**fields: Any) -> Fault:
    """Do what is asked, then cut the connection instead of answering."""
    return Fault(effect="drop", handled=True, **fields)


def slow(delay_s: float, **fields: Any) -> Fault:
    """Answer rightly, but only after `delay_s`."""
    return Fault(effect="pass", delay_s=delay_s, **fields)


def drip(drip_s: float, **fields: Any) -> Fault:
    """Send the headers at once and the body over `drip_s`."""
    return Fault(effect="drip", drip_s=drip_s, **fields)


def half_a_body(**fields: Any) -> Fault:
    """Promise the whole answer, send half and cut."""
    return Fault(effect="half", **fields)


def hang_up(**fields: Any) -> Fault:
    """Answer, then end the kept-alive connection without a word."""
    return Fault(effect="hang_up", **fields)


def status(code: int, message: str = "Simulated failure.", **fields: Any) -> Fault:
    """Answer `code` with a JSON error both services' clients can read."""
    body = {"code": "ConnectWiseApi", "message": message, "errors": [{"description": message}]}
    return Fault(effect="answer", status=code, content=msgspec.json.encode(body).decode(), **fields)


def throttled(retry_after: str | None = None, **fields: Any) -> Fault:
    """Answer 429; `retry_after` is the header as sent, sense or nonsense, None leaves it out."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return status(429, "Too many requests.", headers=headers, **fields)


def html(code: int = 502, **fields: Any) -> Fault:
    """Answer a proxy's HTML page; with code 200 it looks like success."""
    return Fault(effect="answer", status=code, content=HTML, content_type="text/html", **fields)


def wrong_json(content: str = '{"unexpected": true}', **fields: Any) -> Fault:
    """Do what is asked and answer 200 with JSON of a shape nobody expects."""
    return Fault(effect="answer", status=200, handled=True, content=content, **fields)


def redirect(location: str, code: int = 302, **fields: Any) -> Fault:
    """Answer a redirect to `location`."""
    return Fault(effect="answer", status=code, headers={"Location": location}, **fields)


def without(*keys: str, **fields: Any) -> Fault:
    """Leave `keys` out of every row, as ConnectWise does for a weak security role."""
    return Fault(effect="strip", keys=keys, **fields)


def nulls(*keys: str, **fields: Any) -> Fault:
    """Set `keys` to null in every row, as old ConnectWise models do."""
    return Fault(effect="null", keys=keys, **fields)


def no_endpoint(path: str, **fields: Any) -> Fault:
    """Answer as ConnectWise does when the API member may not see an endpoint."""
    body = '{"code":"ConnectWiseApi","message":"The endpoint does not exist.","errors":null}'
    return Fault(effect="answer", status=404, content=body, path=path, **fields)


def dead_destination(destination: str, **fields: Any) -> Fault:
    """Answer 404 to every message for `destination`, as for a room the bot was removed from."""
    message = "Could not find a room with provided ID."
    return status(404, message, method="POST", destination=f"^{re.escape(destination)}$", **fields)


def poison(destination: str = "", text: str = "", **fields: Any) -> Fault:
    """Answer 502 for ever to messages for `destination`, or whose request holds `text`."""
    pattern = f"^{re.escape(destination)}$" if destination else ""
    return status(502, "Bad gateway.", method="POST", destination=pattern, body=re.escape(text), **fields)
