"""L7: how long a server counts as alive, and what becomes of what a dead one had claimed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import pytest

from tests.ledger import add_pending, draft
from ticketbot.background import heartbeat
from ticketbot.database import db
from ticketbot.models import event_claims, events, messages, notifications, recipients, servers, syncs

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ELSEWHERE = "another machine:boot:pid/1/2"


def _refuse(kind: type[OSError]) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise kind

    return refuse


def _identity(**parts: object) -> str:
    """Return the identity that a process of this machine would have, ours but for the parts that are given."""
    place, pid, started = heartbeat._identity().rsplit("/", 2)
    return "/".join(str(part) for part in ({"place": place, "pid": pid, "started": started} | parts).values())


@pytest.fixture(scope="module")
def dead_pid() -> int:
    """Return the id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


class Watcher:
    """A server that looks for dead ones, with a clock of its own."""

    def __init__(self) -> None:
        self.clock_s = 0.0
        self.row = servers.Current()
        self.heart = heartbeat.Heartbeat(self.row, lambda: NOW, lambda: self.clock_s)
        self.heart.start()

    def look(self, times: int, every_s: float = heartbeat.LOOK_EVERY_S) -> None:
        """Look several times."""
        for _ in range(times):
            self.clock_s += every_s
            self.heart.look()


def _add(identity: str) -> int:
    with db.transaction("test"):
        return servers.add(identity, "test", NOW)


def _claim_everything(server_id: int) -> None:
    """Have a server claim one of all there is to claim."""
    with db.transaction("test"):
        events.enqueue([events.Change(7, "hook", "added", None, "hook-7", NOW)])
        room = recipients.Recipient.create(type=recipients.ROOM, webex_id="room", name="Help Desk")
        add_pending([draft(7, room.id, NOW)], NOW)
        assert syncs.start({}, requested_by=None, server_id=server_id, now=NOW)
        assert servers.claim_job("catch-up", server_id)
    assert event_claims.claim(server_id, NOW)
    assert messages.claim(server_id, NOW)


def _states() -> tuple[str, str, str, int]:
    """Return what became of the event, the message, the sync and the job."""
    with db.session():
        jobs = servers.Job.select().count()
        return events.Event.get().state, notifications.Notification.get().state, syncs.SyncRun.get().state, jobs


CLAIMED, RELEASED = ("running", "sending", "running", 1), ("waiting", "pending", "failed", 0)


def test_claims_of_a_dead_process_on_this_machine_are_freed_at_once(database: str, dead_pid: int) -> None:
    """T7, L1, L2: a server that is started again need not wait for the one that was killed."""
    _claim_everything(_add(_identity(pid=dead_pid)))
    Watcher()
    assert _states() == RELEASED
    with db.session():
        assert messages.Message.get().possible_duplicate
        assert len(servers.all_servers()) == 1


def test_server_elsewhere_is_dead_after_30_s_without_a_heartbeat(database: str) -> None:
    _claim_everything(_add(ELSEWHERE))
    watcher = Watcher()
    watcher.look(11)
    assert _states() == CLAIMED
    watcher.look(2)
    assert _states() == RELEASED


def test_server_with_a_heartbeat_is_alive_however_wrong_its_clock_is(sqlite: str) -> None:
    other = _add(ELSEWHERE)
    _claim_everything(other)
    watcher = Watcher()
    for _ in range(10):
        watcher.look(10)
        with db.transaction("test"):
            assert servers.beat(other, NOW - timedelta(days=900))
    assert _states() == CLAIMED


def test_server_that_was_paused_itself_takes_no_other_for_dead(sqlite: str) -> None:
    """Its clock has gone on while it saw nothing."""
    _claim_everything(_add(ELSEWHERE))
    watcher = Watcher()
    watcher.look(1)
    watcher.look(1, every_s=3600)
    assert _states() == CLAIMED


