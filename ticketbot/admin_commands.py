"""The commands that open the database without the server: `init`, `migrate`, `backup`, `import`.

`doctor` has its own module.
"""

from __future__ import annotations

import functools
import os
import re
import shlex
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

import peewee

from ticketbot import errors, log
from ticketbot.api import requests
from ticketbot.database import db, sqlite_copy
from ticketbot.importer import run
from ticketbot.models import api_keys, audit, copies, schema, users
from ticketbot.present import documents
from ticketbot.settings import types
from ticketbot.settings.table import Settings

P = ParamSpec("P")
T = TypeVar("T")


class NewAdministrator(NamedTuple):
    """A new key, and the message to print with it."""

    key: str
    words: str


class Backup(NamedTuple):
    """The size of a backup in bytes, and the command that restores it."""

    size: int
    restore: str


def _closing_the_database(command: Callable[P, T]) -> Callable[P, T]:
    """Close all connections after a command: SQLite then leaves no files but the database."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        finally:
            db.close_database()

    return run


@_closing_the_database
def init(settings: Settings, name: str | None, email: str | None) -> NewAdministrator:
    """Create the first administrator (A3), or, given only the e-mail address of a user, another key for them.

    The key is shown once and written to the client's config file. Anyone who can write to the database could create
    one anyway: this is the way back in when the only key is lost.
    """
    _open_and_migrate(settings)
    now = datetime.now(UTC)
    known = _user(email) if email and not name else None
    if known is None:
        name = name or _ask("Name of the first administrator", "--name")
        email = email or _ask("E-mail address", "--email")
        if not re.search(requests.NAME, name):
            raise errors.InvalidInput(f"{name!a} is not a name. {requests.PATTERN_HINTS[requests.NAME]} with --name")
        try:
            types.email(email)
        except types.InvalidSetting as error:
            raise errors.InvalidInput(f"--email is {email!a}. {error}") from None
    path = settings.config_file
    if settings.origins["api_key"].startswith("file"):
        raise errors.Conflict(f"{path} already contains an api_key. Remove it, or create a key with `tbot create key`")
    try:
        with db.transaction("init"):
            user = known or _create_first_administrator(name or "", email or "", now)
            made = api_keys.add_key(user, api_keys.new_key(), now)
            if known:
                _audit_key_created(made.row, now)
            _write_client_config(settings, made.key)
    except peewee.IntegrityError as error:
        raise errors.Conflict(f"A user with the e-mail address {email} already exists") from error
    old = "; `tbot list keys` shows the earlier ones" if known else ""
    shown_once = f"It will not be shown again. It is saved in {path}{old}"
    return NewAdministrator(made.key, f"This is the key of {user.name} <{user.email}>. {shown_once}")


def _user(email: str) -> users.User | None:
    with db.session():
        found: users.User | None = users.User.get_or_none(users.User.email_lookup == email.lower())
        return found


def _create_first_administrator(name: str, email: str, now: datetime) -> users.User:
    there = users.User.select().order_by(users.User.id).first()
    if there:
        raise errors.Conflict(
            "Users already exist. Ask one of them to run `tbot create user` and `tbot create key`; "
            f"if all keys are lost, `tbot init --email={there.email}` creates another"
        )
    return users.add_user(name, email, now)


def _audit_key_created(key: api_keys.ApiKey, now: datetime) -> None:
    """Record the new key in the audit trail, where the other users see it."""
    whose = {"user_id": key.user.id, "user_email": key.user.email}
    audit.Audit.create(at=now, **whose, action="create", object="key", object_id=str(key.id))


@_closing_the_database
def migrate(settings: Settings, *, status: bool) -> list[documents.Migration]:
    """Migrate the database and return the applied migrations; with `status`, change nothing and return all."""
    applied = [] if status else _open_and_migrate(settings)
    if status:
        with db.naming_database(settings.database_url):
            db.open_database(settings.database_url)
            schema.check_program()
    # The migration runner records local time.
    steps = [
        documents.Migration(name=name, applied_at=applied_at and applied_at.astimezone(UTC))
        for name, applied_at in schema.status()
    ]
    return steps if status else [step for step in steps if step.name in applied]


@_closing_the_database
def import_database(settings: Settings, url: str, timezone: str | None, *, is_dry_run: bool) -> documents.Import:
    """Import the database of the Go implementation (M1); a dry run stores nothing.

    Raises `Conflict` while a server is running, and for a dry run on a database that would have to be migrated first.
    """
    try:
        url = types.postgres_url(url)
        zone = None if timezone is None else types.time_zone(timezone)
    except types.InvalidSetting as error:
        raise errors.InvalidInput(str(error)) from None
    log.add_secrets(*types.database_credentials(url))
    if is_dry_run:
        with db.naming_database(settings.database_url):
            db.open_database(settings.database_url)
            schema.check_program()
        steps = schema.status()
        if any(step.applied_at for step in steps) and not all(step.applied_at for step in steps):
            raise errors.Conflict("The database is of an earlier release. Run `tbot migrate` first")
    _open_and_migrate(settings)
    if not is_dry_run:
        run.refuse_living_servers()
    return run.run(url, settings.timezone, zone, datetime.now(UTC), is_dry_run=is_dry_run)


def backup(settings: Settings, target: Path) -> Backup:
    """Write a verified copy of an SQLite database while servers use it (O12).

    Raises `SettingsError` for PostgreSQL, whose own program does it better.
    """
    source = db.sqlite_file(settings.database_url)
    if source is None:
        raise errors.SettingsError(
            "The database is PostgreSQL, which has a program of its own for this. Run "
            f'`pg_dump --format=custom --file={shlex.quote(str(target))} "$TBOT_DATABASE_URL"`'
        )
    size = sqlite_copy.write(source, target, copies.MARK)
    database, copy = (shlex.quote(str(each)) for each in (source, target))
    restore = f"rm -f {database} {database}-wal {database}-shm && install -m 600 {copy} {database}"
    return Backup(size, restore)


def _open_and_migrate(settings: Settings) -> list[str]:
    with db.naming_database(settings.database_url):
        db.open_database(settings.database_url)
        return schema.migrate()


def _ask(label: str, option: str) -> str:
    if not sys.stdin.isatty():
        raise errors.InvalidInput(f"{label} is missing. Give it with {option}")
    print(f"{label}: ", end="", file=sys.stderr, flush=True)  # noqa: T201
    answer = sys.stdin.readline().strip()
    if not answer:
        raise errors.InvalidInput(f"{label} is missing. Give it with {option}")
    return answer


def _write_client_config(settings: Settings, key: str) -> None:
    """Add the client's settings to the config file, and make it readable by its owner only."""
    path = settings.config_file
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f'api_key = "{key}"']
    if not settings.origins["base_url"].startswith("file"):
        lines.insert(0, f'base_url = "{settings.base_url}"')
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "r+") as file:
        os.fchmod(file.fileno(), 0o600)
        starts_a_line = file.read()[-1:] in ("", "\n")
        file.write(("" if starts_a_line else "\n") + "\n".join(lines) + "\n")
