"""The commands that touch the database, beside the server: `init` and `migrate`."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import peewee

from ticketbot import db, errors
from ticketbot.config import Settings
from ticketbot.models import admin, schema


def init(settings: Settings, name: str | None, email: str | None) -> int:
    """Make the first administrator, show his key once and write the client's config file (A3)."""
    db.open_database(settings.database_url)
    schema.migrate()
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
    print(made.key)  # noqa: T201  (the one thing on stdout: the key, for scripts)
    print(  # noqa: T201
        f"This is the key of {name} <{email}>. It is shown this once; the client has it in {path}", file=sys.stderr
    )
    return 0


def migrate(settings: Settings, *, status: bool) -> int:
    """Bring the database to this release's schema, or only say where it stands."""
    db.open_database(settings.database_url)
    if status:
        schema.check_program()
        for step in schema.status():
            print(f"{step.name}  {f'applied {step.applied_at:%Y-%m-%d %H:%M}' if step.applied_at else 'waits'}")  # noqa: T201
        return 0
    applied = schema.migrate()
    print("\n".join(f"applied {name}" for name in applied) or "nothing to do")  # noqa: T201
    return 0


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
