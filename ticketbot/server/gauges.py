"""Figures that are read when `/metrics` is scraped (O3): of the database, which all servers share, and of readiness."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from typing import get_args

import peewee
import prometheus_client
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from ticketbot import errors
from ticketbot.api import responses
from ticketbot.database import db
from ticketbot.models import events, notifications, runtime_config, syncs


class DatabaseGauges(prometheus_client.CollectorRegistry):
    """Gauges over the database; each costs one or two short queries, and no lock."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now

    def collect(self) -> Iterator[Metric]:
        """Yield what is stored; nothing while the database is away, so that a series ends rather than lies."""
        try:
            with db.session():
                found = [*self._queues(), *_webhooks(), *_syncs(), _attempt_notify()]
        except (errors.Unreachable, peewee.DatabaseError):  # `tbot_check_state` and the log say which and why
            return
        yield from found

    def _queues(self) -> Iterator[Metric]:
        counts = {"event": events.open_counts(), "notification": notifications.open_counts()}
        rows = _gauge("tbot_queue_rows", "Rows in the queues by state, dead ones too", ["queue", "state"])
        for queue, by_state in counts.items():
            for state, count in by_state.items():
                rows.add_metric([queue, state], count)
        yield rows
        oldest = {"event": events.oldest_waiting(), "notification": notifications.oldest_waiting()}
        age = _gauge("tbot_queue_oldest_seconds", "Age of the oldest waiting row, 0 if none waits", ["queue"])
        for queue, since in oldest.items():
            age.add_metric([queue], (self._now() - since).total_seconds() if since else 0.0)
        yield age


def _webhooks() -> Iterator[Metric]:
    last = events.last_webhook_at()
    if last is not None:
        text = "When the last webhook was accepted; missing if none was in 7 days"
        yield _gauge("tbot_last_webhook_timestamp_seconds", text, value=last.timestamp())


def _syncs() -> Iterator[Metric]:
    last = _gauge("tbot_sync_last_ended_timestamp_seconds", "When a sync last ended, by how it did", ["state"])
    for state, at in syncs.last_finished().items():
        last.add_metric([state], at.timestamp())
    yield last
    yield _gauge("tbot_sync_running", "Whether a sync runs", value=int(syncs.running() is not None))


def _attempt_notify() -> Metric:
    is_on = runtime_config.load().attempt_notify
    return _gauge("tbot_attempt_notify", "Whether notifications are sent: 0 is the kill switch", value=int(is_on))


class ReadinessGauges(prometheus_client.CollectorRegistry):
    """What `/readyz` says, each check as one series per state, of which one is 1."""

    def __init__(self, readiness: Callable[[], Mapping[str, str]], services: Collection[str]) -> None:
        super().__init__()
        self._readiness, self._services = readiness, services

    def collect(self) -> Iterator[Metric]:
        """Yield the states; those of services are missing while the database, which knows them, is away."""
        services = GaugeMetricFamily(
            "tbot_service_state", "State of an external service as this server sees it", labels=["service", "state"]
        )
        others = GaugeMetricFamily(
            "tbot_check_state", "State of each other check of /readyz on this server", labels=["check", "state"]
        )
        for name, found in self._readiness().items():
            for state in get_args(responses.HealthState):
                (services if name in self._services else others).add_metric([name, state], int(state == found))
        yield services
        yield others


def _gauge(name: str, text: str, labels: list[str] | None = None, value: float | None = None) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, f"{text}; all servers on one database say the same", labels=labels, value=value)
