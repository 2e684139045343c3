"""Call `heartbeat_url` every minute while all is well: whoever watches it notices when the calls end (O11)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from ticketbot.background import periodic
from ticketbot.database import db
from ticketbot.decide import problems
from ticketbot.models import facts, runtime_config
from ticketbot.pipeline import problem_facts
from ticketbot.remote import secret_url

NAME = "heartbeat_url"
EVERY_S = 60.0
_SLACK = timedelta(seconds=5)  # of the moments at which threads wake up

_logger = logging.getLogger(__name__)


class Services(msgspec.Struct, frozen=True):
    """Dependencies of the heartbeat. `checks` are those of `/readyz`, by name."""

    checks: Callable[[], Mapping[str, str]]
    now: Callable[[], datetime]


def every_s(config: runtime_config.Config) -> float:
    """Return the seconds between calls; 0, never, without an address."""
    return EVERY_S if config.heartbeat_url else 0.0


def run(services: Services, _: periodic.Heartbeat) -> None:
    """Call the address, unless it is not set, another server has just called it, or something does not work.

    That is what `/readyz` calls failed (the database, which must be writable, its schema, threads, and what is due and
    not claimed), or a Webex that takes no message. Raises `RemoteError` if the address does not answer with 2xx.
    """
    now = services.now()
    with db.session():
        url, last = runtime_config.load().heartbeat_url, facts.read_time(facts.LAST_HEARTBEAT)
    if url is None or (last is not None and timedelta() <= now - last < timedelta(seconds=EVERY_S) - _SLACK):
        return
    if failed := failing(services):
        _logger.warning("no heartbeat: %s", ", ".join(failed))
        return
    secret_url.call(NAME, url)
    with db.transaction("heartbeat-called"):
        facts.write_time(facts.LAST_HEARTBEAT, now)


def failing(services: Services) -> list[str]:
    """Return what does not work, empty if all is well."""
    failed = [name for name, state in services.checks().items() if state == "failed"]
    if failed:
        return failed  # the database may not answer
    with db.session():
        known = problem_facts.read(runtime_config.load(), services.now(), UTC, is_public=False)
    return ["webex"] if problems.is_unable_to_send(known) else []
