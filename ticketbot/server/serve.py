"""`tbot serve`: the only place that assembles the whole."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import bottle
import peewee
from waitress import wasyncore

from ticketbot import __version__, errors, log, metrics, signals
from ticketbot.background import (
    alerts,
    callbacks,
    catch_up,
    heartbeat,
    heartbeat_url,
    periodic,
    retention,
    scheduled_sync,
    workers,
)
from ticketbot.connectwise import connectwise_client, rate_limit, webhook_signature
from ticketbot.database import db
from ticketbot.decide.reasons import SKIPPED_IN_COPY
from ticketbot.models import api_keys, copies, erasure, facts, outages, runtime_config, schema, servers
from ticketbot.panel import site
from ticketbot.pipeline import accept, clock, deliver, mass_changes, people, process_event, render, sign_in_message
from ticketbot.server import application, authentication, health, listener, operations, verified_keys, webhooks
from ticketbot.server.routes import all_routes
from ticketbot.settings import types
from ticketbot.settings.table import Settings
from ticketbot.sync import sync_run, sync_service
from ticketbot.webex import webex_client

STOP_WITHIN_S = 10.0  # O4
CONFIG_FOR_S = 4.0  # for the intervals of jobs, which several threads ask for every 5 s

_logger = logging.getLogger(__name__)


def run(settings: Settings, *, skip_missed: bool = False) -> int:
    """Serve until SIGTERM or SIGINT, or until a newer release takes over the database. Returns the exit status."""
    settings.require("serve")
    log.configure(settings.log_level, settings.log_format, sys.stderr)
    with db.naming_database(settings.database_url):
        prepare_database(settings, skip_missed=skip_missed, now=_now())
    signals.block_shutdown_signals()
    signals.end_with_parent()
    with listener.explaining_missing_threads():
        server = Server(settings)
    try:
        with listener.explaining_missing_threads():
            server.start()
        signals.wait_for_shutdown()
    finally:
        server.stop()
    status = 0
    if server.outdated is not None:
        _logger.error("%s", server.outdated)
        status = server.outdated.exit_status
    if threading.active_count() > 1:
        os._exit(status)  # some call outside hangs, and the interpreter would wait for it, past the 10 s of O4
    return status


def prepare_database(settings: Settings, *, skip_missed: bool, now: datetime) -> None:
    """Migrate, and write what the first start writes: since when we watch (T5), the first administrator (A3)."""
    db.open_database(settings.database_url, settings.workers)
    for name in schema.migrate():
        _logger.info("migrated the database: %s", name)
    with db.transaction("first-start"):
        since = facts.start_watching(now)
        if not settings.public_url:  # nothing watches the callback any more, and what was found is no news (C2)
            outages.end(callbacks.NAME, called_at=now)
            facts.forget(facts.CALLBACK_REPAIRED)
        waited = copies.adopt(now, skip_for=[SKIPPED_IN_COPY] if skip_missed else ())
        _report_copy(waited, skip=skip_missed)
        if skip_missed:
            skipped_from = facts.read_time(facts.CATCH_UP_WATERMARK) or since
            facts.skip_missed(now)
            erasure.forget_compared()
            _logger.warning("skipped what happened from %s to %s: nobody will be notified of it", skipped_from, now)
        if settings.admin_key:
            _add_first_administrator(settings, now)


def _add_first_administrator(settings: Settings, now: datetime) -> None:
    if api_keys.add_first_administrator(settings.admin_email, settings.admin_key, now):
        _logger.info("the first administrator is %s, with the key from TBOT_ADMIN_KEY", settings.admin_email)
    else:
        _logger.warning("TBOT_ADMIN_KEY is still set, and no longer read, as there are users: remove it")


def _report_copy(waiting: int | None, *, skip: bool) -> None:
    """Log what became of what waited in a backup that is now started (O12)."""
    if waiting is not None:
        became = "skipped" if skip else "flagged as possible duplicates: the original may have sent them"
        _logger.warning(
            "this database is a backup, started for the first time: %d messages and held notifications %s",
            waiting,
            became,
        )


class Server:
    """One server: its HTTP side and its background threads.

    `url` is where it listens, once started, `hooks_url` where it takes webhooks: the same without TBOT_HOOKS_PORT.
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime] | None = None) -> None:
        self._now = now or _now
        self._row = servers.Current()
        self._heart = heartbeat.Heartbeat(self._row, self._now)
        self._pool = ThreadPoolExecutor(settings.workers * 6, thread_name_prefix="lookups")
        self._later = ThreadPoolExecutor(1, thread_name_prefix="later")
        limit = rate_limit.RateLimiter(settings.cw_calls_per_minute)
        self._clocks = clock.Clocks(self._now)
        self._remote = people.RemoteServices(_connectwise(settings, limit, self._clocks), _webex(settings), self._pool)
        self._mass_changes = mass_changes.MassChanges(self._remote.connectwise, self._clocks.connectwise_now)
        background = self._remote.connectwise.in_background()
        self.syncs = sync_service.Syncs(sync_run.Services(background, self._remote.webex, self._row, self._now))
        self._worker = self._new_worker(settings)
        limit.busy = self._worker.is_busy
        self.app = self._new_app(settings)
        endpoints = [listener.Endpoint(self.app, settings.host, settings.port), *self._hooks_endpoint(settings)]
        (self._http, *others), self._listeners = listener.listen(endpoints)
        self._serving = threading.Thread(target=self._http.run, name="http", daemon=True)
        self.url = listener.address(self._http)
        self.hooks_url = next(map(listener.address, others), self.url)

    @property
    def outdated(self) -> errors.SchemaTooNew | None:
        """Why the database no longer allows this program, None as long as it does (O5)."""
        return self._worker.outdated

    def start(self) -> None:
        """Start all threads; requests are answered from now on."""
        self._heart.start()
        self._serving.start()  # HTTP first, so requests are answered while the workers start
        self._worker.start()
        _logger.info("tbot %s listens at %s", __version__, self.url, extra={"server_id": self._row.id})
        if self.hooks_url != self.url:
            _logger.info("webhooks are taken at %s only", self.hooks_url)

    def stop(self) -> None:
        """Take nothing more in, finish what is in flight, release what was claimed (O4)."""
        _logger.info("stopping")
        deadline = time.monotonic() + STOP_WITHIN_S
        # In the thread that polls the sockets: closing one while it polls would end it, with responses unsent.
        for each in self._listeners:
            each.trigger.pull_trigger(partial(wasyncore.dispatcher.close, each))
        self._http.task_dispatcher.shutdown(cancel_pending=False, timeout=int(STOP_WITHIN_S / 2))
        if not self._http.task_dispatcher.threads:  # those that wait for a slow database still have to respond
            for each in self._listeners:
                with contextlib.suppress(OSError):  # the last of them may be closed already
                    each.trigger.pull_trigger(each.close)
        self.syncs.stop()
        in_time = self._worker.stop(deadline - time.monotonic())
        self.syncs.join(2.0)
        for pool in (self._later, self._pool):
            pool.shutdown(wait=False, cancel_futures=True)
        try:
            self._heart.stop()
        # A plain DatabaseError: a newer release has changed the tables.
        except (errors.Unreachable, peewee.DatabaseError) as error:
            _logger.warning("what this server had claimed is not released; others take it over in 30 s: %s", error)
        db.close_database()
        _logger.info("stopped%s", "" if in_time else f"; {', '.join(self._worker.alive())} still busy")

    def _new_worker(self, settings: Settings) -> workers.Worker:
        remote = self._remote
        links = render.Links(ticket_links(settings), panel_url(settings))
        return workers.Worker(
            event_services=process_event.Services(
                remote, settings.timezone, self._row, self._clocks, self._mass_changes
            ),
            message_services=lambda pause: deliver.Services(remote.webex, links, self._row, self._clocks, pause),
            event_threads=settings.workers,
            now=self._now,
            heart=self._heart,
            jobs=self._jobs(settings),
            on_outdated=signals.request_shutdown,
        )

    def _jobs(self, settings: Settings) -> list[periodic.PeriodicJob]:
        def job(
            name: str, do: Callable[[periodic.Heartbeat], object], every_s: Callable[[], float]
        ) -> periodic.PeriodicJob:
            return periodic.PeriodicJob(name, do, every_s=every_s, server=self._row, now=self._now)

        config = health.Cached(_config, CONFIG_FOR_S)

        def configured(every_s: Callable[[runtime_config.Config], float]) -> Callable[[], float]:
            return lambda: every_s(config())

        source, zone = self._remote.connectwise, settings.timezone
        catching_up = catch_up.Services(source, self._now)
        scheduled = scheduled_sync.Services(self.syncs, zone, self._now)
        beating = heartbeat_url.Services(self._check, self._now)
        jobs = [
            job(catch_up.NAME, partial(catch_up.run, catching_up), configured(catch_up.every_s)),
            job(clock.NAME, partial(clock.check, source, self._clocks), lambda: clock.EVERY_S),
            job(retention.NAME, partial(retention.run, source, self._now), lambda: retention.EVERY_S),
            job(scheduled_sync.NAME, partial(scheduled_sync.run, scheduled), configured(scheduled_sync.every_s)),
            job(alerts.NAME, partial(alerts.run, self._alerts(settings)), lambda: alerts.EVERY_S),
            job(heartbeat_url.NAME, partial(heartbeat_url.run, beating), configured(heartbeat_url.every_s)),
        ]
        if settings.public_url:
            repair = partial(callbacks.run, source, settings.public_url, self._now)
            jobs.append(job(callbacks.NAME, repair, lambda: callbacks.EVERY_S))
        return jobs

    def _alerts(self, settings: Settings) -> alerts.Services:
        return alerts.Services(
            self._remote.connectwise,
            self._remote.webex,
            settings.timezone,
            is_public=bool(settings.public_url),
            now=self._now,
            wake_senders=self._wake_senders,
        )

    def _new_app(self, settings: Settings) -> bottle.Bottle:
        app = application.new_app()
        if settings.hooks_port is None:
            self._add_webhooks(app, settings)
        authenticator = authentication.Authenticator(
            trusted_proxies=settings.trusted_proxies, now=self._now, is_local_open=is_unproxied(settings)
        )
        readiness = health.Cached(self._check, health.READY_FOR_S)
        health.add_routes(
            app,
            authenticate_local=authenticator.authenticate_local,
            readiness=readiness,
            now=self._now,
        )
        services = operations.Services(
            authenticator=authenticator,
            webex=self._remote.webex,
            syncs=self.syncs,
            timezone=settings.timezone,
            now=self._now,
            server=self._row,
            wake_events=self._worker.events.notify,
            wake_messages=self._worker.messages.notify,
            readiness=readiness,
            send_sign_in_link=self._send_sign_in_link,
        )
        all_routes.add_routes(app, services)
        site.add_routes(app, services, panel_url(settings))
        return app

    def _hooks_endpoint(self, settings: Settings) -> list[listener.Endpoint]:
        """Return the listener for webhooks alone, if there is to be one (A2)."""
        if settings.hooks_port is None:
            return []
        app = application.new_app()
        self._add_webhooks(app, settings)
        health.add_healthcheck(app)
        host, names = settings.hooks_host or settings.host, ("TBOT_HOOKS_HOST", "TBOT_HOOKS_PORT")
        return [listener.Endpoint(app, host, settings.hooks_port, *names)]

    def _add_webhooks(self, app: bottle.Bottle, settings: Settings) -> None:
        signing_keys = webhook_signature.SigningKeys(
            cw_url=settings.cw_url,
            company=settings.cw_company,
            key_hosts=settings.cw_key_hosts,
            load_proven=partial(verified_keys.load, self._now),
            save_proven=partial(verified_keys.save, self._now),
            on_call=metrics.count_call,
        )
        notify, proxies = self._worker.events.notify, settings.trusted_proxies
        webhooks.add_routes(app, webhooks.WebhookServices(signing_keys, accept.Inbox(), notify, self._now, proxies))

    def _send_sign_in_link(self, email: str) -> None:
        find = partial(people.find_account, self._remote, self._now)
        self._later.submit(sign_in_message.send, email, find, self._now, self._worker.messages.notify)

    def _wake_senders(self) -> None:
        self._worker.messages.notify()

    def _check(self) -> dict[str, str]:
        worker = self._worker
        clock_is_wrong = self._clocks.is_wrong()
        return health.check(worker.dead(), self._now(), worker.failing_services(), clock_is_wrong=clock_is_wrong)


