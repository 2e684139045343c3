"""Run `tbot serve` as a process that tests can kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO

import requests

from tests.environment import wait_for
from tests.ports import free_port


class ServerProcess:
    """A `tbot serve` process, ready inside the block and stopped after it."""

    program: Sequence[str] = (sys.executable, "-m", "ticketbot")

    def __init__(self, environ: Mapping[str, str], *options: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._environ = {**self.inherited(), **environ, "TBOT_PORT": self.url.rpartition(":")[2]}
        self._options = options
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self.process: subprocess.Popen[bytes] | None = None

    def inherited(self) -> dict[str, str]:
        """Return our own environment without settings of Ticketbot.

        Coverage is not measured in these processes: it doubles their cost, and most of them are killed anyway.
        """
        return {name: value for name, value in os.environ.items() if not name.startswith(("TBOT_", "COVERAGE_"))}

    def __enter__(self) -> ServerProcess:
        self.start()
        assert wait_for(lambda: self.ended or self.is_ready), f"not ready: {self.log()}"
        return self

    def start(self) -> None:
        """Start the process without waiting for it."""
        self.process = subprocess.Popen(
            [*self.program, "serve", *self._options], env=self._environ, stdout=self._log, stderr=self._log
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        if not self.ended:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        if error:
            sys.stderr.write(self.log()[-6000:])
        self._log.close()

    @property
    def ended(self) -> bool:
        """Return whether the process has ended."""
        return self.process is not None and self.process.poll() is not None

    @property
    def is_ready(self) -> bool:
        """Return whether the server responds."""
        try:
            return requests.get(f"{self.url}/healthcheck", timeout=2).ok
        except requests.RequestException:
            return False

    @property
    def was_killed(self) -> bool:
        """Return whether the process was killed with SIGKILL."""
        return self.ended and self.process is not None and self.process.returncode == -signal.SIGKILL

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def log(self) -> str:
        """Return the log so far."""
        self._log.flush()
        position = self._log.tell()
        self._log.seek(0)
        text = self._log.read().decode(errors="replace")
        self._log.seek(position)
        return text
