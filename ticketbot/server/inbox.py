"""Commit webhooks before they are acknowledged, those that come in together in one transaction (W3, W4).

A commit costs the disk as much for eight hooks as for one. So whoever gets the turn commits for all that came in while
the one before was busy: nobody waits for a timer, and a burst costs a few commits instead of many.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ticketbot import db, errors
from ticketbot.models import events


class Arrival(msgspec.Struct):
    """A verified hook. `outcome` is set by whoever commits it: `accepted`, `replayed`, or what went wrong."""

    ticket_id: int
    action: str
    kind_hint: str | None
    message_id: str | None
    correlation: str
    at: datetime
    outcome: str | Exception | None = None


class Inbox:
    """The one way in for hooks; shared by all threads of the server."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._arrivals: list[Arrival] = []

    def accept(self, arrival: Arrival) -> str:
        """Return `accepted` or `replayed` once that is committed.

        Raises `Unreachable` when the database does not take it: nothing was accepted then.
        """
        with self._lock:
            self._arrivals.append(arrival)
        with self._turn:
            if arrival.outcome is None:
                with self._lock:
                    batch, self._arrivals = self._arrivals, []
                _settle(batch)
        if isinstance(arrival.outcome, Exception):
            raise arrival.outcome
        assert arrival.outcome is not None
        return arrival.outcome


def _settle(batch: Sequence[Arrival]) -> None:
    try:
        try:
            outcomes = _commit(batch)
        except errors.Unreachable:
            outcomes = _commit(batch)  # after a restart of PostgreSQL the first try only finds out that it is gone
    except Exception as error:  # noqa: BLE001  (each of the batch is waiting for its outcome)
        if len(batch) == 1 or isinstance(error, errors.Unreachable):
            for arrival in batch:
                arrival.outcome = error
        else:
            for arrival in batch:  # one that cannot be stored must not take the others with it
                _settle([arrival])
        return
    for arrival, outcome in zip(batch, outcomes, strict=True):
        arrival.outcome = outcome


def _commit(batch: Sequence[Arrival]) -> list[str]:
    """Write a batch in the one order that all servers keep: messages, then tickets. So no two wait in a circle."""
    with db.transaction("accept"):
        new = events.first_sights((each.message_id for each in batch if each.message_id), batch[0].at)
        # An id that stands twice in the batch is new the first time only.
        accepted = [not each.message_id or _taken_from(new, each.message_id) for each in batch]
        events.add_or_fold(_change(each) for each, is_new in zip(batch, accepted, strict=True) if is_new)
    return ["accepted" if is_new else "replayed" for is_new in accepted]


def _taken_from(new: set[str], message_id: str) -> bool:
    if message_id not in new:
        return False
    new.remove(message_id)
    return True


def _change(arrival: Arrival) -> events.Change:
    return events.Change(arrival.ticket_id, "hook", arrival.action, arrival.kind_hint, arrival.correlation, arrival.at)
