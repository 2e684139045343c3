"""The settings of one process: what there is, where each came from, and what is wrong with them.

The fields of `Settings` are the one table: they drive parsing, `tbot config`, the docs page and the sample files.
Precedence: command-line flag, environment, config.toml, default.
"""

from __future__ import annotations

import dataclasses
import zoneinfo
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import platformdirs

from ticketbot import errors
from ticketbot.settings import sources, types
from ticketbot.settings.sources import RawValue, Setting

_SERVER = ("serve",)
_CLIENT = (
    *("tui", "authcheck", "status", "sync", "list", "get", "create", "update", "delete", "explain", "try", "backtest"),
    *("retry", "test", "export", "plan", "apply"),
)
# Only tests read these; do not report them as misspelt settings.
_NO_SETTINGS = ("TBOT_DEBUG", "TBOT_TEST_", "TBOT_FAIL_AT")

HIDDEN = "(hidden)"
DATABASE_FILE = "tbot.db"


def _setting(
    read: Callable[[str], Any],
    default: str | None = None,
    *,
    meaning: str,
    example: str = "",
    secret: bool = False,
    flag: bool = False,
    needed_by: tuple[str, ...] = (),
    default_words: str = "",
) -> Any:
    row = Setting(
        read=read,
        default=default,
        meaning=meaning,
        example=example or default or "",
        default_words=default_words or default or "",
        is_secret=secret,
        has_flag=flag,
        needed_by=needed_by,
    )
    return dataclasses.field(metadata={"setting": row})


class Row(NamedTuple):
    """What `tbot config` shows of one setting; `value` is empty when it is not set."""

    name: str
    value: str
    origin: str
    is_secret: bool


