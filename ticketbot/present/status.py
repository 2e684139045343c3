"""The status of the server as lines (O14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from ticketbot.api import status_responses
from ticketbot.present import words

_MEANS = {
    "ok": "everything works",
    "attention": "a person is needed",
    "degraded": "it waits for an external service, and recovers by itself",
    "failed": "it does not work",
}
_NAMES = {"connectwise": "ConnectWise", "webex": "Webex"}


def lines(status: status_responses.Status, text: Callable[[object], str]) -> Iterator[str]:
    """Yield each line; `text` shows a moment, or `-` for none, and cleans what comes from outside."""
    yield f"Ticketbot {status.version}: {status.status}, {_MEANS[status.status]}"
    for service in status.services:
        since = f" since {text(service.since)}" if service.since else ""
        detail = f": {text(service.detail)}" if service.detail else ""
        yield f"{_NAMES.get(service.name, service.name)}: {service.state}{since}{detail}"
    waiting, dead = status.waiting, status.dead
    yield (
        f"Waiting: {words.count(waiting.events, 'event')}, {words.count(waiting.messages, 'message')}, "
        f"{words.count(waiting.held, 'notification')} held by quiet hours"
    )
    is_dead = dead.events or dead.notifications
    advice = "; see `tbot list notifications --state=dead` and `tbot list events --state=dead`" if is_dead else ""
    yield f"Dead: {words.count(dead.events, 'event')}, {words.count(dead.notifications, 'notification')}{advice}"
    yield f"Last webhook: {text(status.last_webhook_at)}; last message: {text(status.last_sent_at)}"
    sync = status.last_sync
    yield f"Last sync: {sync.state}, started {text(sync.started_at)}" if sync else "Last sync: none yet"
    if status.switched_off:
        yield f"Switched off: {', '.join(status.switched_off)}; see `tbot get config`"


def brief(status: status_responses.Status, ago: Callable[[datetime], str]) -> str:
    """Return what waits, what is dead and the last of everything on one line; `ago` shows a moment."""
    waiting = status.waiting.events + status.waiting.messages
    dead = status.dead.events + status.dead.notifications
    counts = ((waiting, "waiting"), (status.waiting.held, "held"), (dead, "dead"))
    shown = [f"{number} {name}" for number, name in counts if number] or ["nothing waits"]
    sync = status.last_sync
    last = {"webhook": status.last_webhook_at, "message": status.last_sent_at, "sync": sync and sync.started_at}
    return ", ".join([*shown, *(f"last {name} {ago(at)}" for name, at in last.items() if at)])
