"""What this server counts (O3). What is read when it is scraped is in `server.gauges`."""

from __future__ import annotations

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

from ticketbot import __version__

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, which nobody reads

REGISTRY = CollectorRegistry()

HOOKS = Counter("tbot_hooks", "Webhooks by outcome, of this server", ["outcome"], registry=REGISTRY)
for _outcome in ("accepted", "replayed", "ignored", "refused", "put off"):
    HOOKS.labels(_outcome)  # from 0 on: Prometheus sees no increase in a series that begins with 1
HOOKS_REFUSED = Counter(
    "tbot_hooks_refused", "Refused webhooks by reason, of this server", ["reason"], registry=REGISTRY
)
AUTH_FAILURES = Counter("tbot_auth_failures", "Refused access by reason, of this server", ["reason"], registry=REGISTRY)
EVENTS = Counter("tbot_events", "Events by outcome of a run, of this server", ["outcome"], registry=REGISTRY)
NOTIFICATIONS = Counter(
    "tbot_notifications",
    "Notifications by state they reached and why, of this server",
    ["state", "reason"],
    registry=REGISTRY,
)
API_CALLS = Histogram(
    "tbot_api_call_seconds",
    "Calls to ConnectWise and Webex by answer, with latency, of this server",
    ["service", "operation", "status"],
    registry=REGISTRY,
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
)
CATCH_UP_FINDS = Counter(
    "tbot_catch_up_finds", "Changes found by catch-up that no webhook had told, of this server", registry=REGISTRY
)
# From what nobody notices to the 24 hours after which a message is given up (L2).
WEBHOOK_TO_MESSAGE = Histogram(
    "tbot_webhook_to_message_seconds",
    "Time from a webhook to Webex's answer to a message about it, but not of what quiet hours held, of this server",
    registry=REGISTRY,
    buckets=(0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400),
)
BUILD = Gauge("tbot_build_info", "Version of this server, always 1", ["version", "python"], registry=REGISTRY)
BUILD.labels(__version__, platform.python_version()).set(1)
ProcessCollector(registry=REGISTRY)  # memory, processor time, open files, start


def count_call(service: str, operation: str, status: str, seconds: float) -> None:
    """Count one call to an external service: the `on_call` of `remote`."""
    API_CALLS.labels(service, operation, status).observe(seconds)
