"""S: 50 SIGKILLs at random moments of a sync, and one after each of its commits, harm nothing: the next ends right.

`TBOT_TEST_SEED` repeats a run, `TBOT_TEST_SYNC_KILLS` says how many on each database (25).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cases import CAST
from tests.environment import World, ledger
from tests.sync_fixture import minute_clock, open_tickets
from ticketbot import failpoints
from ticketbot.database import db
from ticketbot.models import events, recipients, syncs, tickets

KILLS = int(os.environ.get("TBOT_TEST_SYNC_KILLS", "25"))
SEED = int(os.environ.get("TBOT_TEST_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)

DONE, KILLED = 0, -signal.SIGKILL


class Driver:
    """Processes that sync a world."""

    def __init__(self, world: World) -> None:
        site = world.connectwise
        self._asked = {
            "database": world.database_url,
            "connectwise": {
                "url": site.callbacks.url,
                "company": site.company,
                "public_key": site.public_key,
                "private_key": site.private_key,
                "client_id": site.client_id,
            },
            "webex": {"url": world.webex.url, "token": world.webex.token},
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.sync_subprocess"],
            env={name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def sync(self, *, fail_at: str = "", kill_after_s: float | None = None) -> int:
        """Sync everything and return how the process ended."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({**self._asked, "fail_at": fail_at}) + "\n")
        self._process.stdin.flush()
        pid = int(self._line())
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            with contextlib.suppress(ProcessLookupError):  # it was faster
                os.kill(pid, signal.SIGKILL)
        return int(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def stop(self) -> None:
        """End the driver."""
        self._process.communicate(timeout=30)


@pytest.fixture
def driver(world: World) -> Iterator[Driver]:
    world.connectwise.now = minute_clock()
    driver = Driver(world)
    yield driver
    driver.stop()


def _happen(world: World, dice: random.Random, *, new: int) -> None:
    """Let everything change that a sync looks at."""
    site = world.connectwise
    world.webex.add_room(f"Room {dice.random()}", [world.webex.add_person(f"{dice.random()}@msp.example", "Guest")])
    site.add_board(f"Board {dice.random()}")
    for board in (world.board, world.project_board):
        site.add_many(new, board, notes=dice.randrange(3))
    rows = [row for module in ("service", "project") for row in site.tickets(module)]  # type: ignore[arg-type]
    for row in dice.sample(rows, min(6, len(rows))):
        site.add_note(row["id"], f"note {dice.random()}", contact=world.contact, notify=False)
    for row in dice.sample(rows, 3):
        site.update_ticket(row["id"], status=">Closed", notify=False)
    site.delete_ticket(dice.choice(rows)["id"], notify=False)
    if len(world.webex.rooms) > 3:
        world.webex.remove_room(dice.choice(sorted(world.webex.rooms)))


def _check(world: World) -> None:
    """Compare everything stored with what the simulated services hold."""
    site = world.connectwise
    rows = [row for module in ("service", "project") for row in site.tickets(module)]  # type: ignore[arg-type]
    live = {row["id"]: row for row in rows if not row["closedFlag"]}
    assert open_tickets() == sorted(live)
    with db.session():
        assert tickets.existing_ids(tickets.Board) == set(site.boards)
        assert tickets.existing_ids(tickets.Status) == set(site.statuses)
        rooms, people = (set(recipients.active_recipients(kind)) for kind in (recipients.ROOM, recipients.PERSON))
        notes = {(note.kind, note.note_id): note.text for note in tickets.Note.select()}
        stored = {row.id: (row.status, row.summary) for row in tickets.Ticket.select() if row.id in live}
        assert events.Event.select().count() == 0
        assert tickets.Note.select().where(tickets.Note.decided_at.is_null(False)).count() == 0
        assert syncs.running() is None
    assert stored == {number: (row["status"]["name"], row["summary"]) for number, row in live.items()}
    wanted = {(note["noteType"], note["id"]): note["text"] for number in live for note in site.notes(number)}
    assert wanted.items() <= notes.items()
    assert rooms == {row["id"] for row in world.webex.visible_rooms()}
    members = {name for name, each in CAST.items() if not each.inactive and each.license_class != "A"}
    guests = {row["personId"] for room in rooms for row in world.webex.memberships(room)} - {world.webex.bot_id}
    assert people >= {world.accounts[name] for name in members & world.accounts.keys()} | guests
    assert ledger() == world.webex.messages() == []


def _run(driver: Driver, **kill: Any) -> float:
    started_s = time.monotonic()
    assert driver.sync(**kill) == DONE
    return time.monotonic() - started_s


def test_a_sync_killed_at_any_moment_harms_nothing(world: World, driver: Driver) -> None:
    """S, no-webhook-lost"""
    print(f"TBOT_TEST_SEED={SEED}")  # noqa: T201  (to repeat it)
    dice = random.Random(SEED)
    killed = 0
    _happen(world, dice, new=6)
    takes_s = _run(driver)
    for _ in range(KILLS):
        _happen(world, dice, new=2)
        killed += driver.sync(kill_after_s=dice.random() * takes_s * 1.1) == KILLED
        takes_s = _run(driver)
        _check(world)
    assert killed > KILLS / 2
    with db.session():
        states = [row.state for row in syncs.SyncRun.select().order_by(syncs.SyncRun.id)]
    assert states.count("done") >= KILLS + 1
    assert set(states) == {"done", "failed"}


def test_a_sync_killed_after_any_of_its_commits_harms_nothing(world: World, driver: Driver) -> None:
    """S, no-webhook-lost"""
    dice = random.Random(1)
    kills = 0
    for name in failpoints.SYNC_COMMITS:
        for passage in range(1, 100 if name != "sync-progress" else 3):
            _happen(world, dice, new=2)
            ended = driver.sync(fail_at=f"{name}.after:{passage}")
            if ended == DONE:
                break
            assert ended == KILLED
            kills += 1
            assert driver.sync() == DONE, f"after a kill at {name}:{passage}"
            _check(world)
        else:
            assert name == "sync-progress"
    assert kills >= len(failpoints.SYNC_COMMITS)
