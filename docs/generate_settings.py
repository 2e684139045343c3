"""Write the pages and samples that follow from the table of settings: `make docs`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ticketbot.settings import table
from ticketbot.settings.sources import Setting

ROOT = Path(__file__).parent.parent
MADE_BY = "Written by `make docs` from the table in ticketbot/settings/table.py"

PAGE = f"""\
<!-- {MADE_BY}; edit that. -->

# Settings

A setting comes from the command line, else from the environment, else from `config.toml`, else from its default. An
empty variable is not set. `tbot config` shows what is in force and where each value came from.

`config.toml` is the file that `--config` names, else the one in the platform's configuration directory (on Linux
`~/.config/ticketbot/config.toml`). Its keys are the names below without `TBOT_`, in lower case; an unknown key is an
error. A file that holds secrets must be readable by its owner only. [config.sample.toml](config.sample.toml) and
[env.example](../deploy/env.example) are samples to start from.

Secrets (🔒) are never flags and never shown. Each can also come from a file, whose last newline is left out:
`TBOT_WEBEX_TOKEN_FILE=/run/secrets/webex`, or `webex_token_file` in `config.toml`.

| setting | flag | default | meaning | needed by |
| --- | --- | --- | --- | --- |
"""
SAMPLE = f"""\
# Settings of Ticketbot. {MADE_BY}.
# Remove the # from what you set. With secrets in it: chmod 600.
"""
ENVIRONMENT = f"""\
# Environment of `tbot serve`, for `docker run --env-file` and systemd's EnvironmentFile.
# {MADE_BY}. An empty variable is not set.
"""


def pages() -> Mapping[Path, str]:
    """Return the text of every file that follows from the table, by its path in the repository."""
    return {
        Path("docs/settings.md"): PAGE + "".join(map(_table_row, table.TABLE)),
        Path("docs/config.sample.toml"): SAMPLE + "".join(map(_toml_entry, table.TABLE)),
        Path("deploy/env.example"): ENVIRONMENT + "".join(map(_variable, table.TABLE)),
    }


def _table_row(row: Setting) -> str:
    name = f"`{row.name}`{' 🔒' if row.is_secret else ''}"
    default = row.default_words if row.default is None else f"`{row.default}`" if row.default else ""
    needed_by = ", ".join(f"`{command}`" for command in row.needed_by)
    return f"| {name} | {f'`{row.flag}`' if row.flag else ''} | {default or 'none'} | {row.meaning} | {needed_by} |\n"


def _toml_entry(row: Setting) -> str:
    shown = row.example if row.example.isdigit() else f'"{row.example}"'
    return f"\n# {_plain(row)}\n# {row.key} = {shown}\n"


def _variable(row: Setting) -> str:
    is_needed = "serve" in row.needed_by
    shown = f"{row.name}=" if is_needed else f"# {row.name}={row.example}"
    return f"\n# {_plain(row)}\n{shown}\n"


def _plain(row: Setting) -> str:
    default = f" (default: {row.default_words})" if row.default_words else ""
    return f"{row.meaning.replace('`', '')}{default}"


if __name__ == "__main__":
    for path, text in pages().items():
        (ROOT / path).parent.mkdir(exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
