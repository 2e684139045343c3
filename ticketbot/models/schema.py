"""Migrate the database to this release's schema, or refuse to touch one that is too new (O5)."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from playhouse import migrations

from ticketbot import __version__, errors
from ticketbot.database import db
from ticketbot.models import facts, leaving_1x

DIRECTORY = Path(__file__).parent.parent / "migrations"

_ADVISORY_LOCK = 0x7462_6F74  # "tbot": servers that start together on one PostgreSQL take turns


class Step(NamedTuple):
    """One migration: its name and when it was applied, None if it is pending."""

    name: str
    applied_at: datetime | None


def status() -> list[Step]:
    """Return all migrations, known or only recorded, in order. Change nothing."""
    with db.session():
        return [Step(step.name, step.applied) for step in _runner().status()]


def migrate(pause: Callable[[float], object] = time.sleep) -> list[str]:
    """Apply pending migrations, under a lock and in one transaction. Return the names applied.

    The step from 1.x waits until the servers of 1.x have stopped; `pause` waits the given seconds.

    Raises `SchemaTooNew` before anything is written if the database requires a newer program.
    """
    with db.session():
        check_program()
        leaving_1x.stop_servers(pause)
        with db.transaction("migrate"):
            if db.is_postgres():
                # A migration may take long, and the next server waits for its end.
                db.database.execute_sql("SET LOCAL lock_timeout = 0")
                db.database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
            check_program()  # again: the previous holder of the lock may have been newer
            return list(_runner().up())


def check_program(*, is_migrated: bool = False) -> None:
    """Raise `SchemaTooNew` if the database requires a newer program; one that was never migrated does not."""
    with db.session():
        oldest = _oldest_program() if is_migrated or db.database.table_exists("fact") else None
    if oldest and _numbers(__version__) < _numbers(oldest):
        raise errors.SchemaTooNew(
            f"This database needs tbot {oldest} or newer, and this is {__version__}. Nothing was changed. "
            "Install the newer version, or restore a backup made with this one"
        )


def is_current() -> bool:
    """Return whether every migration this program knows has been applied."""
    return all(step.applied_at is not None for step in status())


def _runner() -> migrations.Runner:
    return migrations.Runner(db.database.obj, str(DIRECTORY), table_name="schema_migration")


def _oldest_program() -> str | None:
    row = facts.Fact.get_or_none(facts.Fact.name == facts.OLDEST_PROGRAM)
    return None if row is None else str(row.value)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
