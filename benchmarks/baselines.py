"""The floors that are programs, with the same bottle and waitress and nothing else.

`python -m benchmarks.baselines <database-url> <port-file>` reads the body and commits one row, for webhook-rate.
`python -m benchmarks.baselines hello <database-url>` serves a hello at `TBOT_PORT` with all libraries, for idle.
"""

from __future__ import annotations

import importlib
import os
import sqlite3
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bottle
import psycopg2
import waitress.server

THREADS = 8
LIBRARIES = (
    "bcrypt", "docopt", "msgspec", "platformdirs", "playhouse.migrations", "playhouse.pool", "prometheus_client",
    "psycopg2.extras", "requests",
)  # fmt: skip


def sqlite_writer(path: str) -> Callable[[bytes], None]:
    """Return a function that commits one row to SQLite, with the same journal and fsync as the program."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode=wal")
    connection.execute("PRAGMA synchronous=full")
    connection.execute("CREATE TABLE IF NOT EXISTS row (id INTEGER PRIMARY KEY, body BLOB)")
    lock = threading.Lock()

    def write(body: bytes) -> None:
        with lock:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO row (body) VALUES (?)", (body[:100],))
            connection.execute("COMMIT")

    return write


def postgres_writer(url: str) -> Callable[[bytes], None]:
    """Return a function that commits one row to PostgreSQL, with a connection per thread."""
    local = threading.local()
    with psycopg2.connect(url) as first, first.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS floor_row (id BIGSERIAL PRIMARY KEY, body BYTEA)")

    def write(body: bytes) -> None:
        if not hasattr(local, "connection"):
            local.connection = psycopg2.connect(url)
        with local.connection, local.connection.cursor() as cursor:
            cursor.execute("INSERT INTO floor_row (body) VALUES (%s)", (body[:100],))

    return write


def main(url: str, port_file: str) -> None:
    """Serve `POST /` until killed."""
    write = sqlite_writer(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else postgres_writer(url)
    app = bottle.Bottle()

    def webhook() -> str:
        write(bottle.request.environ["wsgi.input"].read(bottle.request.content_length))
        return "ok"

    app.route("/", "POST", webhook)
    server: Any = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=THREADS)
    Path(port_file).write_text(str(server.effective_port))
    server.run()


def hello(url: str) -> None:
    """Serve `GET /` until killed, with one peewee statement per request."""
    import peewee

    for name in LIBRARIES:
        importlib.import_module(name)
    database = peewee.SqliteDatabase(url.removeprefix("sqlite:///"), check_same_thread=False)
    app = bottle.Bottle()

    def greet() -> str:
        return "hello" if database.execute_sql("SELECT 1").fetchone() else ""

    app.route("/", "GET", greet)
    waitress.server.create_server(app, host="127.0.0.1", port=int(os.environ["TBOT_PORT"]), threads=THREADS).run()


if __name__ == "__main__" and sys.argv[1] == "hello":
    hello(sys.argv[2])
elif __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
