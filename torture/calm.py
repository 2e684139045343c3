"""Quiet hours during a run, set anew in each round and moved while they last, and what they must do."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from torture import fixtures
from torture.ledger import Row

QUIET = ("ben", "dan", "Night Shift")  # some of them get what others forward
URGENT = 'event == "new"'
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES = 1  # of one window: it ends within the round, or soon after it

_DIGEST = re.compile(r"\*\*After quiet hours:\*\* \d+ tickets?\n")
_SECTION = re.compile(r"^\[#(\d+)\]\(", re.MULTILINE)


@dataclass
class QuietHours:
    """The quiet hours of some recipients: a window from the beginning of each round, which is moved while it lasts."""

    url: str
    recipients: dict[str, int]
    ids: list[int] = field(default_factory=list)

    def begin(self) -> None:
        """Let quiet hours begin now, for at least a minute; those of the last round are replaced."""
        now = datetime.now(UTC)
        window = {"from": f"{now:%H:%M}", "to": f"{now + timedelta(minutes=MINUTES + 1):%H:%M}"}
        for place, name in enumerate(QUIET):
            if place >= len(self.ids):
                body = {"recipient_id": self.recipients[name], "days": DAYS, "timezone": "UTC", "urgent": URGENT}
                self.ids.append(self._call("POST", "/notifiers/quiet-hours", **body, **window)["id"])
            else:
                self._call("PATCH", f"/notifiers/quiet-hours/{self.ids[place]}", enabled=True, **window)

    def move(self) -> None:
        """End the quiet hours of one recipient now, and those of another one a minute later."""
        later = datetime.now(UTC) + timedelta(minutes=MINUTES)
        with suppress(RuntimeError):  # the server is down: then they stay as they are
            self._call("PATCH", f"/notifiers/quiet-hours/{self.ids[0]}", enabled=False)
            self._call("PATCH", f"/notifiers/quiet-hours/{self.ids[1]}", to=f"{later:%H:%M}")

    def _call(self, method: str, path: str, **body: Any) -> Any:
        for _ in range(50):
            try:
                return fixtures.Api(self.url)(method, path, **body)
            except (RuntimeError, OSError) as error:
                failure = error
                time.sleep(0.2)
        raise RuntimeError(f"no server takes {method} {path}: {failure}")


def is_digest(text: str) -> bool:
    """Return whether a message is a digest."""
    return _DIGEST.match(text) is not None


def sections(text: str) -> Iterator[str]:
    """Yield what a message says about each of its tickets; everything but a digest is about one."""
    if not is_digest(text):
        yield text
        return
    starts = [found.start() for found in _SECTION.finditer(text)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        yield text[start:end]


def held_problems(row: Row, ids: Sequence[str], first_at: float, slack_s: float) -> Iterator[str]:
    """Yield what is wrong with a notification that quiet hours held: it arrives once, and not before they ended."""
    if row.held_until is None or row.state != "sent":
        return
    if len(ids) != 1 and not row.possible_duplicate:
        yield f"was held, and arrived {len(ids)} times"
    if ids and first_at + slack_s < row.held_until:
        yield f"arrived {row.held_until - first_at:.0f} s before the end of the quiet hours that held it"


def problems(rows: list[Row]) -> Iterator[str]:
    """Yield what was held, is said to have arrived, and has no message of its own, or one of somebody else."""
    of_message: dict[int, set[int | None]] = {}
    for row in rows:
        if row.message_id is not None:
            of_message.setdefault(row.message_id, set()).add(row.recipient_id)
        elif row.held_until is not None and row.state == "sent":
            yield f"notification {row.id} was held and is sent, but no message carries it"
    for number, recipients in of_message.items():
        if len(recipients) > 1:
            yield f"message {number} carries notifications of several recipients"
