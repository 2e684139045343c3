"""Commit webhooks before they are acknowledged, those that come in together in one transaction (W3, W4).

A commit costs the disk as much for eight hooks as for one. So whoever gets the turn commits for all that came in while
the one before was busy: nobody waits for a timer, and a burst costs a few commits instead of many.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from ticketbot import errors
from ticketbot.database import db
from ticketbot.models import events

SUDDEN_S = 0.5  # a failure so soon is that of a connection, and not the end of a wait


class PendingWebhook(msgspec.Struct):
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
        self._arrivals: list[PendingWebhook] = []

    def accept(self, arrival: PendingWebhook) -> str:
        """Return `accepted` or `replayed` once that is committed.

        Raises `Unreachable` when the database does not take it, within some 2 s: nothing was accepted then.
        """
        with self._lock:
            self._arrivals.append(arrival)
        with self._turn:
            if arrival.outcome is None:
                self._settle(self._waiting())
        if isinstance(arrival.outcome, Exception):
            raise arrival.outcome
        assert arrival.outcome is not None
        return arrival.outcome

    def _waiting(self) -> list[PendingWebhook]:
        with self._lock:
            batch, self._arrivals = self._arrivals, []
        return batch

    def _settle(self, batch: list[PendingWebhook]) -> None:
        began_s = time.monotonic()
        try:
            try:
                outcomes = _commit(batch)
            except errors.Unreachable:
                if time.monotonic() - began_s > SUDDEN_S:
                    raise
                outcomes = _commit(batch)  # after a restart of PostgreSQL the first try only finds out that it is gone
        except errors.Unreachable as error:
            # Whoever came meanwhile has waited for the same database: another 2 s each would be too long (W3).
            for arrival in [*batch, *self._waiting()]:
                arrival.outcome = error
        except Exception as error:  # noqa: BLE001  (each of the batch is waiting for its outcome)
            if len(batch) == 1:
                batch[0].outcome = error
                return
            for arrival in batch:  # one that cannot be stored must not take the others with it
                self._settle([arrival])
        else:
            for arrival, outcome in zip(batch, outcomes, strict=True):
                arrival.outcome = outcome


def _commit(batch: Sequence[PendingWebhook]) -> list[str]:
    """Write a batch in the one order that all servers keep: messages, then tickets. So no two wait in a circle."""
    with db.transaction("accept", wait_s=db.LOCK_TIMEOUT_S):
        new = events.new_message_ids((each.message_id for each in batch if each.message_id), batch[0].at)
        # An id that stands twice in the batch is new the first time only.
        accepted = [not each.message_id or _is_first(new, each.message_id) for each in batch]
        events.enqueue(_change(each) for each, is_new in zip(batch, accepted, strict=True) if is_new)
    return ["accepted" if is_new else "replayed" for is_new in accepted]


def _is_first(new: set[str], message_id: str) -> bool:
    if message_id not in new:
        return False
    new.remove(message_id)
    return True


def _change(arrival: PendingWebhook) -> events.Change:
    return events.Change(arrival.ticket_id, "hook", arrival.action, arrival.kind_hint, arrival.correlation, arrival.at)
