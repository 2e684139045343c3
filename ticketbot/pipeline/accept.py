"""Commit webhooks before acknowledging them; webhooks that arrive together share one transaction (W3, W4).

A commit costs the disk the same for eight webhooks as for one. So the thread whose turn it is commits everything that
arrived during the previous commit: no timer delays a webhook, and a burst costs few commits.
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

SUDDEN_S = 0.5  # a failure this fast is a broken connection, not a wait that timed out


class PendingWebhook(msgspec.Struct):
    """A verified webhook. The committing thread sets `outcome`: `accepted`, `replayed` or the exception."""

    ticket_id: int
    action: str
    kind_hint: str | None
    message_id: str | None
    correlation: str
    at: datetime
    outcome: str | Exception | None = None


class Inbox:
    """Accept all webhooks of a server; shared by its threads."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._lock = threading.Lock()
        self._arrivals: list[PendingWebhook] = []

    def accept(self, arrival: PendingWebhook) -> str:
        """Return `accepted` or `replayed` once that is committed.

        Raises `Unreachable` within about 2 s if the database cannot store it; nothing was accepted then.
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
                outcomes = _commit(batch)  # after a PostgreSQL restart, the first try only finds the broken connection
        except errors.Unreachable as error:
            # Later arrivals waited for the same database: another 2 s each would be too long (W3).
            for arrival in [*batch, *self._waiting()]:
                arrival.outcome = error
        except Exception as error:  # noqa: BLE001  (every webhook of the batch waits for its outcome)
            if len(batch) == 1:
                batch[0].outcome = error
                return
            for arrival in batch:  # one that cannot be stored must not fail the others
                self._settle([arrival])
        else:
            for arrival, outcome in zip(batch, outcomes, strict=True):
                arrival.outcome = outcome


def _commit(batch: Sequence[PendingWebhook]) -> list[str]:
    """Write a batch in the order all servers use, messages then tickets, so that transactions cannot deadlock."""
    with db.transaction("accept", wait_s=db.LOCK_TIMEOUT_S):
        new = events.new_message_ids((each.message_id for each in batch if each.message_id), batch[0].at)
        # An id that occurs twice in the batch is new only the first time.
        accepted = [not each.message_id or _is_first(new, each.message_id) for each in batch]
        events.enqueue(_change(each) for each, is_new in zip(batch, accepted, strict=True) if is_new)
    return ["accepted" if is_new else "replayed" for is_new in accepted]


def _is_first(new: set[str], message_id: str) -> bool:
    if message_id not in new:
        return False
    new.remove(message_id)
    return True


def _change(arrival: PendingWebhook) -> events.Change:
    return events.Change(
        arrival.ticket_id, events.HOOK, arrival.action, arrival.kind_hint, arrival.correlation, arrival.at
    )
