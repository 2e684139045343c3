"""Keep the leases of what this server is working on, so that only a dead server's work is taken over (T7, L1)."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime

from ticketbot import db
from ticketbot.models import events, notifications

EVENT, NOTIFICATION = "event", "notification"
RENEW_EVERY_S = 10.0  # a lease lasts 30 s: two renewals may fail before it is lost


class Held:
    """What this server holds leases on. `owner` is unique to this process, so a restarted one never mistakes itself."""

    def __init__(self) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._ids: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def holding(self, kind: str, row_id: int) -> Iterator[None]:
        """Have the lease of one row renewed while the block runs; a worker that ends lets it lapse."""
        with self._lock:
            self._ids.add((kind, row_id))
        try:
            yield
        finally:
            with self._lock:
                self._ids.discard((kind, row_id))

    def renew(self, now: datetime) -> None:
        """Prolong all leases held."""
        with self._lock:
            ids = sorted(self._ids)
        if not ids:
            return
        with db.transaction("renew"):
            for kind, row_id in ids:
                (events if kind == EVENT else notifications).renew(row_id, self.owner, now)
