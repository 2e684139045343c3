"""Two commands that touch the database beside the server: `init` and `migrate`; a third is in `doctor`."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

import peewee

from ticketbot import db, documents, errors, kinds
from ticketbot.config import Settings
from ticketbot.models import admin, schema


class Made(NamedTuple):
    """The first administrator's key, and what to say of it."""

    key: str
    words: str


def init(settings: Settings, name: str | None, email: str | None) -> Made:
    """Make the first administrator, whose key is shown this once, and write the client's config file (A3)."""
    _migrated(settings)
    now = datetime.now(UTC)
    name = name or _ask("Name of the first administrator", "--name")
    email = email or _ask("E-mail address", "--email")
    if "@" not in email.strip("@"):
        raise errors.InvalidInput(f"{email!r} is no e-mail address. Give one with --email")
    path = settings.config_file
    if settings.origins["api_key"].startswith("file"):
        raise errors.Conflict(f"{path} holds an api_key already. Take it out, or make a key with `tbot create key`")
    try:
        with db.transaction("init"):
            if admin.User.select().exists():
                raise errors.Conflict(
                    "There are users already. Ask one of them for `tbot create user` and `create key`"
                )
            made = admin.add_key(admin.add_user(name, email, now), admin.new_key(), now)
            _write_client_config(settings, made.key)
    except peewee.IntegrityError as error:
        raise errors.Conflict(f"{email} is taken") from error
    return Made(made.key, f"This is the key of {name} <{email}>. It is shown this once; the client has it in {path}")


def migrate(settings: Settings, *, status: bool) -> list[documents.Migration]:
    """Bring the database to this release's schema and return what was applied; or only tell where it stands."""
    applied = [] if status else _migrated(settings)
    if status:
        with _telling_which(settings):
            db.open_database(settings.database_url)
            schema.check_program()
    # The runner of migrations writes down local time.
    steps = [
        documents.Migration(name=name, applied_at=applied_at and applied_at.astimezone(UTC))
        for name, applied_at in schema.status()
    ]
    return steps if status else [step for step in steps if step.name in applied]


def _migrated(settings: Settings) -> list[str]:
    with _telling_which(settings):
        db.open_database(settings.database_url)
        return schema.migrate()


@contextlib.contextmanager
def _telling_which(settings: Settings) -> Iterator[None]:
    """Name the database that does not answer, and the setting that named it."""
    try:
        yield
    except errors.Unreachable as error:
        which = kinds.database_words(settings.database_url)
        raise errors.Unreachable(f"{error} ({which}). Check TBOT_DATABASE_URL, or its permissions") from error


def _ask(what: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise errors.InvalidInput(f"{what} is missing. Give it with {option}")
    print(f"{what}: ", end="", file=sys.stderr, flush=True)  # noqa: T201
    answer = sys.stdin.readline().strip()
    if not answer:
        raise errors.InvalidInput(f"{what} is missing. Give it with {option}")
    return answer


def _write_client_config(settings: Settings, key: str) -> None:
    """Add what the client needs to the config file, which nobody else may read from now on."""
    path = settings.config_file
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'api_key = "{key}"']
    if not settings.origins["base_url"].startswith("file"):
        lines.insert(0, f'base_url = "{settings.base_url}"')
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+") as file:
        os.fchmod(file.fileno(), 0o600)
        starts_a_line = file.read()[-1:] in ("", "\n")
        file.write(("" if starts_a_line else "\n") + "\n".join(lines) + "\n")
