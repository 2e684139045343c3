"""Keep exactly one ConnectWise callback for ticket changes registered (C2)."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from ticketbot import errors
from ticketbot.background import periodic
from ticketbot.connectwise import connectwise_client, records
from ticketbot.database import db
from ticketbot.models import facts

NAME = "callback watchdog"
EVERY_S = 3600.0
PATH = "/hooks/cw/tickets"
_ALL_TICKETS = (None, 0, 1)  # the object of level `owner`: every ticket; 0 comes back as 1

_logger = logging.getLogger(__name__)


class CallbackChanges(NamedTuple):
    """The changes to make: `keep` is the callback that stays, None if a new one must be created."""

    keep: records.Callback | None
    delete: tuple[records.Callback, ...]


def run(
    source: connectwise_client.ConnectWise,
    public_url: str,
    now: Callable[[], datetime],
    heartbeat: periodic.Heartbeat,
) -> None:
    """Make exactly one active ticket callback of level `owner` point at us; leave those of others alone.

    The right callback exists before wrong ones are deleted, so that no change is missed in between.
    """
    base = f"{public_url.rstrip('/')}{PATH}"
    wanted = f"{base}?recordId="
    heartbeat()
    found = callbacks_to_change(source.callbacks(), base, wanted)
    _remember(found, now())
    if found.keep is None:
        heartbeat()
        created = source.create_callback(wanted)
        _logger.warning("the ticket callback was missing in ConnectWise; created callback %d", created.id)
    elif found.keep.inactive:
        heartbeat()
        source.update_callback(found.keep.id, inactive=False)
        _logger.warning("ticket callback %d was inactive in ConnectWise; activated it again", found.keep.id)
    for callback in found.delete:
        heartbeat()
        with contextlib.suppress(errors.RemoteGone):
            source.delete_callback(callback.id)
        _logger.warning("removed callback %d: %s %s at %s", callback.id, callback.type, callback.level, callback.url)


def _remember(found: CallbackChanges, now: datetime) -> None:
    """Remember that the callback had to be repaired, until a check finds it right (O2); creating the first is none."""
    is_right = found.keep is not None and not found.keep.inactive
    with db.transaction("callback"):
        was_known = facts.read_time(facts.CALLBACK_KNOWN) is not None
        facts.write_time(facts.CALLBACK_KNOWN, now)
        if is_right:
            facts.forget(facts.CALLBACK_REPAIRED)
        elif was_known:
            facts.write_time(facts.CALLBACK_REPAIRED, now)


def callbacks_to_change(callbacks: Sequence[records.Callback], base: str, wanted: str) -> CallbackChanges:
    """Choose the callback to keep, the same on every server: active before inactive, then the oldest."""
    ours = [each for each in callbacks if each.url.startswith(base)]
    right = [each for each in ours if _is_right(each, wanted)]
    keep = min(right, key=lambda each: (each.inactive, each.id), default=None)
    return CallbackChanges(keep, tuple(each for each in ours if each is not keep))


def _is_right(callback: records.Callback, wanted: str) -> bool:
    return (
        callback.url == wanted
        and callback.type == "ticket"
        and callback.level == "owner"
        and callback.object_id in _ALL_TICKETS
    )
