"""Say how the server is: alive, ready, and in numbers (O2, O3)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import bottle
import peewee
import prometheus_client

from ticketbot import errors, metrics
from ticketbot.api import responses
from ticketbot.database import db
from ticketbot.models import (
    event_claims,
    events,
    facts,
    holds,
    messages,
    outages,
    runtime_config,
    schema,
)
from ticketbot.server import application, gauges

UNCLAIMED_FOR = timedelta(seconds=60)
READY_FOR_S = 1.0  # strangers may ask as often as they like, and it costs several queries
SERVICES = ("connectwise", "webex")
WRITTEN_WITHIN_S = 5.0  # an idle server writes nothing: then it tries whether it could

_WORST_FIRST: tuple[responses.HealthState, ...] = ("failed", "attention", "degraded")

_logger = logging.getLogger(__name__)


def add_routes(
    app: bottle.Bottle,
    *,
    authenticate_local: Callable[[Mapping[str, Any]], None],
    readiness: Callable[[], Mapping[str, str]],
    now: Callable[[], datetime],
) -> None:
    """Serve `/healthcheck`, `/readyz`, and `/metrics` where `authenticate_local` accepts the request."""
    registries = (metrics.REGISTRY, gauges.ReadinessGauges(readiness, SERVICES), gauges.DatabaseGauges(now))

    def readyz() -> bottle.HTTPResponse:
        checks = readiness()
        status, is_strict = overall(checks), bottle.request.query.get("strict") == "1"
        is_unready = status != "ok" if is_strict else status == "failed"
        return application.json_answer({"status": status, "checks": checks}, 503 if is_unready else 200)

    def show_metrics() -> bottle.HTTPResponse:
        authenticate_local(bottle.request.environ)
        body = b"".join(prometheus_client.generate_latest(each) for each in registries)
        return bottle.HTTPResponse(body, 200, {"Content-Type": prometheus_client.CONTENT_TYPE_LATEST})

    add_healthcheck(app)
    app.route("/readyz", "GET", readyz)
    app.route("/metrics", "GET", show_metrics)


def add_healthcheck(app: bottle.Bottle) -> None:
    """Serve `/healthcheck`."""
    app.route("/healthcheck", "GET", lambda: application.json_answer({"status": "ok"}))


def overall(checks: Mapping[str, str]) -> responses.HealthState:
    """Return the worst of some states; what needs a person comes before what heals itself."""
    found = set(checks.values())
    return next((state for state in _WORST_FIRST if state in found), "ok")


def check(
    dead_threads: list[str], now: datetime, failing_services: Collection[str] = (), *, clock_is_wrong: bool = False
) -> dict[str, str]:
    """Return each check: `ok`, `degraded` (waits for an external service), `attention` (for a person) or `failed` (O2).

    `failing_services` are the services at which what is done every so often, as catch-up, has failed.
    """
    checks = {
        "database": "ok",
        "schema": "ok",
        "workers": "failed" if dead_threads else "ok",
        "queues": "ok",
        "clock": "degraded" if clock_is_wrong else "ok",
    }
    try:
        with db.session():
            checks["schema"] = "ok" if schema.is_current() else "failed"
            if checks["schema"] == "ok":
                checks |= _queues_and_services(now, failing_services)
        if checks["schema"] == "ok" and not db.was_written_within(WRITTEN_WITHIN_S):
            with db.transaction("probe", wait_s=db.LOCK_TIMEOUT_S):
                facts.write_time(facts.LAST_PROBE, now)
    except errors.Unreachable:
        checks["database"] = "failed"
    except peewee.DatabaseError:  # the database answers, but not as this program expects it to
        _logger.exception("the tables of the database are not as this program expects them")
        checks["schema"] = "failed"
    return checks


def _queues_and_services(now: datetime, failing_services: Collection[str]) -> dict[str, str]:
    stuck = event_claims.is_stuck(now - UNCLAIMED_FOR) or messages.is_stuck(now - UNCLAIMED_FOR)
    services = {
        service: "degraded" if service in failing_services and state == "ok" else state
        for service in SERVICES
        for state in [state_of(service)]
    }
    for_person = {
        "callback": facts.read_time(facts.CALLBACK_REPAIRED) is not None,
        "notifications": not runtime_config.load().attempt_notify,
    }
    needed = {name: "attention" if is_needed else "ok" for name, is_needed in for_person.items()}
    return {"queues": "failed" if stuck else "ok", **services, **needed}


T = TypeVar("T")


class Cached(Generic[T]):
    """A result that is computed by one thread at a time, and then good for a while: anybody may ask for it (O2)."""

    def __init__(self, compute: Callable[[], T], seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._compute, self._seconds, self._clock = compute, seconds, clock
        self._lock = threading.Lock()
        self._results: list[T] = []
        self._good_until = float("-inf")

    def __call__(self) -> T:
        with self._lock:
            if self._clock() >= self._good_until:
                self._results = [self._compute()]
                self._good_until = self._clock() + self._seconds
            return self._results[0]


def state_of(service: str) -> responses.HealthState:
    """Return whether a service refuses our credentials, or something waits for it."""
    if found := outages.of(service):
        return "attention" if any(outage.denied for outage in found) else "degraded"
    hold = holds.latest(service)
    if hold is not None:
        return "attention" if hold.needs_person else "degraded"
    # An event that waits because Webex could not look somebody up says nothing about ConnectWise.
    is_failing = events.is_failing() and not outages.of("webex") if service == "connectwise" else messages.is_failing()
    return "degraded" if is_failing else "ok"