def test_a_living_process_of_this_machine_keeps_what_it_claimed(sqlite: str) -> None:
    _claim_everything(_add(_identity()))
    Watcher().look(3)
    assert _states() == CLAIMED


def test_server_taken_for_dead_continues_under_a_new_id(sqlite: str, caplog: pytest.LogCaptureFixture) -> None:
    """L7: it claims no job and records nothing under the id that was taken from it."""
    watcher = Watcher()
    before = watcher.row.id
    heartbeat.release(before, NOW)
    with db.transaction("test"):
        assert not servers.claim_job("catch-up", before)
    watcher.look(heartbeat.LOOKS_PER_BEAT)
    assert watcher.row.id > before
    assert "was it paused?" in caplog.text


def test_a_claim_that_no_thread_has_in_hand_is_released_at_the_second_beat(database: str) -> None:
    """T7, L2: its commit may have succeeded although its worker was told that it failed; sync and job go on."""
    watcher = Watcher()
    _claim_everything(watcher.row.id)
    watcher.look(heartbeat.LOOKS_PER_BEAT)
    assert _states() == CLAIMED
    watcher.look(heartbeat.LOOKS_PER_BEAT)
    assert _states() == ("waiting", "pending", "running", 1)
    with db.session():
        assert messages.Message.get().possible_duplicate
        assert events.Event.get().crashes_alone is None


def test_claim_held_by_a_thread_stays_however_long_the_work_takes(sqlite: str) -> None:
    watcher = Watcher()
    _claim_everything(watcher.row.id)
    with watcher.row.working_on("event", 1), watcher.row.working_on("message", 1):
        watcher.look(20)
    assert _states() == CLAIMED


def test_stopping_server_releases_its_claims_without_counting_crashes(sqlite: str) -> None:
    """O4."""
    watcher = Watcher()
    _claim_everything(watcher.row.id)
    watcher.heart.stop()
    assert _states() == RELEASED
    with db.session():
        assert events.Event.get().crashes_alone is None
        assert servers.all_servers() == []


def test_process_with_the_reused_id_of_a_dead_one_is_not_taken_for_it() -> None:
    assert heartbeat.process_is_gone(_identity(started="4711"))


@pytest.mark.parametrize("identity", ["//", "tests/1/2", ELSEWHERE])
def test_a_process_elsewhere_never_counts_as_gone(identity: str) -> None:
    assert not heartbeat.process_is_gone(identity)


def test_an_identity_without_a_process_id_never_counts_as_gone() -> None:
    assert not heartbeat.process_is_gone(_identity(pid="none"))


def test_a_process_of_another_user_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    identity, other = _identity(), _identity(started="4711")
    monkeypatch.setattr(os, "kill", _refuse(PermissionError))
    assert not heartbeat.process_is_gone(identity)
    assert heartbeat.process_is_gone(other)


def test_without_proc_no_process_counts_as_gone(monkeypatch: pytest.MonkeyPatch, dead_pid: int) -> None:
    """On macOS, and in a container that hides it: the heartbeat decides there."""
    monkeypatch.setattr(Path, "readlink", _refuse(FileNotFoundError))
    monkeypatch.setattr(Path, "read_text", _refuse(FileNotFoundError))
    identity = heartbeat._identity()
    assert identity.split("/") == [socket.gethostname(), str(os.getpid()), "?"]
    assert not heartbeat.process_is_gone(identity)
    assert not heartbeat.process_is_gone(_identity(pid=dead_pid))


def test_a_machine_with_the_same_host_name_is_never_taken_for_this_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dead_pid: int
) -> None:
    """Cloned machines share it, and the inode of a host's pid namespace is the same constant everywhere."""
    identity = _identity(pid=dead_pid)
    assert heartbeat.process_is_gone(identity)
    other_boot = tmp_path / "boot_id"
    other_boot.write_text("11111111-2222-3333-4444-555555555555\n")
    monkeypatch.setattr(heartbeat, "BOOT_ID", other_boot)
    assert not heartbeat.process_is_gone(identity)