@dataclasses.dataclass(frozen=True, repr=False, kw_only=True)
class Settings:
    """All settings, checked and typed. A text that is not set is empty, so is a list."""

    database_url: str = _setting(
        types.database_url,
        meaning="`sqlite:///path/to/file.db` or `postgresql://user:pass@host:5432/name`",
        example="postgresql://tbot:password@db.example.com:5432/tbot",
        secret=True,
        default_words="SQLite file in the platform's data directory",
    )
    host: str = _setting(types.host, "127.0.0.1", flag=True, meaning="address the server listens on")
    port: int = _setting(types.whole_number(0, 65535), "8080", flag=True, meaning="port the server listens on")
    hooks_host: str = _setting(
        types.host,
        meaning="address of the separate listener for webhooks",
        example="192.0.2.7",
        default_words="TBOT_HOST",
    )
    hooks_port: int | None = _setting(
        types.port_or_none,
        "",
        meaning="port of a separate listener for webhooks and `/healthcheck`; the other one then takes no webhooks",
        example="8081",
    )
    public_url: str = _setting(
        types.public_url,
        meaning="https address under which ConnectWise reaches us; enables the callback watchdog",
        example="https://tbot.example.com",
    )
    panel_url: str = _setting(
        types.api_base_url,
        meaning="where people reach the web panel; by default at TBOT_PUBLIC_URL, unless TBOT_HOOKS_PORT is set",
        example="https://tbot.example.com",
    )
    cw_url: str = _setting(
        types.connectwise_host,
        "https://api-na.myconnectwise.net",
        meaning="ConnectWise API host (any region, staging, on-premises)",
    )
    cw_company: str = _setting(
        types.printable_line, meaning="ConnectWise login company", example="acme", needed_by=_SERVER
    )
    cw_public_key: str = _setting(
        types.credential,
        meaning="public key of the ConnectWise API member",
        example="publickey",
        secret=True,
        needed_by=_SERVER,
    )
    cw_private_key: str = _setting(
        types.credential,
        meaning="private key of the ConnectWise API member",
        example="privatekey",
        secret=True,
        needed_by=_SERVER,
    )
    cw_client_id: str = _setting(
        types.credential,
        meaning="client id issued by developer.connectwise.com",
        example="00000000-0000-0000-0000-000000000000",
        secret=True,
        needed_by=_SERVER,
    )
    cw_codebase: str = _setting(types.path_segment, "v4_6_release", meaning="path segment before `/apis/3.0`")
    cw_calls_per_minute: int = _setting(
        types.whole_number(0), "1000", meaning="ConnectWise calls allowed per server; 0 = no limit of ours"
    )
    cw_key_hosts: tuple[str, ...] = _setting(
        types.hosts,
        "",
        meaning="further hosts that may serve webhook signing keys, comma separated",
        example="psa.example.com",
    )
    webex_url: str = _setting(types.api_base_url, "https://webexapis.com/v1", meaning="Webex API")
    webex_token: str = _setting(
        types.credential, meaning="token of the Webex bot", example="bottoken", secret=True, needed_by=_SERVER
    )
    admin_email: str = _setting(
        types.email, meaning="first administrator, used once on an empty database", example="ana@example.com"
    )
    admin_key: str = _setting(
        types.api_key,
        meaning="API key of the first administrator, 20 to 64 printable characters, used once on an empty database",
        example="choose-20-to-64-characters",
        secret=True,
    )
    timezone: zoneinfo.ZoneInfo = _setting(  # noqa: RUF009  (describes the field; there is no value to share)
        types.time_zone, "UTC", meaning="IANA zone for dates of forwards and for display", example="America/New_York"
    )
    trusted_proxies: tuple[types.Network, ...] = _setting(
        types.networks,
        "",
        meaning="addresses or networks whose `X-Forwarded-For` counts, comma separated",
        example="10.0.0.0/8,192.0.2.7",
    )
    log_level: str = _setting(
        types.choice("debug", "info", "warning", "error"),
        "info",
        flag=True,
        meaning="lowest level that is logged: `debug`, `info`, `warning` or `error`",
    )
    log_format: str = _setting(
        types.choice("auto", "text", "json"),
        "auto",
        meaning="`auto` (text on a terminal, JSON elsewhere), `text` or `json`",
    )
    workers: int = _setting(types.whole_number(1, 64), "4", meaning="events processed side by side per server")
    base_url: str = _setting(
        types.http_url, "http://127.0.0.1:8080", flag=True, meaning="server that the command line and the TUI talk to"
    )
    api_key: str = _setting(
        types.credential,
        meaning="API key that the command line and the TUI use; `tbot init` makes the first, `tbot create key` more",
        example="tbot_key",
        secret=True,
        needed_by=_CLIENT,
    )

    config_file: Path
    """The file that was read, or would be if it existed: `tbot init` writes it."""
    origins: Mapping[str, str]
    """Where each came from, by attribute: `flag`, `environment`, `file <path>` or `default`."""
    warnings: tuple[str, ...]
    """What looks like a mistake and is none: one line each."""

    def require(self, command: str) -> None:
        """Raise `SettingsError` naming all settings that `command` needs and that are not set (O9)."""
        missing = [row for row in TABLE if command in row.needed_by and not getattr(self, row.key)]
        if missing:
            raise errors.SettingsError("\n".join(self._how_to_set(row) for row in missing))

    def _how_to_set(self, row: Setting) -> str:
        or_file = f", or name a file in {row.name}_FILE" if row.is_secret else ""
        return (
            f"{row.name} is not set: {row.meaning}. "
            f"Set it in the environment or as {row.key} in {self.config_file}{or_file}"
        )

    def secrets(self) -> tuple[str, ...]:
        """Return every text that must never be shown, for the log to mask."""
        others = (getattr(self, row.key) for row in TABLE if row.is_secret and row.key != "database_url")
        return (*filter(None, others), *types.database_credentials(self.database_url))

    def describe(self) -> tuple[Row, ...]:
        """Return a row for every setting, in the order of the table, with secrets hidden."""
        return tuple(Row(row.name, self._shown(row), self.origins[row.key], row.is_secret) for row in TABLE)

    def _shown(self, row: Setting) -> str:
        value = getattr(self, row.key)
        if row.key == "database_url":
            shown = types.describe_database(value)
        elif row.is_secret:
            return HIDDEN if value else ""
        else:
            shown = ",".join(map(str, value)) if isinstance(value, tuple) else "" if value is None else str(value)
        return HIDDEN if sources.shows_secret(shown, self.secrets()) else shown

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{row.name}={row.value!r}' for row in self.describe())})"


