"""Call services that nothing has called lately, so that a revoked token is noticed before the next ticket (O2, O10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ticketbot import errors
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import events, holds, messages, outages
from ticketbot.pipeline import service_outages
from ticketbot.webex import webex_client

IDLE_S = 60.0

# What fails at a service only while something waits: when that is given up, no success ends the outage.
_OF_QUEUES: dict[str, Callable[[], bool]] = {
    service_outages.EVENTS: events.is_failing,
    service_outages.LOOKUPS: events.is_failing,
    service_outages.MESSAGES: messages.is_failing,
}


def run(
    connectwise: connectwise_client.ConnectWise,
    webex: webex_client.Webex,
    now: Callable[[], datetime],
    *,
    idle_s: float = IDLE_S,
) -> None:
    """Call each service that has not answered for a while, and record the beginning or end of an outage."""
    _check(connectwise, connectwise_client.NAME, connectwise.info, now, idle_s)
    _check(webex, webex_client.NAME, webex.me, now, idle_s)


def _check(
    client: connectwise_client.ConnectWise | webex_client.Webex,
    service: str,
    call: Callable[[], object],
    now: Callable[[], datetime],
    idle_s: float,
) -> None:
    began_at, source = now(), f"{service} check"
    if not client.has_answered_within(idle_s):
        with db.session():
            if service in holds.active(began_at):
                return  # it has asked us to wait, or has refused us
        try:
            call()
        except errors.RemoteError as error:
            with db.transaction("service-check"):
                begun = service_outages.record(source, error, now())
            service_outages.log_start(source, begun, now())
            return
    _end_outages(service, source, began_at, now)


def _end_outages(service: str, source: str, called_at: datetime, now: Callable[[], datetime]) -> None:
    """End what the check itself has begun, and the outages of queues in which nothing fails any more."""
    with db.session():
        begun = [row.source for row in outages.of(service)]
        over = [name for name in begun if name == source or (name in _OF_QUEUES and not _OF_QUEUES[name]())]
    for name in over:
        with db.transaction("service-check"):
            ended = service_outages.record_success(name, called_at)
        service_outages.log_end(ended, now())
