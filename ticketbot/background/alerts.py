"""Look for problems twice a minute, have alerts tell of them, and post those to `alert_url` (O10)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo

import msgspec

from ticketbot import errors
from ticketbot.background import periodic, service_checks
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.decide import retry
from ticketbot.models import alerts as alert_rows
from ticketbot.models import runtime_config
from ticketbot.pipeline import alerts, problem_facts, service_outages
from ticketbot.remote import secret_url
from ticketbot.webex import webex_client

NAME = "alerts"
EVERY_S = 30.0
URL = "alert_url"

_logger = logging.getLogger(__name__)


class Services(msgspec.Struct, frozen=True):
    """Dependencies of alerts. `is_public` says whether webhooks are expected, which takes TBOT_PUBLIC_URL.

    `wake_senders` is called when there is a message to send.
    """

    connectwise: connectwise_client.ConnectWise
    webex: webex_client.Webex
    timezone: tzinfo
    is_public: bool
    now: Callable[[], datetime]
    wake_senders: Callable[[], None] = lambda: None
    idle_s: float = service_checks.IDLE_S


def run(services: Services, heartbeat: periodic.Heartbeat) -> None:
    """Check the services, compare problems with open alerts, and post what `alert_url` has not been sent yet."""
    service_checks.run(services.connectwise, services.webex, services.now, idle_s=services.idle_s)
    heartbeat()
    with db.session():
        config = runtime_config.load()
        facts = problem_facts.read(config, services.now(), services.timezone, is_public=services.is_public)
    if alerts.update(facts, config, services.timezone):
        services.wake_senders()
    while _post_next(services.now):
        heartbeat()


def _post_next(now: Callable[[], datetime]) -> bool:
    """Post the oldest alert; return whether another one may follow.

    It is removed after the post: an alert may be posted twice, but never lost.
    """
    with db.session():
        post = alert_rows.next_post()
        url = None if post is None else runtime_config.load().alert_url
    if post is None or (url is not None and post.due_at > now()):
        return False
    if url is None or now() - post.created_at > retry.GIVE_UP_AFTER:
        _give_up(post, now())
        return True
    began_at = now()
    try:
        secret_url.call(URL, url, post.body)
    except errors.RemoteError as error:
        _postpone(post, error, now())
        return False
    with db.transaction("alert-posted"):
        alert_rows.remove_post(post.id)
        ended = service_outages.record_success(URL, began_at)
    service_outages.log_end(ended, now())
    return True


def _postpone(post: alert_rows.AlertPost, error: errors.RemoteError, now: datetime) -> None:
    wait_s = retry.delay_s(post.attempts + 1, jitter=0.0)
    with db.transaction("alert-not-posted"):
        alert_rows.postpone_post(post.id, now + timedelta(seconds=wait_s))
        begun = service_outages.record(URL, error, now)
    service_outages.log_start(URL, begun, now)


def _give_up(post: alert_rows.AlertPost, now: datetime) -> None:
    with db.transaction("alert-given-up"):
        alert_rows.remove_post(post.id)
        service_outages.record_success(URL, now)  # nothing waits for the address any more
    _logger.warning("not posted, since alert_url was removed or failed for 24 hours: %(problem)s %(state)s", post.body)
