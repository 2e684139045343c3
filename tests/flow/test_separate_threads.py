"""A2: webhooks and the health check have threads of their own, so nothing on other routes delays them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import requests

from tests.environment import World, post_webhook, wait_for
from ticketbot.api import client
from ticketbot.database import db
from ticketbot.server import dispatch
from ticketbot.simulators import faults

KEY = "a key that the operator chose"
ADMIN = {"TBOT_ADMIN_EMAIL": "ana@example.com", "TBOT_ADMIN_KEY": KEY}
UNKNOWN_TICKET = 990_099


def _hook_body(world: World) -> bytes:
    body: bytes = world.connectwise.callbacks.body(UNKNOWN_TICKET, None, "updated", "ana", callback=1)
    return body


def test_webhooks_and_health_are_answered_while_every_other_thread_waits(world: World) -> None:
    world.add_rule("Help Desk")
    with world.server(TBOT_WORKERS="1", **ADMIN) as server, ThreadPoolExecutor(dispatch.OTHER_THREADS + 1) as pool:
        room = client.Client(server.url, KEY).recipients()[0].id
        test = f"{server.url}/webex/rooms/{room}/test"
        header = {"Authorization": f"Bearer {KEY}"}

        def hanging() -> int:
            return sum(call.status == 0 and "/messages" in call.path for call in world.webex.calls.log())

        world.webex.faults.add(faults.slow(8, path="/messages", times=dispatch.OTHER_THREADS))
        slow = [pool.submit(requests.post, test, headers=header, timeout=20) for _ in range(dispatch.OTHER_THREADS * 2)]
        assert wait_for(lambda: hanging() == dispatch.OTHER_THREADS)
        hook = post_webhook(server.url, world, _hook_body(world))
        health = requests.get(f"{server.url}/healthcheck", timeout=5)
        assert hanging() == dispatch.OTHER_THREADS, "the answers came before those that hang"
        assert (hook.status_code, health.status_code) == (200, 200)
        assert [each.result().status_code for each in slow] == [200] * len(slow)


def test_health_is_answered_while_every_webhook_waits_for_the_database(sqlite: str) -> None:
    waiting = threading.Semaphore(0)

    def now() -> datetime:
        if threading.current_thread().name.startswith("waitress"):
            waiting.release()  # a webhook has been verified and is about to be stored
        return datetime.now(UTC)

    with World(sqlite) as world, world.server(now, TBOT_WORKERS="1") as server, ThreadPoolExecutor(16) as pool:
        post_webhook(server.url, world, _hook_body(world))
        assert waiting.acquire(timeout=10)
        with db.transaction("test"):  # holds the lock that every writer needs
            hooks = [
                pool.submit(post_webhook, server.url, world, _hook_body(world))
                for _ in range(dispatch.HOOK_THREADS + 1)
            ]
            for _ in range(dispatch.HOOK_THREADS):
                assert waiting.acquire(timeout=10)
            assert requests.get(f"{server.url}/healthcheck", timeout=5).status_code == 200
        assert [each.result().status_code for each in hooks] == [200] * len(hooks)
