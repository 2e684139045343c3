"""T7, L1, S: which leases are renewed, and whose are taken over before they run out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.databases import Outage
from ticketbot.database import db
from ticketbot.models import event_claims, events, leases, notifications, recipients, syncs
from ticketbot.pipeline import lease_keeper

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=10)


def _refuse(kind: type[OSError]) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise kind

    return refuse


def _owner(**parts: object) -> str:
    """Return the owner that a process of this machine would be, ours but for the parts that are given."""
    place, pid, started, name = lease_keeper.LeaseKeeper().owner.split("/")
    return "/".join(
        str(part) for part in ({"place": place, "pid": pid, "started": started, "name": name} | parts).values()
    )


@pytest.fixture(scope="module")
def dead_pid() -> int:
    """Return the id of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def _take_everything(owner: str) -> None:
    """Have an owner hold one of all there is to hold."""
    with db.transaction("test"):
        events.enqueue([events.Change(7, "hook", "added", None, "hook-7", NOW)])
        room = recipients.Recipient.create(type=recipients.ROOM, webex_id="room", name="Help Desk")
        sending: dict[str, Any] = {
            "ticket_id": 7,
            "subject": "new:7",
            "target": f"recipient:{room.id}",
            "kind": "new",
            "recipient": room.id,
            "state": notifications.PENDING,
            "created_at": NOW,
            "give_up_at": NOW + timedelta(hours=24),
            "next_try_at": NOW,
        }
        notifications.add([sending])
        assert syncs.start({}, requested_by=None, owner=owner, now=NOW)
        assert leases.take("catch-up", owner=owner, now=NOW, seconds=60)
    assert event_claims.claim(owner, NOW)
    assert notifications.claim(owner, NOW)


def _states() -> tuple[str, str, str]:
    """Return what became of the event, the message and the sync."""
    with db.session():
        return events.Event.get().state, notifications.Notification.get().state, syncs.SyncRun.get().state


def _owners() -> set[str]:
    with db.session():
        return events.owners() | notifications.owners() | syncs.owners() | leases.owners()


def test_what_a_dead_process_of_this_machine_held_is_free_at_once(database: str, dead_pid: int) -> None:
    """T7, L1, L2: a server that is started again need not wait for the leases of the one that was killed."""
    _take_everything(_owner(pid=dead_pid))
    lease_keeper.release_leases_of_dead_processes(LATER)
    assert _states() == ("waiting", "pending", "failed")
    assert _owners() == set()
    with db.session():
        assert notifications.Notification.get().possible_duplicate


@pytest.mark.parametrize(
    "parts", [{}, {"place": "another machine", "pid": 1}], ids=["of our own", "of another machine"]
)
def test_what_a_living_process_or_another_machine_holds_stays_with_it(sqlite: str, parts: dict[str, object]) -> None:
    """T7, L1"""
    owner = _owner(**parts)
    _take_everything(owner)
    lease_keeper.release_leases_of_dead_processes(LATER)
    assert _states() == ("running", "sending", "running")
    assert _owners() == {owner}


def test_of_two_servers_only_the_dead_one_loses_what_it_held(sqlite: str, dead_pid: int) -> None:
    """S, T7: the sync of the living one goes on."""
    living = _owner(name="living")
    _take_everything(living)
    with db.transaction("test"):
        assert leases.take("watchdog", owner=_owner(pid=dead_pid), now=NOW, seconds=60)
    lease_keeper.release_leases_of_dead_processes(LATER)
    assert _states() == ("running", "sending", "running")
    assert _owners() == {living}


def test_a_process_that_was_given_the_id_of_a_dead_one_is_not_taken_for_it() -> None:
    assert lease_keeper.process_is_gone(_owner(started="4711"))


@pytest.mark.parametrize("owner", ["", "tests", "tests/", "another machine/1/2/3"])
def test_who_cannot_be_looked_for_is_never_dead(owner: str) -> None:
    assert not lease_keeper.process_is_gone(owner)


def test_an_owner_without_a_process_id_is_never_dead() -> None:
    assert not lease_keeper.process_is_gone(_owner(pid="none"))


def test_a_process_of_another_user_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    owner, other = _owner(), _owner(started="4711")
    monkeypatch.setattr(os, "kill", _refuse(PermissionError))
    assert not lease_keeper.process_is_gone(owner)
    assert lease_keeper.process_is_gone(other)


def test_without_proc_nobody_is_taken_for_dead(monkeypatch: pytest.MonkeyPatch, dead_pid: int) -> None:
    """On macOS, and in a container that hides it: leases run out by themselves there."""
    monkeypatch.setattr(Path, "readlink", _refuse(FileNotFoundError))
    monkeypatch.setattr(Path, "read_text", _refuse(FileNotFoundError))
    owner = lease_keeper.LeaseKeeper().owner
    assert owner.split("/")[:3] == [socket.gethostname(), str(os.getpid()), "?"]
    assert not lease_keeper.process_is_gone(owner)
    assert not lease_keeper.process_is_gone(_owner(pid=dead_pid))


def test_a_machine_with_the_same_host_name_is_never_taken_for_dead(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dead_pid: int
) -> None:
    """Cloned machines share it, and the inode of a host's pid namespace is the same constant everywhere."""
    owner = _owner(pid=dead_pid)
    assert lease_keeper.process_is_gone(owner)
    other_boot = tmp_path / "boot_id"
    other_boot.write_text("11111111-2222-3333-4444-555555555555\n")
    monkeypatch.setattr(lease_keeper, "BOOT_ID", other_boot)
    assert not lease_keeper.process_is_gone(owner)


def test_every_owner_is_another_one() -> None:
    """A server that was started again never mistakes itself for the one before."""
    assert lease_keeper.LeaseKeeper().owner != lease_keeper.LeaseKeeper().owner


def test_what_is_held_is_renewed_until_the_work_on_it_ends(sqlite: str) -> None:
    """T7, L1"""
    lease_holder = lease_keeper.LeaseKeeper()
    _take_everything(lease_holder.owner)
    with lease_holder.keeping(lease_keeper.EVENT, 1), lease_holder.keeping(lease_keeper.NOTIFICATION, 1):
        lease_holder.renew(LATER)
    lease_holder.renew(LATER + timedelta(seconds=10))
    with db.session():
        until = events.Event.get().lease_until, notifications.Notification.get().lease_until
    assert until == (LATER + timedelta(seconds=30),) * 2


def test_who_holds_nothing_does_not_touch_the_database(outage: Outage) -> None:
    outage.begin()
    lease_keeper.LeaseKeeper().renew(NOW)
