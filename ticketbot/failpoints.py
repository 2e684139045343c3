"""Named places where a test may kill the process, to prove that nothing is lost there.

`TBOT_FAIL_AT=commit.before:3` kills at the third passage of `commit.before`. The check costs one dictionary look-up and
is compiled away under `python -O`, as in the packed binary.
"""

from __future__ import annotations

import os
import signal
import threading

_COMMITS = (
    "accept",
    "claim-event",
    "lookups",
    "finish-event",
    "return-event",
    "claim-message",
    "sent",
    "not-sent",
)
DIGEST_COMMITS: tuple[str, ...] = ("release-held", "split-digest")
"""What is committed beside it where quiet hours held something."""
SYNC_COMMITS: tuple[str, ...] = (
    "sync-start",
    "sync-boards",
    "sync-statuses",
    "sync-rooms",
    "sync-members",
    "sync-people",
    "sync-tickets",
    "sync-closed",
    "sync-notes",
    "sync-progress",
    "sync-end",
)
"""What a sync commits, beside the road of a hook."""

_CALLS = ("connectwise", "webex")

NAMES: tuple[str, ...] = tuple(
    f"{place}.{moment}" for place in (*_COMMITS, *DIGEST_COMMITS, *_CALLS) for moment in ("before", "after")
)

_armed, _, _countdown = os.environ.get("TBOT_FAIL_AT", "").partition(":")
_remaining_hits = int(_countdown or 1)
_lock = threading.Lock()


def hit(name: str) -> None:
    """Kill this process, as `kill -9` would, when the environment asks for it at this point."""
    global _remaining_hits  # noqa: PLW0603  (the countdown of a process that is about to die)
    if not __debug__ or not _armed or name != _armed:
        return
    with _lock:
        _remaining_hits -= 1
        if _remaining_hits == 0:
            os.kill(os.getpid(), signal.SIGKILL)
