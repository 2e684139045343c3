"""`tbot doctor`: check everything a server needs, and say how to fix each problem (O6)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from ticketbot import doctor_operation, errors
from ticketbot.api import client
from ticketbot.background import callbacks
from ticketbot.connectwise import connectwise_client
from ticketbot.database import db
from ticketbot.models import schema, users
from ticketbot.present.documents import Check, CheckState
from ticketbot.settings import table, types
from ticketbot.settings.table import Settings
from ticketbot.webex import webex_client

TIMEOUT_S = 10.0
CLOCK_DOUBTFUL_S = 5.0  # the Date header has whole seconds, and the response took a while to arrive
CLOCK_WRONG_S = 60.0

_CONNECTWISE = ("cw_company", "cw_public_key", "cw_private_key", "cw_client_id")
_AFTER_SETTINGS = (
    "database",
    "server",
    "connectwise",
    "permissions",
    "callback",
    "webex",
    "clock",
    "public_url",
    *doctor_operation.NAMES,
)


def check_all(settings: Settings) -> Iterator[Check]:
    """Yield each check as soon as it is done. Changes nothing, and needs no running server."""
    yield _settings(settings)
    database = _database(settings.database_url)
    yield _with_admin_key(database) if settings.admin_key and database.state == "ok" else database
    server = _server(settings)
    yield server
    is_up = server.state != "skipped" and not server.message.startswith("No Ticketbot server")
    yield from _connectwise(settings, is_up=is_up)
    yield _webex(settings)
    yield _public_url(settings, is_up=is_up)
    if database.state == "failed" or not _is_there(settings.database_url):
        yield from doctor_operation.skipped("There is no database that could be read")
    else:
        yield from doctor_operation.check_all(settings.database_url, has_public_url=bool(settings.public_url))


def settings_failed(error: errors.SettingsError) -> Iterator[Check]:
    """Yield all checks when the settings cannot be read."""
    for line in str(error).split("\n"):
        message, _, fix = line.partition(". ")
        yield Check(check="settings", state="failed", message=message, fix=fix or None)
    for name in _AFTER_SETTINGS:
        yield Check(check=name, state="skipped", message="The settings cannot be read")


def _settings(settings: Settings) -> Check:
    is_there = settings.config_file.exists()
    where = f"read from {settings.config_file}" if is_there else "read from the environment"
    if settings.warnings:
        return Check(check="settings", state="warning", message="; ".join(settings.warnings), fix="See `tbot config`")
    return Check(check="settings", state="ok", message=where)


def _database(url: str) -> Check:
    words = types.describe_database(url)
    file = db.sqlite_file(url)
    if file is not None and not file.exists():
        return _database_to_be(file)
    if file is not None and not os.access(file, os.R_OK | os.W_OK):
        return _failed("database", f"{words} cannot be written", "Run as its owner, or fix its permissions")
    try:
        db.open_database(url)
        check = _schema(words)
        open_files = _readable_by_others(file) if file is not None else []
        return _too_open(open_files) if check.state == "ok" and open_files else check
    except errors.SchemaTooNew as error:
        return _failed("database", str(error), "Install the newer version")
    except errors.TicketbotError as error:
        return _failed("database", f"{words}: {error}", "Check TBOT_DATABASE_URL, and that the database is running")
    finally:
        db.close_database()


def _with_admin_key(database: Check) -> Check:
    """Return the check of a database that has users while TBOT_ADMIN_KEY is set, which is then no longer read."""
    message = f"{database.message}; TBOT_ADMIN_KEY is still set, which is only read while there are no users"
    fix = "Remove it: whoever finds it there can do everything"
    return Check(check="database", state="warning", message=message, fix=fix)


def _is_there(url: str) -> bool:
    file = db.sqlite_file(url)
    return file is None or file.exists()


def _readable_by_others(file: Path) -> list[Path]:
    """Return the files of an SQLite database that users other than their owner may read or write."""
    files = [file, *(file.with_name(f"{file.name}{suffix}") for suffix in ("-wal", "-shm"))]
    return [each for each in files if each.exists() and each.stat().st_mode & 0o077]


def _too_open(files: Sequence[Path]) -> Check:
    names = " ".join(shlex.quote(str(each)) for each in files)
    message = f"Other users of this machine can read tickets and notes in {names}"
    return Check(check="database", state="warning", message=message, fix=f"chmod 600 {names}")


def _database_to_be(file: Path) -> Check:
    folder = next(each for each in file.parents if each.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        return _failed(
            "database", f"Cannot create {file}: {folder} is not writable", "Fix that, or set TBOT_DATABASE_URL"
        )
    return Check(
        check="database",
        state="warning",
        message=f"{file} does not exist yet",
        fix="`tbot init` creates it with a first administrator, `tbot serve` without one",
    )


def _schema(words: str) -> Check:
    schema.check_program()
    pending = [step.name for step in schema.status() if step.applied_at is None]
    if pending:
        fix = "Run `tbot migrate`, or start `tbot serve`"
        return Check(check="database", state="warning", message=f"{words} lacks {', '.join(pending)}", fix=fix)
    with db.session():
        has_users = users.User.select().exists()
    if not has_users:
        fix = "Run `tbot init`"
        return Check(check="database", state="warning", message=f"{words} is up to date, but has no users", fix=fix)
    return Check(check="database", state="ok", message=f"{words} is up to date")


def _server(settings: Settings) -> Check:
    server = client.Client(settings.base_url, settings.api_key, timeout_s=TIMEOUT_S)
    try:
        server.ping()
    except errors.TicketbotError as error:
        message = f"No Ticketbot server at {settings.base_url}: {error}"
        fix = "Start `tbot serve`, or set TBOT_BASE_URL to its address"
        return Check(check="server", state="warning", message=message, fix=fix)
    try:
        readiness = server.readiness()
        failing = [f"{name} {state}" for name, state in readiness.checks.items() if state != "ok"]
        identity = f" and accepts the key of {server.authtest().email}" if settings.api_key else ""
    except errors.NotAllowed as error:
        return _failed("server", f"{settings.base_url} rejects TBOT_API_KEY: {error}", "Set it to a valid key")
    except errors.TicketbotError as error:
        return _failed("server", str(error), "See the log of `tbot serve`")
    finally:
        server.close()
    message = f"{settings.base_url} responds{identity}"
    if failing:
        fix = "See the log of `tbot serve`"
        return Check(check="server", state="warning", message=f"{message}, but: {', '.join(failing)}", fix=fix)
    return Check(check="server", state="ok", message=message)


def _connectwise(settings: Settings, *, is_up: bool) -> Iterator[Check]:
    """Yield the checks that call ConnectWise; if the first one fails, the others are skipped."""
    missing = [key for key in _CONNECTWISE if not getattr(settings, key)]
    rest = ("permissions", "callback", "clock")
    if missing:
        names = ", ".join(f"TBOT_{key.upper()}" for key in missing)
        is_half = len(missing) < len(_CONNECTWISE)
        state: CheckState = "failed" if is_half else "skipped"
        yield Check(check="connectwise", state=state, message=f"Not set: {names}", fix="Use the keys of an API member")
        yield from (Check(check=name, state="skipped", message="ConnectWise is not configured") for name in rest)
        return
    source = connectwise_client.ConnectWise(
        url=settings.cw_url,
        codebase=settings.cw_codebase,
        company=settings.cw_company,
        public_key=settings.cw_public_key,
        private_key=settings.cw_private_key,
        client_id=settings.cw_client_id,
        read_timeout_s=TIMEOUT_S,
    )
    try:
        info = source.info()
        asked_at = datetime.now(UTC)
    except errors.RemoteError as error:
        yield _failed("connectwise", str(error), _connectwise_fix(error))
        yield from (Check(check=name, state="skipped", message="ConnectWise could not be checked") for name in rest)
        return
    version = f", version {info.version}" if info.version else ""
    yield Check(check="connectwise", state="ok", message=f"{settings.cw_url} accepts our keys{version}")
    yield _permissions(source)
    yield _callback(source, settings.public_url, is_up=is_up)
    yield _clock(info.served_at, asked_at)
    source.close()


def _connectwise_fix(error: errors.RemoteError) -> str:
    if isinstance(error, errors.RemoteDenied) and error.status == 403:
        return "The keys are known, but the security role of their API member is too weak: see System > Security Roles"
    if isinstance(error, errors.RemoteDenied):
        return "Check TBOT_CW_COMPANY, TBOT_CW_PUBLIC_KEY, TBOT_CW_PRIVATE_KEY and TBOT_CW_CLIENT_ID"
    return "Check TBOT_CW_URL, TBOT_CW_CODEBASE and the network"


def _permissions(source: connectwise_client.ConnectWise) -> Check:
    """Read one record of each type: a missing record is fine, a denial is not.

    The permissions are those that vendors of other integrations name in their guides.
    """
    tickets, projects = "Service Desk > Service Tickets: inquire all", "Project > Project Tickets: inquire all"
    tables = "System > Table Setup (Service Board, Priority): inquire all"
    probes: dict[str, tuple[Callable[[], object], str]] = {
        "service tickets": (lambda: next(source.tickets(page_size=1, only="id"), None), tickets),
        "notes of tickets": (lambda: source.notes(1, page_size=1), tickets),
        "boards": (source.boards, tables),
        "statuses of boards": (lambda: source.statuses(1), tables),
        "types of boards": (lambda: source.types(1), tables),
        "priorities": (source.priorities, tables),
        "members": (lambda: source.members_by_identifier(["ticketbot"]), "System > Member Maintenance: inquire all"),
        "callbacks": (source.callbacks, "System > Table Setup (Manage Hosted API): add, edit, delete and inquire all"),
        "project tickets": (lambda: next(source.tickets(project=True, page_size=1, only="id"), None), projects),
        "notes of project tickets": (lambda: source.notes(1, project=True, page_size=1), projects),
    }
    try:
        denied = [name for name, (probe, _) in probes.items() if _is_denied(probe)]
    except errors.RemoteError as error:
        return _failed("permissions", str(error), "Try again when ConnectWise is available")
    if not denied:
        return Check(check="permissions", state="ok", message=f"The API member may read {', '.join(probes)}")
    needed = "; ".join(dict.fromkeys(probes[name][1] for name in denied))
    fix = f"In ConnectWise (System > Security Roles), give its role {needed}"
    message = f"The API member may not read {', '.join(denied)}"
    if {probes[name][1] for name in denied} == {projects}:
        return Check(check="permissions", state="warning", message=message, fix=f"{fix}, unless you have no projects")
    return _failed("permissions", message, fix)


def _is_denied(probe: Callable[[], object]) -> bool:
    try:
        probe()
    except errors.RemoteDenied:
        return True
    except errors.RemoteGone:
        return False
    return False


def _callback(source: connectwise_client.ConnectWise, public_url: str, *, is_up: bool) -> Check:
    if not public_url:
        return _no_public_url("callback")
    base = f"{public_url}{callbacks.PATH}"
    try:
        changes = callbacks.callbacks_to_change(source.callbacks(), base, f"{base}?recordId=")
    except errors.RemoteError as error:
        return _failed("callback", str(error), "The API member needs all rights to callbacks")
    if changes.keep is not None and not changes.keep.inactive and not changes.delete:
        return Check(check="callback", state="ok", message=f"Callback {changes.keep.id} points to {base}")
    faults: Sequence[str] = [
        *(["there is no callback for it"] if changes.keep is None else []),
        *(["the callback is inactive"] if changes.keep is not None and changes.keep.inactive else []),
        *([f"{len(changes.delete)} duplicate or outdated callbacks exist"] if changes.delete else []),
    ]
    message = f"{base}: {', '.join(faults)}"
    if not is_up:
        return Check(check="callback", state="warning", message=message, fix="`tbot serve` fixes it when it starts")
    return _failed("callback", message, "`tbot serve` fixes it at start and hourly; its log says why it could not")


def _clock(served_at: datetime | None, now: datetime) -> Check:
    if served_at is None:
        return Check(check="clock", state="skipped", message="The response of ConnectWise has no Date header")
    off_s = abs((now - served_at).total_seconds())
    if off_s <= CLOCK_DOUBTFUL_S:
        return Check(check="clock", state="ok", message="The clock matches that of ConnectWise")
    state: CheckState = "failed" if off_s > CLOCK_WRONG_S else "warning"
    message = f"The clock is {off_s:.0f} s {'ahead of' if now > served_at else 'behind'} that of ConnectWise"
    return Check(check="clock", state=state, message=message, fix="Synchronize this machine's clock by NTP")


def _webex(settings: Settings) -> Check:
    if not settings.webex_token:
        return Check(check="webex", state="skipped", message="Not set: TBOT_WEBEX_TOKEN", fix="Set the bot's token")
    service = webex_client.Webex(url=settings.webex_url, token=settings.webex_token, read_timeout_s=TIMEOUT_S)
    try:
        bot = service.me()
    except errors.RemoteDenied as error:
        return _failed("webex", str(error), "Create a new token at developer.webex.com and set TBOT_WEBEX_TOKEN")
    except errors.RemoteError as error:
        return _failed("webex", str(error), "Check TBOT_WEBEX_URL and the network")
    finally:
        service.close()
    if bot.type != "bot":
        fix = "Set the token of a bot: a personal token expires within hours and posts as that person"
        return Check(check="webex", state="warning", message=f"The token belongs to {bot.name}, a {bot.type}", fix=fix)
    return Check(check="webex", state="ok", message=f"The token belongs to the bot {bot.name}")


def _public_url(settings: Settings, *, is_up: bool) -> Check:
    url = settings.public_url
    if not url:
        return _no_public_url("public_url")
    server = client.Client(url, "", timeout_s=TIMEOUT_S)
    try:
        server.ping()
    except errors.TicketbotError as error:
        if not is_up:
            fix = "Start `tbot serve`, then check again"
            return Check(check="public_url", state="warning", message=f"{error}: no server is running yet", fix=fix)
        return _failed(
            "public_url", f"{error} from here", "Check the name, proxy, certificate and firewall of that address"
        )
    finally:
        server.close()
    if not types.is_encrypted(url):
        fix = "Use https except in development"
        return Check(check="public_url", state="warning", message=f"{url} responds, but over plain http", fix=fix)
    return Check(check="public_url", state="ok", message=f"{url} responds")


def _no_public_url(name: str) -> Check:
    row = next(row for row in table.TABLE if row.key == "public_url")
    return Check(check=name, state="skipped", message="Not set: TBOT_PUBLIC_URL", fix=f"Set it to the {row.meaning}")


def _failed(check: str, message: str, fix: str) -> Check:
    return Check(check=check, state="failed", message=message, fix=fix)