TABLE: tuple[Setting, ...] = tuple(
    dataclasses.replace(field.metadata["setting"], key=field.name)
    for field in dataclasses.fields(Settings)
    if "setting" in field.metadata
)
"""Every setting, in the order of the documentation."""

FLAGS: tuple[str, ...] = ("--config", *(row.flag for row in TABLE if row.flag))
"""The options of the command line that are settings."""


def load(
    flags: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    config_dir: Path | None = None,
    data_dir: Path | None = None,
    writes_config: bool = False,
) -> Settings:
    """Read all settings. Raises one `SettingsError` with a line for everything that is wrong.

    `flags` holds the options of `FLAGS` that were given. The directories are the platform's unless named. A config
    file that is named must exist, unless it is to be written (`writes_config`).
    """
    problems: list[str] = []
    named = flags.get("--config")
    config_file = Path(named) if named else (config_dir or _platform_dir("config")) / "config.toml"
    given = {
        "database_url": RawValue(_sqlite_url((data_dir or _platform_dir("data")) / DATABASE_FILE), "", "default"),
        **sources.from_file(TABLE, config_file, problems, is_explicit=bool(named) and not writes_config),
        **sources.from_environ(TABLE, environ, problems),
        **sources.from_flags(TABLE, flags),
    }
    values = _values(given, problems)
    if values.get("admin_key") and values.get("admin_email") == "":
        problems.append("TBOT_ADMIN_KEY is set without TBOT_ADMIN_EMAIL. Set both, or none")
    if problems:
        raise errors.SettingsError("\n".join(problems))
    origins = {row.key: given[row.key].origin if row.key in given else "default" for row in TABLE}
    warnings = (*_unknown_variables(environ), *_suspicious_values(values))
    return Settings(**values, config_file=config_file, origins=origins, warnings=warnings)


def _platform_dir(kind: str) -> Path:
    find = platformdirs.user_config_path if kind == "config" else platformdirs.user_data_path
    return find("ticketbot", appauthor=False)


def _sqlite_url(path: Path) -> str:
    return f"sqlite:///{quote(path.as_posix())}"


def _values(given: Mapping[str, RawValue], problems: list[str]) -> dict[str, Any]:
    """Return the typed values that can be read, and add a line to `problems` for each of the others."""
    secrets = [given[row.key].text for row in TABLE if row.is_secret and row.key in given]
    values: dict[str, Any] = {}
    for row in TABLE:
        text = given[row.key].text if row.key in given else row.default
        try:
            values[row.key] = "" if text is None else row.read(text)
        except types.InvalidSetting as advice:
            problems.append(sources.malformed(row, given[row.key], advice, secrets))
    return values


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {row.name for row in TABLE} | {f"{row.name}_FILE" for row in TABLE if row.is_secret}
    unknown = sorted(name for name in environ if name.startswith("TBOT_") and name not in known)
    return [
        f"{name!r} in the environment is no setting. Did you mean {sources.nearest(name, known)}?"
        for name in unknown
        if not name.startswith(_NO_SETTINGS)
    ]


def _suspicious_values(values: Mapping[str, Any]) -> list[str]:
    doubts = [
        f"TBOT_{key.upper()} is plain http: credentials travel unencrypted. Use https outside of development"
        for key in ("cw_url", "webex_url")
        if not types.is_encrypted(values[key]) and not types.is_loopback(values[key])
    ]
    if values["admin_email"] and not values["admin_key"]:
        doubts.append("TBOT_ADMIN_EMAIL is set without TBOT_ADMIN_KEY. Set both to have that administrator added")
    if values["hooks_host"] and values["hooks_port"] is None:
        doubts.append("TBOT_HOOKS_HOST is set without TBOT_HOOKS_PORT. Set both to have a listener for webhooks alone")
    return doubts