def ticket_links(settings: Settings) -> Callable[[int], str]:
    """Return how a ticket is addressed in ConnectWise's own UI (B1)."""
    return lambda ticket_id: render.ticket_url(settings.cw_url, settings.cw_codebase, settings.cw_company, ticket_id)


def panel_url(settings: Settings) -> str:
    """Return where people reach the panel, if that is known: what is public for webhooks alone does not lead there."""
    return settings.panel_url or (settings.public_url if settings.hooks_port is None else "")


def is_unproxied(settings: Settings) -> bool:
    """Return whether a request from this machine can only come from itself (A2).

    A proxy need not say that it forwards. So nothing may suggest one: neither a setting, nor an address to which others
    could connect.
    """
    listens_here = types.is_loopback(f"http://[{settings.host}]" if ":" in settings.host else f"http://{settings.host}")
    return listens_here and not settings.trusted_proxies and not settings.public_url


def _connectwise(
    settings: Settings, limit: rate_limit.RateLimiter, known_clocks: clock.Clocks
) -> connectwise_client.ConnectWise:
    return connectwise_client.ConnectWise(
        url=settings.cw_url,
        codebase=settings.cw_codebase,
        company=settings.cw_company,
        public_key=settings.cw_public_key,
        private_key=settings.cw_private_key,
        client_id=settings.cw_client_id,
        limit=limit,
        on_call=metrics.count_call,
        on_date=known_clocks.hear,
    )


def _webex(settings: Settings) -> webex_client.Webex:
    return webex_client.Webex(url=settings.webex_url, token=settings.webex_token, on_call=metrics.count_call)


def _config() -> runtime_config.Config:
    with db.session():
        return runtime_config.load()


def _now() -> datetime:
    return datetime.now(UTC)
