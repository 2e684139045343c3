"""Ctrl+C ends with 130 and no traceback; a reader that goes away ends it silently."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import socket
import subprocess
import sys

import pytest

from tests.cli.cli_runner import CliRunner, clean_environ
from tests.environment import wait_for
from ticketbot.database import db
from ticketbot.models import syncs


def start(cli: CliRunner, *argv: str) -> subprocess.Popen[str]:
    """Start a command line as a process, and do not wait for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "ticketbot", *argv],
        env={**clean_environ(), **cli.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_syncing() -> bool:
    """Return whether a sync runs."""
    with db.session():
        return syncs.running() is not None


def test_ctrl_c_while_waiting_leaves_the_sync_running_and_says_how_to_cancel_it(cli: CliRunner) -> None:
    with cli.slow_syncs():
        process = start(cli, "sync", "--boards")
        assert process.stderr is not None
        assert process.stderr.readline() == "Sync 1 has started\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert is_syncing()
    assert (process.returncode, out) == (130, "")
    assert err == "Sync 1 continues on the server; `tbot sync cancel` stops it\n"
    assert wait_for(lambda: not is_syncing())


def test_ctrl_c_during_a_request_ends_with_130(cli: CliRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        process = start(cli, "list", "rules", f"--base-url=http://127.0.0.1:{silent.getsockname()[1]}")
        connection, _ = silent.accept()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=20) == ("", "")
        connection.close()
    assert process.returncode == 130


# Says when our own code has begun: what comes before it is the interpreter's.
STARTED = """
import sys
import ticketbot.__main__ as program
main = program.main
def said(*given):
    print("up", file=sys.stderr, flush=True)
    return main(*given)
program.main = said
sys.exit(program.run())
"""


@pytest.mark.parametrize("number", range(10))
def test_ctrl_c_at_any_moment_from_our_first_line_on_ends_with_130_or_comes_too_late(
    cli: CliRunner, number: int
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STARTED, "list", "rules"],
        env={**clean_environ(), **cli.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "up\n"
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(number * 0.03)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) in ((130, ""), (0, "No rules\n"), (130, "No rules\n"))


# Ctrl+C within the callback of a weak reference, as the import system has them: Python cannot raise it there.
SWALLOWED = """
import signal, sys, weakref
import ticketbot.__main__ as program
class Thing: pass
def main(*given):
    thing = Thing()
    watched = weakref.ref(thing, lambda _: {})
    del thing
    return 0
program.main = main
sys.exit(program.run())
"""


@pytest.mark.parametrize(
    ("happens", "status", "said"),
    [("signal.raise_signal(signal.SIGINT)", 130, ""), ("1 / 0", 0, "ZeroDivisionError: division by zero")],
)
def test_ctrl_c_where_python_would_swallow_it_ends_with_130_all_the_same(happens: str, status: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SWALLOWED.format(happens)],
        env=clean_environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    last_line = done.stderr.strip().rpartition("\n")[2]
    assert (done.returncode, last_line) == (status, said)


def test_a_broken_pipe_ends_silently(cli: CliRunner) -> None:
    cli.furnish()
    line = f"{sys.executable} -m ticketbot list notifications | head -0; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], env={**clean_environ(), **cli.environ}, capture_output=True, check=False, timeout=30
    )
    assert done.stderr == b""
    assert done.returncode in (0, 141)


def test_demo_ends_silently_on_a_broken_pipe() -> None:
    line = f"{sys.executable} -m ticketbot demo --once | head -2; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], env=clean_environ(), capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (141, b"")


def test_closed_stderr_is_ignored(cli: CliRunner) -> None:
    cli.furnish()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "ticketbot", "list", "rules"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            env={**clean_environ(), **cli.environ},
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_on_a_terminal_a_sync_draws_bars_and_leaves_its_result(cli: CliRunner) -> None:
    ours, theirs = pty.openpty()
    environ = {**clean_environ(), **cli.environ, "TERM": "xterm", "COLUMNS": "80"}
    with cli.slow_syncs():
        process = subprocess.Popen(
            [sys.executable, "-m", "ticketbot", "sync", "--boards"],
            env=environ,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        assert process.wait(20) == 0
    os.close(ours)
    assert b"\x1b[?25l" in shown, "no bar hid the cursor"
    done = b"Sync 1 is done: boards 2, statuses 2, types 2, priorities 4"
    assert shown.rstrip().splitlines()[-1].endswith(done), shown[-500:]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux, when nobody has the other side any more
        return b""


IMPORTS = """
import sys
from ticketbot.__main__ import main
import os
status = main(sys.argv[1:], os.environ)
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
sys.exit(status)
"""


@pytest.mark.parametrize(
    ("argv", "absent"),
    [
        (("version",), {"urwid", "waitress", "peewee", "requests", "rich", "msgspec"}),
        (("list", "rules"), {"urwid", "waitress", "peewee", "bottle", "psycopg2", "bcrypt"}),
        (("completion", "bash"), {"urwid", "waitress", "peewee", "requests", "rich", "msgspec"}),
        (("config",), {"urwid", "waitress", "peewee", "requests"}),
    ],
    ids=("version", "list-rules", "completion", "config"),  # a set has another order in each test process
)
def test_commands_import_only_what_they_need(cli: CliRunner, argv: tuple[str, ...], absent: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *argv],
        env={**clean_environ(), **cli.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(done.stderr.split()) & absent
