"""What `/metrics` counts (O3). Gauges over the database are read when somebody asks, by `server.app`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

HOOKS = Counter("tbot_hooks", "Webhooks by outcome", ["outcome"], registry=REGISTRY)
HOOKS_REFUSED = Counter("tbot_hooks_refused", "Refused webhooks by reason", ["reason"], registry=REGISTRY)
AUTH_FAILURES = Counter("tbot_auth_failures", "Refused access by reason", ["reason"], registry=REGISTRY)
EVENTS = Counter("tbot_events", "Events by outcome of a run", ["outcome"], registry=REGISTRY)
NOTIFICATIONS = Counter(
    "tbot_notifications", "Notifications by state they reached and why", ["state", "reason"], registry=REGISTRY
)
API_CALLS = Histogram(
    "tbot_api_call_seconds",
    "Calls to ConnectWise and Webex by answer, with latency",
    ["service", "operation", "status"],
    registry=REGISTRY,
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20),
)
CATCH_UP_FINDS = Counter("tbot_catch_up_finds", "Changes found by catch-up that no webhook had told", registry=REGISTRY)


def count_call(service: str, operation: str, status: str, seconds: float) -> None:
    """Count one call to an external service: the `on_call` of `remote`."""
    API_CALLS.labels(service, operation, status).observe(seconds)
