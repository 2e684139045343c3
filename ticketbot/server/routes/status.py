"""How the server is, at one look (O14)."""

from __future__ import annotations

from ticketbot import __version__
from ticketbot.api import status_responses
from ticketbot.models import events, holds, notifications, outages, runtime_config, syncs
from ticketbot.server import health, operations
from ticketbot.server.routes import syncs as sync_api

ROUTES = operations.Routes("status")


@ROUTES.get("/status", "Show how the server is")
def get_status(services: operations.Services) -> status_responses.Status:
    checks = services.readiness()
    event_counts, counts = events.open_counts(), notifications.open_counts()
    config, last_sync = runtime_config.load(), syncs.latest()
    return status_responses.Status(
        status=health.overall(checks),
        version=__version__,
        services=[_service(name, checks) for name in health.SERVICES],
        waiting=status_responses.Waiting(
            events=event_counts[events.WAITING] + event_counts[events.RUNNING],
            messages=counts[notifications.PENDING] + counts[notifications.SENDING],
            held=notifications.count_held(),
        ),
        dead=status_responses.Dead(events=event_counts[events.DEAD], notifications=counts[notifications.DEAD]),
        last_webhook_at=events.last_webhook_at(),
        last_sent_at=notifications.last_sent_at(),
        last_sync=None if last_sync is None else sync_api.sync_run(last_sync),
        attempt_notify=config.attempt_notify,
        switched_off=[
            *([] if config.attempt_notify else ["attempt_notify"]),
            *([] if config.catch_up_interval else ["catch_up_interval"]),
        ],
    )


def _service(name: str, checks: operations.Checks) -> status_responses.ServiceState:
    found, hold = outages.of(name), holds.latest(name)
    since = found[0].since if found else hold and hold.since
    # What needs a person comes before what heals by itself.
    reason = max(found, key=lambda outage: bool(outage.denied)).reason if found else hold and hold.reason
    return status_responses.ServiceState(
        name=name,
        state=health.overall({name: checks.get(name, "failed")}),
        since=since,
        detail=reason,
    )
