"""Call services that nothing has called lately, so that a revoked token is noticed before the next ticket (O2, O10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from ticketbot import errors
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import events, holds, messages, outages
from ticketbot.pipeline import service_outages
from ticketbot.webex import webex_client

IDLE_S = 60.0

# For how many something that waits fails at a service. If for one only, although the service answers, it is that one's
# own trouble; and when all is given up, no success ends the outage.
_OF_QUEUES: dict[str, Callable[[], int]] = {
    service_outages.EVENTS: events.failing_tickets,
    service_outages.LOOKUPS: events.failing_tickets,
    service_outages.MESSAGES: messages.failing_recipients,
}


def run(
    connectwise: connectwise_client.ConnectWise,
    webex: webex_client.Webex,
    now: Callable[[], datetime],
    *,
    idle_s: float = IDLE_S,
) -> None:
    """Call each service that has not answered for a while, and record the beginning or end of an outage."""
    with db.session():
        known = outages.all_outages()
        held = holds.active(now()) if known else {}  # whatever is on hold has failed before
    for service, client, call in (
        (connectwise_client.NAME, connectwise, connectwise.info),
        (webex_client.NAME, webex, webex.me),
    ):
        began_at, begun = now(), [row.source for row in known if row.service == service]
        if client.has_answered_within(idle_s) or (service not in held and _answers(service, call, now)):
            _end_outages(service, begun, began_at, now)


def _answers(service: str, call: Callable[[], object], now: Callable[[], datetime]) -> bool:
    try:
        call()
    except errors.RemoteError as error:
        with db.transaction("service-check"):
            begun = service_outages.record(f"{service} check", error, now())
        service_outages.log_start(f"{service} check", begun, now())
        return False
    return True


def _end_outages(service: str, begun: Sequence[str], called_at: datetime, now: Callable[[], datetime]) -> None:
    """End what the check itself has begun, and the outages of queues in which no more than one fails."""
    own = f"{service} check"
    with db.session():
        over = [name for name in begun if name == own or (name in _OF_QUEUES and _OF_QUEUES[name]() < 2)]
    for name in over:
        with db.transaction("service-check"):
            ended = service_outages.record_success(name, called_at)
            if name in _OF_QUEUES:  # the hold that began it may have been for a message that is not retried
                holds.end(service, called_at=called_at)
        service_outages.log_end(ended, now())
