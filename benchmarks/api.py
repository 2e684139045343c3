"""api-auth: the cost of authentication: `GET /notifiers/rules` with 1,000 keys in the database, and without a key.

`python -m benchmarks.api <database-url> <ports-file>` is the process that serves both.
"""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks import harness
from ticketbot.api import responses
from ticketbot.database import db
from ticketbot.models import api_keys, recipients, rules, schema, servers, tickets, users

KEYS, CALLERS, RULES = 1000, 20, 10
REQUESTS, ROUNDS, THREADS = 1000, 11, 8
PATH = "/notifiers/rules"


def run() -> list[dict[str, Any]]:
    """Measure api-auth on both databases."""
    with harness.databases() as urls:
        return [_ratio(name, url) for name, url in urls.items()]


def _ratio(name: str, database_url: str) -> dict[str, Any]:
    keys = _fill(database_url)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ports.json"
        with harness.process(["-m", "benchmarks.api", database_url, str(file)]):
            harness.wait_for(lambda: file.exists() and file.read_text().endswith("\n"))
            ports = json.loads(file.read_text())
            authenticated, unauthenticated = (
                f"http://127.0.0.1:{ports[each]}{PATH}" for each in ("authenticated", "open")
            )
            with_key = [{"Authorization": f"Bearer {key}"} for key in keys]
            _get_all(authenticated, with_key, REQUESTS)  # verifies every key once, with bcrypt
            _get_all(unauthenticated, [{}], REQUESTS)
            rounds = [
                (_get_all(authenticated, with_key, REQUESTS), _get_all(unauthenticated, [{}], REQUESTS))
                for _ in range(ROUNDS)
            ]
            wrong_s = _wrong_key_s(authenticated)
    ratio = statistics.median(open_s / closed_s for closed_s, open_s in rounds)
    ours, floor = (REQUESTS / statistics.median(each) for each in zip(*rounds, strict=True))
    return {
        "name": f"api-auth, {name}",
        "figure": f"{ours:.0f}/s, a wrong key {wrong_s * 1000:.0f} ms",
        "floor": f"{floor:.0f}/s",
        "ratio": ratio,
        "target": ">= 0.95",
        "met": ratio >= 0.95,  # tests check that a wrong key costs no bcrypt
    }


def _fill(database_url: str) -> list[str]:
    """Store keys and rules, and return the keys to use; the others, never verified, are hashed at the lowest cost."""
    now = datetime.now(UTC)
    db.open_database(database_url)
    schema.migrate()
    with db.transaction("benchmark"):
        user = users.add_user("Bench", "bench@example.com", now)
        callers = [api_keys.new_key() for _ in range(CALLERS)]
        for key in callers:
            api_keys.add_key(user, key, now)
        api_keys.KEY_COST, cost = 4, api_keys.KEY_COST
        for _ in range(KEYS - CALLERS):
            api_keys.add_key(user, api_keys.new_key(), now)
        api_keys.KEY_COST = cost
        board = tickets.Board.create(id=1, name="Service Desk")
        for number in range(RULES):
            room = recipients.Recipient.create(type=recipients.ROOM, webex_id=f"room-{number}", name=f"Room {number}")
            rules.Rule.create(board=board, recipient=room, created_at=now)
    db.close_database()
    return callers


def _get_all(url: str, headers: Sequence[Mapping[str, str]], count: int) -> float:
    """Send `count` requests over keep-alive connections, cycling through the headers; return the seconds."""
    parts = urlsplit(url)
    refused: list[int] = []

    def send(first: int) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        for number in range(first, count, THREADS):
            connection.request("GET", parts.path, headers=dict(headers[number % len(headers)]))
            response = connection.getresponse()
            response.read()
            if response.status != 200:
                refused.append(response.status)
        connection.close()

    workers = [threading.Thread(target=send, args=(first,)) for first in range(THREADS)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if refused:
        raise RuntimeError(f"{len(refused)} requests were refused, the first with {refused[0]}")
    return time.perf_counter() - started


def _wrong_key_s(url: str) -> float:
    parts = urlsplit(url)
    seconds = []
    for number in range(9):
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        started = time.perf_counter()
        connection.request("GET", parts.path, headers={"Authorization": f"Bearer tbot_wrong-{number}"})
        connection.getresponse().read()
        seconds.append(time.perf_counter() - started)
        connection.close()
    return min(seconds)


def serve(database_url: str, file: Path) -> None:
    """Serve the API twice: as it is, and without authentication."""
    import bottle
    import waitress.server

    from ticketbot.connectwise import connectwise_client
    from ticketbot.server import application, authentication, dispatch, operations
    from ticketbot.server.routes import all_routes
    from ticketbot.settings.types import time_zone
    from ticketbot.sync import sync_run, sync_service
    from ticketbot.webex import webex_client

    class NoAuthentication(authentication.Authenticator):
        """Accepts every request."""

        def authenticate(
            self,
            _environ: Mapping[str, Any],
            *,
            needs: responses.Scope = "read",  # noqa: ARG002
            is_change: bool = False,  # noqa: ARG002
        ) -> authentication.Caller:
            return nobody

    def now() -> datetime:
        return datetime.now(UTC)

    def app(authenticator: authentication.Authenticator) -> bottle.Bottle:
        root = application.new_app()
        site = connectwise_client.ConnectWise(
            url="http://127.0.0.1:9", company="none", public_key="none", private_key="none", client_id="none"
        )
        webex = webex_client.Webex(token="none")
        syncs = sync_service.Syncs(sync_run.Services(site, webex, servers.Current(1), now))
        services = operations.Services(
            authenticator=authenticator,
            webex=webex,
            syncs=syncs,
            timezone=time_zone("UTC"),
            now=now,
            server=servers.Current(1),
            wake_events=lambda: None,
            wake_messages=lambda: None,
            send_sign_in_link=lambda _: None,
            readiness=dict,
        )
        all_routes.add_routes(root, services)
        return root

    nobody = authentication.Caller(0, "", responses.User(id=0, name="", email="", created_at=now()))
    db.open_database(database_url)
    listening: dict[str, Any] = {
        name: waitress.server.create_server(
            app(authenticator), host="127.0.0.1", port=0, threads=dispatch.OTHER_THREADS, map={}
        )
        for name, authenticator in (
            ("authenticated", authentication.Authenticator(trusted_proxies=(), now=now)),
            ("open", NoAuthentication(trusted_proxies=(), now=now)),
        )
    }
    file.write_text(json.dumps({name: server.effective_port for name, server in listening.items()}) + "\n")
    threads = [threading.Thread(target=server.run) for server in listening.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
